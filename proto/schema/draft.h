/* An event being put together from attributes and payload that a file names: what JSON and CSV have
 * in common on the way in. The texts it is given are borrowed until bp_draft_finish. Not to be
 * copied (the event may point into it); one thread. */
#ifndef BERBAGI_DRAFT_H
#define BERBAGI_DRAFT_H

#include "attributes.h"

struct bp_draft {
    const struct bp_schema *schema;
    struct bp_violations *v; /* empty at the start */
    struct bp_event event;
    struct bp_str nik;                /* the attribute; empty: not given */
    const struct bp_event_type *type; /* set by bp_draft_find_type */
    struct bp_buf data;               /* the payload, appended field by field */
    struct bp_buf scratch;
    char subject[sizeof("nik:") + 16];
};

void bp_draft_init(struct bp_draft *d, const struct bp_schema *schema, struct bp_violations *v);
void bp_draft_fini(struct bp_draft *d);

/* Sets an attribute from its text, or adds a violation. An empty text leaves it absent. */
void bp_draft_set(struct bp_draft *d, const struct bp_attribute *a, struct bp_str text);

/* Looks up the type that was set. False: a violation was added. */
bool bp_draft_find_type(struct bp_draft *d);

/* The rule for a worker's number, as event_json.h tells it. name: what to call it in a violation;
 * is_field: it is a payload field of the type as well. Call when all attributes are set. */
void bp_draft_name_worker(struct bp_draft *d, const char *name, struct bp_str nik, bool is_field);

/* Appends the serialized Event. False, and nothing is appended: there are violations, or no memory.
 */
bool bp_draft_finish(struct bp_draft *d, struct bp_buf *out);

#endif

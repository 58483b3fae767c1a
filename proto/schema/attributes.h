/* The attributes of an event by the names that CloudEvents and our files give them, in the order in
 * which they are written: one table for JSON and CSV. Pure; any thread. */
#ifndef BERBAGI_ATTRIBUTES_H
#define BERBAGI_ATTRIBUTES_H

#include "event.h"
#include "event_json.h"

enum bp_attribute_kind {
    BP_ATTRIBUTE_TEXT,    /* a text of the envelope */
    BP_ATTRIBUTE_TIME,    /* occurred_at */
    BP_ATTRIBUTE_VERSION, /* schema_version */
    BP_ATTRIBUTE_WORKER,  /* nik: names the worker; never written */
    BP_ATTRIBUTE_NOTE,    /* a delivery note: written for readers, left aside when read */
};

struct bp_attribute {
    struct bp_str name;
    enum bp_attribute_kind kind;
    size_t place; /* of a TEXT in struct bp_event */
};

extern const struct bp_attribute bp_attributes[];
extern const size_t bp_n_attributes;

const struct bp_attribute *bp_attribute_find(struct bp_str name); /* NULL: none */

/* The text of an attribute, empty if the event or the notes (NULL allowed) have none: borrowed from
 * them or from scratch, which is overwritten. Lists get separator between their items. */
struct bp_str bp_attribute_text(const struct bp_attribute *a, const struct bp_event *e,
                                const struct bp_delivery_notes *notes, char separator,
                                struct bp_buf *scratch);
/* May JSON show that text without quotes? */
bool bp_attribute_is_bare(const struct bp_attribute *a);

/* Does a name from outside look like a name of ours, so that a message may repeat it? Data in a
 * name's place (a number, a capitalized name, anything with blanks) does not. */
bool bp_name_is_plain(struct bp_str name);

#endif

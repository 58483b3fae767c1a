/* One event while it is being written: attributes of the envelope and payload fields as names and
 * texts, independent of how the file it goes to is written. Every value is synthetic. */
#ifndef BERBAGI_SYNTH_NOTICE_H
#define BERBAGI_SYNTH_NOTICE_H

#include "buffer.h"
#include "clock.h"

#define BP_NOTICE_FIELDS 20

struct bp_notice_field {
    const char *name; /* static */
    char text[160];   /* empty: the field is absent */
    bool is_number;
};

struct bp_notice {
    const char *type;        /* static */
    int64_t at;              /* seconds since 1970 */
    const char *nik;         /* of the worker it is about; NULL = about no person */
    const char *region;      /* NULL = national */
    const char *destination; /* NULL = not known */
    char correlation[65];    /* empty = none */
    uint32_t cause;          /* number of the event that led to it; 0 = none */
    struct bp_notice_field fields[BP_NOTICE_FIELDS];
    size_t n;
};

void bp_notice_init(struct bp_notice *d, const char *type, int64_t at);

/* Add a payload field; name and the text of a put are copied or static as said above. Longer text
 * than fits is a bug. */
void bp_notice_put(struct bp_notice *d, const char *name, const char *text);
void bp_notice_printf(struct bp_notice *d, const char *name, const char *format, ...)
    BP_PRINTF(3, 4);
void bp_notice_put_number(struct bp_notice *d, const char *name, uint64_t value);
void bp_notice_put_day(struct bp_notice *d, const char *name, bp_day day);
/* The two status fields; NULL previous: none (the machine's NONE). */
void bp_notice_put_status(struct bp_notice *d, const char *status, const char *previous);

/* Appends the event as one line: CloudEvents 1.0 structured JSON; id and source are the
 * publisher's, cause_id empty or the id of d->cause. */
void bp_notice_write_json(const struct bp_notice *d, const char *id, const char *source,
                          const char *cause_id, struct bp_buf *out);

/* The same as a row of a spreadsheet and the header above it: no id, no type, as an office would
 * keep its list. The columns are those of d, so all events of a file must put the same fields in
 * the same order. */
void bp_notice_write_csv(const struct bp_notice *d, struct bp_buf *out);
void bp_notice_write_csv_header(const struct bp_notice *d, struct bp_buf *out);

#endif

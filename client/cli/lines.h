/* The lines of a source, each at most LINE_MAX bytes long: a longer one is passed over without
 * being held. */
#ifndef BERBAGI_LINES_H
#define BERBAGI_LINES_H

#include "source.h"

#define BP_LINE_MAX (1024 * 1024)

struct bp_lines {
    struct bp_source *source;
    char *buffer; /* BP_LINE_MAX + 1 bytes */
    size_t at, end;
    uint64_t number; /* of the line handed out last, from 1 */
    bool at_end;
};

enum bp_line {
    LINE_TEXT,     /* *text, without its line end; borrowed until the next call */
    LINE_TOO_LONG, /* it was passed over */
    LINE_NONE,     /* the end */
};

/* The source is borrowed. BP_ENOMEM. */
BP_MUST_USE bp_status bp_lines_init(struct bp_lines *l, struct bp_source *source,
                                    struct bp_err *err);
void bp_lines_fini(struct bp_lines *l);

/* A carriage return before the line end and a byte order mark before the first line are dropped. As
 * bp_source_read. */
BP_MUST_USE bp_status bp_lines_next(struct bp_lines *l, enum bp_line *kind, struct bp_str *text,
                                    struct bp_err *err);

#endif

/* Bytes of one input file or of standard input, which may be a pipe that is slow: while nothing
 * comes the caller gets a turn. */
#ifndef BERBAGI_SOURCE_H
#define BERBAGI_SOURCE_H

#include "error.h"
#include "text.h"

struct bp_source {
    int fd;
    bool is_own; /* close it */
    const char *name;
    /* Nothing to read now; runs again every tenth of a second. Anything but BP_OK ends the reading.
     * NULL allowed. */
    bp_status (*idle)(void *context, struct bp_err *err);
    void *context;
};

/* "-" is standard input; path is borrowed. BP_EIO. */
BP_MUST_USE bp_status bp_source_open(const char *path, struct bp_source *out, struct bp_err *err);
void bp_source_close(struct bp_source *s);

/* Reads up to n bytes, at least one; *got 0: the end. BP_ECLOSED: the user asked to stop. BP_EIO;
 * what idle returned. */
BP_MUST_USE bp_status bp_source_read(struct bp_source *s, void *p, size_t n, size_t *got,
                                     struct bp_err *err);

#endif

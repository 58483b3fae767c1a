/* Where rows that were not stored are told of: a file (CSV by its name, JSON Lines otherwise), or
 * the first few on standard error. Never a value of a field. */
#ifndef BERBAGI_REJECTS_H
#define BERBAGI_REJECTS_H

#include <stdio.h>

#include "error.h"
#include "text.h"

#define BP_REJECTS_SAID 10 /* told on standard error when there is no file */

struct bp_rejects {
    FILE *file; /* NULL: none was asked for */
    const char *path;
    bool is_csv;
    uint64_t said, unsaid;
    /* Takes words for people; set by the owner. */
    void (*say)(void *context, const char *words);
    void *context;
};

/* path NULL: no file; what is there already is replaced. BP_EIO. */
BP_MUST_USE bp_status bp_rejects_open(const char *path, struct bp_rejects *out, struct bp_err *err);

/* One reason of one row. line: of the input file, from 1. */
void bp_rejects_add(struct bp_rejects *r, const char *file, uint64_t line, const char *field,
                    const char *reason, const char *message);

/* Writes all out; says how many were not said. BP_EIO: something could not be written. */
BP_MUST_USE bp_status bp_rejects_close(struct bp_rejects *r, struct bp_err *err);

#endif

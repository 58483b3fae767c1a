/* A small sample, made once for a test program and read back as an agency's client would read it.
 */
#ifndef BERBAGI_TEST_SYNTH_SAMPLE_H
#define BERBAGI_TEST_SYNTH_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>

#include "synth.h"

/* One line of one file. */
struct sample_event {
    const char *agency; /* of the file's name */
    const char *type, *id;
    const char *nik, *cause; /* "" where there is none */
    int64_t at;              /* seconds */
    const char *line;
    json_t *json; /* owns the texts above */
};

struct sample {
    char dir[64];
    char *agencies[16];
    struct bp_buf texts[16];
    size_t n_files;
    struct sample_event *events; /* by file, in the order of its lines */
    size_t n;
};

/* The plan that the tests share: 1,500 placements of Lampung Timur. */
struct bp_synth_plan sample_plan(void);

/* A folder of its own; writes the plan's files there. */
void sample_write(const struct bp_synth_plan *plan, char dir[64]);
void sample_remove(const char *dir);

/* The content of dir/name. */
struct bp_buf sample_read(const char *dir, const char *name);

void sample_make(struct sample *s);
void sample_free(struct sample *s);

/* A payload field that is text; "" where it is absent. */
const char *sample_field(const struct sample_event *e, const char *name);

#endif

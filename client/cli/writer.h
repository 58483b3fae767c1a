/* Deliveries as lines on standard output, in one of three forms. */
#ifndef BERBAGI_WRITER_H
#define BERBAGI_WRITER_H

#include <stdio.h>

#include "event_csv.h"
#include "grounds.h"

enum bp_output { OUTPUT_JSONL, OUTPUT_CSV, OUTPUT_PRETTY };

struct bp_writer {
    enum bp_output output;
    FILE *to;
    bool with_grounds; /* print each ground once */
    const struct bp_schema *schema;
    struct bp_csv_table *table; /* OUTPUT_CSV */
    struct bp_grounds grounds;
    struct bp_buf line;
};

/* types: patterns that decide the columns of a CSV, none = all. The CSV header is written at once.
 * BP_EINVAL: a pattern that no type matches; BP_ENOMEM; BP_EIO; BP_ECLOSED: the reader of the
 * output is gone. */
BP_MUST_USE bp_status bp_writer_open(struct bp_writer *w, enum bp_output output, FILE *to,
                                     bool with_grounds, const struct bp_schema *schema,
                                     const char *const *types, size_t n_types, struct bp_err *err);
void bp_writer_close(struct bp_writer *w); /* zeroed is closed */

/* Keeps it for the deliveries to come; with_grounds: prints it, as a JSON line {"ground": ...}, or
 * as words, which a CSV has on standard error. */
BP_MUST_USE bp_status bp_writer_ground(struct bp_writer *w, const struct berbagi_ground *ground,
                                       struct bp_err *err);
/* BP_EINVAL: the event cannot be read; the words name its position. */
BP_MUST_USE bp_status bp_writer_delivery(struct bp_writer *w, const struct berbagi_delivery *d,
                                         struct bp_err *err);

/* Hands everything to the operating system and, if it is a file, to the disk. BP_EIO, BP_ECLOSED.
 */
BP_MUST_USE bp_status bp_writer_flush(struct bp_writer *w, bool to_disk, struct bp_err *err);

#endif

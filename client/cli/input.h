/* Rows of JSON Lines and CSV files as events. */
#ifndef BERBAGI_INPUT_H
#define BERBAGI_INPUT_H

#include "source.h"
#include "validate.h"

enum bp_input_format { INPUT_BY_NAME, INPUT_JSONL, INPUT_CSV };

struct bp_input {
    const struct bp_schema *schema;
    enum bp_input_format format;
    struct bp_str type; /* of all rows of a CSV file, or empty */
    /* Each row: event is serialized, or empty where violations tell what does not fit. All
     * borrowed. Anything but BP_OK ends the reading and is returned. */
    bp_status (*row)(void *context, uint64_t line, struct bp_str event,
                     const struct bp_violations *violations, struct bp_err *err);
    bp_status (*idle)(void *context, struct bp_err *err); /* as of bp_source */
    void *context;
};

/* "jsonl", "csv". */
bool bp_input_format_parse(struct bp_str name, enum bp_input_format *out);
/* By extension: .jsonl, .ndjson and .json are JSON Lines, .csv is CSV. False: none of these. */
bool bp_input_format_of(const char *path, enum bp_input_format *out);

/* Reads path ("-": standard input) to its end. Words of a failure begin with the file, and the line
 * where that is at fault. */
BP_MUST_USE bp_status bp_input_read(const struct bp_input *in, const char *path,
                                    struct bp_err *err);

/* How many rows a plain file holds, by its line ends; 0: not known (a pipe, an unreadable file). */
uint64_t bp_input_count(const char *path, enum bp_input_format format);

#endif

/* Events of any type for the tests of JSON and CSV: every field filled, with values that are hard
 * to carry. */
#ifndef SAMPLES_H
#define SAMPLES_H

#include "validate.h"

#define SAMPLE_NIK "1807995203990001"

/* The contract and everything.proto; fails the test if they do not load. */
struct bp_schema *sample_schema(void);

/* Fills a payload of the type, in canonical form; round picks other values each time. */
void sample_payload(const struct bp_event_type *type, unsigned round, struct bp_buf *data);

/* An event of the type with that payload; data is borrowed. */
struct bp_event sample_event(const struct bp_event_type *type, const struct bp_buf *data);

/* Is there exactly this violation? Prints what there is otherwise. */
bool has_only_violation(const struct bp_violations *v, const char *field, const char *reason);

#endif

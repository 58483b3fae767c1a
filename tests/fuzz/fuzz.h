/* What fuzz targets share. A target is one file that defines LLVMFuzzerTestOneInput: it feeds the
 * bytes to a decoder or parser and asserts (BP_ASSERT) what must hold of what comes out. One
 * thread. */
#ifndef BERBAGI_FUZZ_H
#define BERBAGI_FUZZ_H

#include "buffer.h"
#include "schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* The bytes that are not taken yet. */
struct fuzz_input {
    const uint8_t *p;
    size_t n;
};

/* Take from the front; 0 and empty once nothing is left. */
uint8_t fuzz_take_byte(struct fuzz_input *in);
uint64_t fuzz_take_u64(struct fuzz_input *in); /* little-endian */
/* Up to the next line feed, which is dropped. */
struct bp_str fuzz_take_line(struct fuzz_input *in);
static inline struct bp_str fuzz_rest(const struct fuzz_input *in)
{
    return bp_str_of(in->p, in->n);
}

/* The embedded schema, loaded at the first call. */
const struct bp_schema *fuzz_schema(void);
/* The event type that the next line names; one picked by the line's hash where it names none, so
 * that no input is lost. */
const struct bp_event_type *fuzz_take_type(struct fuzz_input *in);

#endif

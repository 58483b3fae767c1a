/* Growing byte buffer with one sticky failure: append at will, ask once at the end whether memory
 * ran out. Not shared between threads. */
#ifndef BERBAGI_BUFFER_H
#define BERBAGI_BUFFER_H

#include <stdatomic.h>

#include "error.h"
#include "text.h"

struct bp_buf {
    uint8_t *p; /* n bytes are valid; NULL while empty */
    size_t n;
    size_t capacity;
    bool failed; /* an append ran out of memory; all later ones do nothing */
};

void bp_buf_fini(struct bp_buf *b);  /* frees and empties; a zeroed struct is an empty buffer */
void bp_buf_clear(struct bp_buf *b); /* empties, keeps the memory */

uint8_t *bp_buf_grow(struct bp_buf *b, size_t n); /* bp_buf_reserve's own */
/* Room for n more bytes and the place to write them (then add to b->n); NULL when out of memory. */
static inline uint8_t *bp_buf_reserve(struct bp_buf *b, size_t n)
{
    return !b->failed && n <= b->capacity - b->n ? b->p + b->n : bp_buf_grow(b, n);
}
void bp_buf_add(struct bp_buf *b, const void *p, size_t n);
void bp_buf_add_str(struct bp_buf *b, struct bp_str s);
void bp_buf_add_text(struct bp_buf *b, const char *text);
void bp_buf_add_byte(struct bp_buf *b, uint8_t byte);
void bp_buf_printf(struct bp_buf *b, const char *format, ...) BP_PRINTF(2, 3);

/* The content as text; borrowed until the buffer changes. */
static inline struct bp_str bp_buf_str(const struct bp_buf *b)
{
    return bp_str_of(b->p, b->n);
}

/* Immutable bytes with a reference count, shared between threads: what is sent to several readers.
 */
struct bp_blob {
    atomic_uint refs;
    size_t n;
    uint8_t *p;
};

/* Takes the content out of b, which is empty afterwards; one reference, the caller's. NULL when out
 * of memory or b->failed; b keeps its content then. */
struct bp_blob *bp_blob_take(struct bp_buf *b);
struct bp_blob *bp_blob_ref(struct bp_blob *blob);
void bp_blob_unref(struct bp_blob *blob); /* NULL allowed */

#endif

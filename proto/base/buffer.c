#include "buffer.h"

#include <stdarg.h>
#include <stdio.h>

void bp_buf_fini(struct bp_buf *b)
{
    free(b->p);
    *b = (struct bp_buf){0};
}

void bp_buf_clear(struct bp_buf *b)
{
    b->n = 0;
    b->failed = false;
}

uint8_t *bp_buf_grow(struct bp_buf *b, size_t n)
{
    if (b->failed)
        return NULL;
    size_t capacity = b->capacity != 0 ? b->capacity : 256;
    while (capacity - b->n < n) {
        if (capacity > SIZE_MAX / 2) {
            b->failed = true;
            return NULL;
        }
        capacity *= 2;
    }
    uint8_t *p = realloc(b->p, capacity);
    if (p == NULL) {
        b->failed = true;
        return NULL;
    }
    b->p = p;
    b->capacity = capacity;
    return p + b->n;
}

void bp_buf_add(struct bp_buf *b, const void *p, size_t n)
{
    if (n == 0)
        return;
    uint8_t *to = bp_buf_reserve(b, n);
    if (to == NULL)
        return;
    memcpy(to, p, n);
    b->n += n;
}

void bp_buf_add_str(struct bp_buf *b, struct bp_str s)
{
    bp_buf_add(b, s.p, s.n);
}

void bp_buf_add_text(struct bp_buf *b, const char *text)
{
    bp_buf_add(b, text, strlen(text));
}

void bp_buf_add_byte(struct bp_buf *b, uint8_t byte)
{
    bp_buf_add(b, &byte, 1);
}

void bp_buf_printf(struct bp_buf *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *to = n >= 0 ? (char *)bp_buf_reserve(b, (size_t)n + 1) : NULL;
    if (to != NULL) {
        (void)vsnprintf(to, (size_t)n + 1, format, again);
        b->n += (size_t)n;
    } else {
        b->failed = true;
    }
    va_end(again);
}

struct bp_blob *bp_blob_take(struct bp_buf *b)
{
    struct bp_blob *blob = b->failed ? NULL : malloc(sizeof(*blob));
    if (blob == NULL)
        return NULL;
    atomic_init(&blob->refs, 1);
    blob->n = b->n;
    blob->p = b->p;
    *b = (struct bp_buf){0};
    return blob;
}

struct bp_blob *bp_blob_ref(struct bp_blob *blob)
{
    atomic_fetch_add_explicit(&blob->refs, 1, memory_order_relaxed);
    return blob;
}

void bp_blob_unref(struct bp_blob *blob)
{
    if (blob == NULL || atomic_fetch_sub_explicit(&blob->refs, 1, memory_order_acq_rel) != 1)
        return;
    free(blob->p);
    free(blob);
}

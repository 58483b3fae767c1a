/* Chunks of a few KiB; a piece that is larger gets a chunk of its own. */
#include "arena.h"

#include <stdalign.h>
#include <stdlib.h>

#define CHUNK_BYTES 16384

struct bp_arena_chunk {
    struct bp_arena_chunk *next;
    size_t used, size;
    alignas(max_align_t) char bytes[];
};

static struct bp_arena_chunk *add_chunk(struct bp_arena *a, size_t least)
{
    size_t size = least > CHUNK_BYTES ? least : CHUNK_BYTES;
    struct bp_arena_chunk *chunk = calloc(1, sizeof(*chunk) + size);
    if (chunk == NULL)
        return NULL;
    chunk->size = size;
    chunk->next = a->chunks;
    a->chunks = chunk;
    return chunk;
}

void *bp_arena_alloc(struct bp_arena *a, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    struct bp_arena_chunk *chunk = a->chunks;
    if (chunk == NULL || chunk->size - chunk->used < size)
        chunk = add_chunk(a, size);
    if (chunk == NULL)
        return NULL;
    void *piece = chunk->bytes + chunk->used;
    chunk->used += size;
    return piece;
}

struct bp_str bp_arena_join(struct bp_arena *a, struct bp_str prefix, const char *infix,
                            struct bp_str text)
{
    size_t infix_n = strlen(infix), n = prefix.n + infix_n + text.n;
    char *p = bp_arena_alloc(a, n + 1);
    if (p == NULL)
        return (struct bp_str){NULL, 0};
    if (prefix.n != 0)
        memcpy(p, prefix.p, prefix.n);
    memcpy(p + prefix.n, infix, infix_n);
    if (text.n != 0)
        memcpy(p + prefix.n + infix_n, text.p, text.n);
    return bp_str_of(p, n);
}

struct bp_str bp_arena_text(struct bp_arena *a, const char *text)
{
    return bp_arena_join(a, BP_STR(""), "", bp_str(text));
}

void bp_arena_fini(struct bp_arena *a)
{
    while (a->chunks != NULL) {
        struct bp_arena_chunk *next = a->chunks->next;
        free(a->chunks);
        a->chunks = next;
    }
}

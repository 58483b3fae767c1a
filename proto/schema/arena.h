/* Memory that is given out piece by piece and goes all at once: what a loaded schema is made of.
 * Owned by one thread while it grows. */
#ifndef BERBAGI_ARENA_H
#define BERBAGI_ARENA_H

#include "text.h"

struct bp_arena {
    struct bp_arena_chunk *chunks; /* newest first; {NULL} is an empty arena */
};

void *bp_arena_alloc(struct bp_arena *a,
                     size_t size); /* zeroed, aligned for anything; NULL when out of memory */
/* prefix + infix + text, terminated; .p is NULL when out of memory. */
struct bp_str bp_arena_join(struct bp_arena *a, struct bp_str prefix, const char *infix,
                            struct bp_str text);
struct bp_str bp_arena_text(struct bp_arena *a, const char *text);
void bp_arena_fini(struct bp_arena *a);

#endif

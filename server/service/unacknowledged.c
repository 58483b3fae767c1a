#include "unacknowledged.h"

void bp_unacknowledged_fini(struct bp_unacknowledged *u)
{
    free(u->ring);
    *u = (struct bp_unacknowledged){.n = 0};
}

bp_status bp_unacknowledged_add(struct bp_unacknowledged *u, const uint64_t *positions, size_t n)
{
    if (u->n + n > u->size) {
        size_t size = u->size != 0 ? u->size : 64;
        while (size < u->n + n)
            size *= 2;
        uint64_t *ring = calloc(size, sizeof(*ring));
        if (ring == NULL)
            return BP_ENOMEM;
        for (size_t i = 0; i < u->n; i++)
            ring[i] = u->ring[(u->first + i) & (u->size - 1)];
        free(u->ring);
        u->ring = ring;
        u->size = size;
        u->first = 0;
    }
    for (size_t i = 0; i < n; i++)
        u->ring[(u->first + u->n++) & (u->size - 1)] = positions[i];
    return BP_OK;
}

void bp_unacknowledged_drop(struct bp_unacknowledged *u, uint64_t through)
{
    while (u->n != 0 && u->ring[u->first] <= through) {
        u->first = (u->first + 1) & (u->size - 1);
        u->n--;
    }
}

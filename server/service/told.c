#include "told.h"

#include <stdlib.h>

struct entry {
    uint32_t ground; /* 0: free */
    bp_fields full, coarse, rewritten;
    uint64_t batch; /* the one it was last told in */
};

struct bp_told {
    struct entry *entries; /* open addressing, a power of two, at most half full */
    size_t size, n;
};

struct bp_told *bp_told_create(void)
{
    return calloc(1, sizeof(struct bp_told));
}

void bp_told_destroy(struct bp_told *t)
{
    if (t == NULL)
        return;
    free(t->entries);
    free(t);
}

void bp_told_clear(struct bp_told *t)
{
    free(t->entries);
    *t = (struct bp_told){.n = 0};
}

/* The entry of a ground, or the free one where it belongs. */
static struct entry *slot(struct entry *entries, size_t size, uint32_t ground)
{
    size_t at = ground * 2654435761u & (size - 1);
    while (entries[at].ground != 0 && entries[at].ground != ground)
        at = (at + 1) & (size - 1);
    return &entries[at];
}

static bool grow(struct bp_told *t)
{
    if (t->n < t->size / 2)
        return true;
    size_t size = t->size != 0 ? t->size * 2 : 16;
    struct entry *entries = calloc(size, sizeof(*entries));
    if (entries == NULL)
        return false;
    for (size_t i = 0; i < t->size; i++) {
        if (t->entries[i].ground != 0)
            *slot(entries, size, t->entries[i].ground) = t->entries[i];
    }
    free(t->entries);
    t->entries = entries;
    t->size = size;
    return true;
}

static bool is_same(const struct entry *e, const struct bp_view *view)
{
    return e->full == view->full && e->coarse == view->coarse && e->rewritten == view->rewritten;
}

bool bp_told_clash(const struct bp_told *t, const uint32_t *grounds, size_t n,
                   const struct bp_view *view, uint64_t batch)
{
    for (size_t i = 0; t->size != 0 && i < n; i++) {
        const struct entry *e = slot(t->entries, t->size, grounds[i]);
        if (e->ground != 0 && e->batch == batch && !is_same(e, view))
            return true;
    }
    return false;
}

bool bp_told_mark(struct bp_told *t, uint32_t ground, const struct bp_view *view, uint64_t batch,
                  bool *is_new)
{
    if (!grow(t))
        return false;
    struct entry *e = slot(t->entries, t->size, ground);
    *is_new = e->ground == 0 || !is_same(e, view);
    t->n += e->ground == 0;
    *e = (struct entry){ground, view->full, view->coarse, view->rewritten, batch};
    return true;
}

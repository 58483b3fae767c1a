#include "visitors.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

#define FULL_WAIT_MS 60000

void bp_visitors_fini(struct bp_visitors *v)
{
    free(v->items);
    *v = (struct bp_visitors){0};
}

static void forget_idle(struct bp_visitors *v, int64_t now_ms)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < v->n; i++) {
        if (!bp_allowance_is_full(&v->items[i].asks, now_ms))
            v->items[kept++] = v->items[i];
    }
    v->n = kept;
}

static struct bp_visitor *add(struct bp_visitors *v, const char *name, int64_t now_ms)
{
    if (v->items == NULL)
        v->items = calloc(BP_VISITORS_MOST, sizeof(*v->items));
    if (v->n == BP_VISITORS_MOST)
        forget_idle(v, now_ms);
    if (v->items == NULL || v->n == BP_VISITORS_MOST)
        return NULL;
    struct bp_visitor *new = &v->items[v->n++];
    *new = (struct bp_visitor){.asks = {BP_VISITOR_BURST, BP_VISITOR_PER_HOUR, 0}};
    (void)bp_str_copy(new->name, sizeof(new->name), bp_str(name));
    return new;
}

bool bp_visitors_admit(struct bp_visitors *v, const char *name, int64_t now_ms, int64_t *wait_ms)
{
    struct bp_visitor *found = NULL;
    for (unsigned i = 0; i < v->n && found == NULL; i++) {
        if (strcmp(v->items[i].name, name) == 0)
            found = &v->items[i];
    }
    if (found == NULL)
        found = add(v, name, now_ms);
    *wait_ms = FULL_WAIT_MS;
    return found != NULL && bp_allowance_take(&found->asks, now_ms, wait_ms);
}

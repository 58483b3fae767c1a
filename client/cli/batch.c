#include "batch.h"

struct bp_batch *bp_batch_create(void)
{
    return calloc(1, sizeof(struct bp_batch));
}

void bp_batch_destroy(struct bp_batch *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < b->n_rows; i++)
        free(b->rows[i].violations);
    bp_buf_fini(&b->bytes);
    free(b);
}

bool bp_batch_is_full(const struct bp_batch *b)
{
    return b->n_rows == BP_BATCH_ROWS || b->bytes.n >= BP_BATCH_BYTES;
}

void bp_batch_add_event(struct bp_batch *b, const char *file, uint64_t line)
{
    BP_ASSERT(b->n_rows < BP_BATCH_ROWS);
    b->rows[b->n_rows++] = (struct bp_batch_row){.file = file, .line = line};
    b->ends[b->n_events++] = b->bytes.n;
}

bp_status bp_batch_add_reject(struct bp_batch *b, const char *file, uint64_t line,
                              const struct bp_violations *v)
{
    BP_ASSERT(b->n_rows < BP_BATCH_ROWS && v->n > 0);
    struct bp_violation *copy = malloc(v->n * sizeof(*copy));
    if (copy == NULL)
        return BP_ENOMEM;
    memcpy(copy, v->items, v->n * sizeof(*copy));
    b->rows[b->n_rows++] = (struct bp_batch_row){file, line, copy, v->n};
    return BP_OK;
}

const struct berbagi_str *bp_batch_events(struct bp_batch *b)
{
    for (size_t i = 0, at = 0; i < b->n_events; at = b->ends[i++])
        b->events[i] = (struct berbagi_str){(const char *)b->bytes.p + at, b->ends[i] - at};
    return b->events;
}

#include "grounds.h"

static struct bp_ground_row *rows_of(const struct bp_grounds *g, size_t *n)
{
    *n = g->rows.n / sizeof(struct bp_ground_row);
    return (struct bp_ground_row *)(void *)g->rows.p;
}

static void row_fini(struct bp_ground_row *row)
{
    free(row->agreement);
    free(row->purpose);
}

void bp_grounds_fini(struct bp_grounds *g)
{
    size_t n;
    struct bp_ground_row *rows = rows_of(g, &n);
    for (size_t i = 0; i < n; i++)
        row_fini(&rows[i]);
    bp_buf_fini(&g->rows);
}

/* Where id stands, or would stand. */
static size_t place_of(const struct bp_ground_row *rows, size_t n, uint32_t id)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rows[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool bp_grounds_add(struct bp_grounds *g, const struct berbagi_ground *ground)
{
    struct bp_ground_row row = {
        .id = ground->id,
        .agreement = bp_str_dup(bp_str_of(ground->agreement.p, ground->agreement.n)),
        .purpose = bp_str_dup(bp_str_of(ground->purpose.p, ground->purpose.n)),
    };
    if (row.agreement == NULL || row.purpose == NULL ||
        bp_buf_reserve(&g->rows, sizeof(row)) == NULL) {
        row_fini(&row);
        return false;
    }
    size_t n;
    struct bp_ground_row *rows = rows_of(g, &n);
    size_t at = place_of(rows, n, row.id);
    if (at < n && rows[at].id == row.id) {
        row_fini(&rows[at]);
    } else {
        memmove(rows + at + 1, rows + at, (n - at) * sizeof(row));
        g->rows.n += sizeof(row);
    }
    rows[at] = row;
    return true;
}

static void add_once(struct bp_str list[BP_NOTES_MAX], size_t *n, struct bp_str text)
{
    for (size_t i = 0; i < *n; i++) {
        if (bp_str_eq(list[i], text))
            return;
    }
    if (*n < BP_NOTES_MAX)
        list[(*n)++] = text;
}

void bp_grounds_of(const struct bp_grounds *g, const struct berbagi_delivery *d,
                   struct bp_str agreements[BP_NOTES_MAX], size_t *n_agreements,
                   struct bp_str purposes[BP_NOTES_MAX], size_t *n_purposes)
{
    size_t n;
    const struct bp_ground_row *rows = rows_of(g, &n);
    *n_agreements = *n_purposes = 0;
    for (size_t i = 0; i < d->n_grounds; i++) {
        size_t at = place_of(rows, n, d->grounds[i]);
        if (at == n || rows[at].id != d->grounds[i])
            continue;
        add_once(agreements, n_agreements, bp_str(rows[at].agreement));
        add_once(purposes, n_purposes, bp_str(rows[at].purpose));
    }
}

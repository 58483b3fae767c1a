/* A row: newest position (8), then for each machine the length and text of its name and of its
 * status (1 byte each length), and the position of the event that told it (8). */
#include "subjects.h"

#include "bytes.h"

#define STATUS_MAX (sizeof(((struct bp_subject_state *)0)->status) - 1)
#define MACHINE_MAX 64u
#define ROW_MAX 2048u /* some thirty machines; there are a handful */

static int by_subject_then_position(const void *left, const void *right)
{
    const struct bp_subject_news *a = left, *b = right;
    int order = bp_str_cmp(a->subject, b->subject);
    return order != 0 ? order : a->position < b->position ? -1 : a->position > b->position;
}

struct machine {
    struct bp_str name, status;
    uint64_t position;
};

/* The entry of a machine at or behind *at. False at the end or on nonsense. */
static bool next_machine(struct bp_str row, size_t *at, struct machine *out)
{
    const uint8_t *p = (const uint8_t *)row.p;
    if (*at >= row.n || *at + 1 + p[*at] >= row.n)
        return false;
    out->name = bp_str_of(p + *at + 1, p[*at]);
    size_t status_at = *at + 1 + out->name.n;
    if (status_at + 1 + p[status_at] + 8 > row.n)
        return false;
    out->status = bp_str_of(p + status_at + 1, p[status_at]);
    out->position = bp_get_u64(p + status_at + 1 + out->status.n);
    *at = status_at + 1 + out->status.n + 8;
    return true;
}

bool bp_subject_decode(struct bp_str row, struct bp_str machine, struct bp_subject_state *out)
{
    struct machine m;
    size_t at = 8;
    if (row.n < 8)
        return false;
    *out = (struct bp_subject_state){.position = bp_get_u64((const uint8_t *)row.p)};
    while (next_machine(row, &at, &m)) {
        if (!bp_str_eq(m.name, machine))
            continue;
        out->status_position = m.position;
        return bp_str_copy(out->status, sizeof(out->status), m.status);
    }
    return at == row.n;
}

static void add_position(struct bp_buf *row, uint64_t position)
{
    uint8_t bytes[8];
    bp_put_u64(bytes, position);
    bp_buf_add(row, bytes, sizeof(bytes));
}

static void add_machine(struct bp_buf *row, const struct machine *m)
{
    bp_buf_add_byte(row, (uint8_t)m->name.n);
    bp_buf_add_str(row, m->name);
    bp_buf_add_byte(row, (uint8_t)m->status.n);
    bp_buf_add_str(row, m->status);
    add_position(row, m->position);
}

/* The row old with one record's news, into out. */
static void apply(struct bp_str old, const struct bp_subject_news *news, struct bp_buf *out)
{
    struct machine m, told = {news->machine, news->status, news->position};
    size_t at = 8;
    bool has_status =
        news->machine.n != 0 && news->machine.n <= MACHINE_MAX && news->status.n <= STATUS_MAX;
    bp_buf_clear(out);
    add_position(out, news->position);
    while (next_machine(old, &at, &m)) {
        if (!has_status || !bp_str_eq(m.name, told.name))
            add_machine(out, &m);
    }
    if (has_status && out->n + told.name.n + told.status.n + 10 <= ROW_MAX)
        add_machine(out, &told);
}

/* n news of one subject, oldest first. */
static bp_status merge_one(struct bp_index_store *store, const struct bp_subject_news *news,
                           size_t n, struct bp_buf *row, struct bp_buf *spare)
{
    bp_buf_clear(row);
    bp_status st = bp_index_store_peek_subject(store, news->subject, row);
    if (st != BP_OK && st != BP_ENOENT)
        return st;
    for (size_t i = 0; i < n; i++) {
        apply(bp_buf_str(row), &news[i], spare);
        struct bp_buf swapped = *row;
        *row = *spare;
        *spare = swapped;
    }
    return row->failed || spare->failed
               ? BP_ENOMEM
               : bp_index_store_put_subject(store, news->subject, bp_buf_str(row));
}

bp_status bp_subjects_merge(struct bp_index_store *store, struct bp_subject_news *news, size_t n)
{
    struct bp_buf row = {0}, spare = {0};
    bp_status st = BP_OK;
    qsort(news, n, sizeof(*news), by_subject_then_position);
    for (size_t i = 0, next; i < n && st == BP_OK; i = next) {
        for (next = i + 1; next < n && bp_str_eq(news[next].subject, news[i].subject);)
            next++;
        st = merge_one(store, &news[i], next - i, &row, &spare);
    }
    bp_buf_fini(&row);
    bp_buf_fini(&spare);
    return st;
}

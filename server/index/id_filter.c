/* The first four bytes of a key choose the line, in order, so that adding sorted keys walks through
 * memory once; the next six choose a bit in each of its eight words. All eight are looked at without
 * a branch: which of them tells is a coin toss, and there are many filters to ask. */
#include "id_filter.h"

#include <stdlib.h>

#include "bytes.h"

#define BITS_EACH 12u
#define WORDS (BP_ID_FILTER_LINE / sizeof(uint64_t))
#define LINE_BITS (8u * BP_ID_FILTER_LINE)

bp_status bp_id_filter_init(struct bp_id_filter *f, uint64_t n)
{
    uint64_t n_lines = n * BITS_EACH / LINE_BITS + 1;
    if (n_lines > UINT32_MAX)
        return BP_ENOMEM;
    f->n_lines = (uint32_t)n_lines;
    f->lines = calloc(f->n_lines, BP_ID_FILTER_LINE);
    return f->lines != NULL ? BP_OK : BP_ENOMEM;
}

bp_status bp_id_filter_load(struct bp_id_filter *f, struct bp_str lines)
{
    size_t n_lines = lines.n / BP_ID_FILTER_LINE;
    if (n_lines == 0 || n_lines > UINT32_MAX || lines.n % BP_ID_FILTER_LINE != 0)
        return BP_ECORRUPT;
    uint8_t *copy = malloc(lines.n);
    if (copy == NULL)
        return BP_ENOMEM;
    memcpy(copy, lines.p, lines.n);
    *f = (struct bp_id_filter){.lines = copy, .n_lines = (uint32_t)n_lines};
    return BP_OK;
}

void bp_id_filter_fini(struct bp_id_filter *f)
{
    free(f->lines);
    *f = (struct bp_id_filter){0};
}

static uint8_t *line_of(const struct bp_id_filter *f, const struct bp_id_key *key)
{
    uint32_t prefix;
    memcpy(&prefix, key->bytes, sizeof(prefix));
    uint64_t line = (uint64_t)be32toh(prefix) * f->n_lines >> 32;
    return f->lines + line * BP_ID_FILTER_LINE;
}

void bp_id_filter_add(struct bp_id_filter *f, const struct bp_id_key *key)
{
    uint8_t *word = line_of(f, key);
    uint64_t bits = bp_get_u64(key->bytes + 4);
    for (unsigned i = 0; i < WORDS; i++, word += sizeof(uint64_t), bits >>= 6)
        bp_put_u64(word, bp_get_u64(word) | UINT64_C(1) << (bits & 63));
}

void bp_id_filter_prefetch(const struct bp_id_filter *f, const struct bp_id_key *key)
{
    __builtin_prefetch(line_of(f, key));
}

bool bp_id_filter_may_hold(const struct bp_id_filter *f, const struct bp_id_key *key)
{
    const uint8_t *word = line_of(f, key);
    uint64_t bits = bp_get_u64(key->bytes + 4), all = 1;
    for (unsigned i = 0; i < WORDS; i++, word += sizeof(uint64_t), bits >>= 6)
        all &= bp_get_u64(word) >> (bits & 63);
    return all != 0;
}

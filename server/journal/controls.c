#include "controls.h"

#include "bytes.h"
#include "crc32c.h"

void bp_control_encode(const struct bp_control *control, uint8_t row[BP_CONTROL_ROW_BYTES])
{
    row[0] = (uint8_t)control->kind;
    row[1] = 0;
    bp_put_u16(row + 2, control->part);
    bp_put_u16(row + 4, control->parts);
    bp_put_u64(row + 6, control->head_before);
    bp_put_u64(row + 14, control->version);
    bp_put_u32(row + 22, bp_crc32c(0, row, 22));
}

bp_status bp_control_decode(uint64_t number, struct bp_str row, struct bp_control *out)
{
    const uint8_t *p = (const uint8_t *)row.p;
    if (row.n != BP_CONTROL_ROW_BYTES || bp_get_u32(p + 22) != bp_crc32c(0, p, 22))
        return BP_ECORRUPT;
    *out = (struct bp_control){
        .number = number,
        .kind = (enum bp_entry_kind)p[0],
        .part = bp_get_u16(p + 2),
        .parts = bp_get_u16(p + 4),
        .head_before = bp_get_u64(p + 6),
        .version = bp_get_u64(p + 14),
    };
    return BP_OK;
}

void bp_controls_init(struct bp_controls *c)
{
    *c = (struct bp_controls){0};
    BP_ASSERT(pthread_mutex_init(&c->lock, NULL) == 0);
}

void bp_controls_fini(struct bp_controls *c)
{
    free(c->list);
    (void)pthread_mutex_destroy(&c->lock);
}

void bp_controls_clear(struct bp_controls *c)
{
    (void)pthread_mutex_lock(&c->lock);
    c->n = 0;
    (void)pthread_mutex_unlock(&c->lock);
}

static bp_status reserve_locked(struct bp_controls *c, size_t n)
{
    size_t capacity = c->capacity == 0 ? 64 : c->capacity;
    while (capacity < c->n + n)
        capacity *= 2;
    struct bp_control *list = c->list;
    if (capacity != c->capacity && (list = realloc(list, capacity * sizeof(*list))) == NULL)
        return BP_ENOMEM;
    c->list = list;
    c->capacity = capacity;
    return BP_OK;
}

bp_status bp_controls_reserve(struct bp_controls *c, size_t n)
{
    (void)pthread_mutex_lock(&c->lock);
    bp_status st = reserve_locked(c, n);
    (void)pthread_mutex_unlock(&c->lock);
    return st;
}

void bp_controls_append(struct bp_controls *c, const struct bp_control *control)
{
    (void)pthread_mutex_lock(&c->lock);
    BP_ASSERT(c->n < c->capacity);
    c->list[c->n++] = *control;
    (void)pthread_mutex_unlock(&c->lock);
}

size_t bp_controls_count(struct bp_controls *c)
{
    (void)pthread_mutex_lock(&c->lock);
    size_t n = c->n;
    (void)pthread_mutex_unlock(&c->lock);
    return n;
}

uint64_t bp_controls_before(struct bp_controls *c, uint64_t position)
{
    (void)pthread_mutex_lock(&c->lock);
    size_t low = 0, high = c->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->list[middle].head_before < position)
            low = middle + 1;
        else
            high = middle;
    }
    (void)pthread_mutex_unlock(&c->lock);
    return low;
}

bool bp_controls_after(struct bp_controls *c, uint64_t number, struct bp_control *out)
{
    (void)pthread_mutex_lock(&c->lock);
    size_t low = 0, high = c->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->list[middle].number <= number)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < c->n;
    if (found)
        *out = c->list[low];
    (void)pthread_mutex_unlock(&c->lock);
    return found;
}

#define KIND(kind) (1u << (kind))
#define MAKES_A_VERSION (KIND(BP_ENTRY_POLICY) | KIND(BP_ENTRY_PROPOSAL))
#define PUTS_IN_FORCE (KIND(BP_ENTRY_POLICY) | KIND(BP_ENTRY_APPROVAL))

/* The newest first part of an entry of these kinds about this version, 0 = any. */
static bool find_newest(struct bp_controls *c, unsigned kinds, uint64_t version,
                        struct bp_control *out)
{
    bool found = false;
    (void)pthread_mutex_lock(&c->lock);
    for (size_t i = c->n; i-- > 0 && !found;) {
        const struct bp_control *control = &c->list[i];
        found = (kinds >> control->kind & 1) != 0 && control->part == 1 &&
                (version == 0 || control->version == version);
        if (found)
            *out = *control;
    }
    (void)pthread_mutex_unlock(&c->lock);
    return found;
}

bool bp_controls_policy(struct bp_controls *c, uint64_t version, struct bp_control *out)
{
    return find_newest(c, MAKES_A_VERSION, version, out);
}

bool bp_controls_approval(struct bp_controls *c, uint64_t version, struct bp_control *out)
{
    return find_newest(c, KIND(BP_ENTRY_APPROVAL), version, out);
}

uint64_t bp_controls_version_in_force(struct bp_controls *c)
{
    struct bp_control newest;
    return find_newest(c, PUTS_IN_FORCE, 0, &newest) ? newest.version : 0;
}

uint64_t bp_controls_newest_version(struct bp_controls *c)
{
    struct bp_control newest;
    return find_newest(c, MAKES_A_VERSION, 0, &newest) ? newest.version : 0;
}

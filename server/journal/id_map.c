#include "id_map.h"

#include "digest.h"

#define LEAST_CAPACITY 512u
#define CAPACITY_MAX (1u << 30)

void bp_id_key_make(struct bp_str source, struct bp_str id, struct bp_id_key *out)
{
    uint8_t text[512], digest[BP_SHA256_BYTES];
    uint8_t source_digest[BP_SHA256_BYTES];
    size_t n = source.n;
    if (source.n + id.n + 1 > sizeof(text)) {
        /* Longer than the contract allows: still a key of its own. */
        bp_sha256(source.p, source.n, source_digest);
        bp_sha256(id.p, id.n, digest);
        memcpy(text, source_digest, n = sizeof(source_digest));
        id = bp_str_of(digest, sizeof(digest));
    } else if (n != 0) {
        memcpy(text, source.p, n);
    }
    text[n++] =
        0; /* stands in no source and in no id, so that the pair is told apart in one way alone */
    if (id.n != 0)
        memcpy(text + n, id.p, id.n);
    bp_sha256(text, n + id.n, digest);
    memcpy(out->bytes, digest, sizeof(out->bytes));
}

void bp_id_map_init(struct bp_id_map *m)
{
    *m = (struct bp_id_map){0};
    bp_random(m->seed, sizeof(m->seed));
}

void bp_id_map_fini(struct bp_id_map *m)
{
    free(m->entries);
    free(m->slots);
    *m = (struct bp_id_map){0};
}

/* Who chooses ids could choose keys that fall together in a plain table. */
static size_t slot_of(const struct bp_id_map *m, const struct bp_id_key *key)
{
    uint64_t a, b;
    memcpy(&a, key->bytes, sizeof(a));
    memcpy(&b, key->bytes + sizeof(a), sizeof(b));
    unsigned __int128 product = (unsigned __int128)(a ^ m->seed[0]) * (b ^ m->seed[1]);
    return (size_t)((uint64_t)product ^ (uint64_t)(product >> 64)) & m->mask;
}

static void enter(struct bp_id_map *m, size_t entry)
{
    size_t slot = slot_of(m, &m->entries[entry].key);
    while (m->slots[slot] != 0)
        slot = (slot + 1) & m->mask;
    m->slots[slot] = (uint32_t)(entry + 1);
}

bp_status bp_id_map_reserve(struct bp_id_map *m, size_t n)
{
    size_t capacity = m->capacity == 0 ? LEAST_CAPACITY : m->capacity;
    while (capacity < m->n + n && capacity <= CAPACITY_MAX)
        capacity *= 2;
    if (capacity == m->capacity)
        return BP_OK;
    if (capacity > CAPACITY_MAX)
        return BP_ENOMEM;
    uint32_t *slots = calloc(2 * capacity, sizeof(*slots));
    struct bp_id_entry *entries = realloc(m->entries, capacity * sizeof(*entries));
    if (entries != NULL)
        m->entries = entries;
    if (slots == NULL || entries == NULL) {
        free(slots);
        return BP_ENOMEM;
    }
    free(m->slots);
    m->slots = slots;
    m->mask = 2 * capacity - 1;
    m->capacity = capacity;
    for (size_t i = 0; i < m->n; i++)
        enter(m, i);
    return BP_OK;
}

bp_status bp_id_map_add(struct bp_id_map *m, const struct bp_id_entry *entry)
{
    bp_status st = bp_id_map_reserve(m, 1);
    if (st != BP_OK)
        return st;
    m->entries[m->n] = *entry;
    enter(m, m->n++);
    return BP_OK;
}

const struct bp_id_entry *bp_id_map_find(const struct bp_id_map *m, const struct bp_id_key *key)
{
    if (m->n == 0)
        return NULL;
    for (size_t slot = slot_of(m, key); m->slots[slot] != 0; slot = (slot + 1) & m->mask) {
        const struct bp_id_entry *entry = &m->entries[m->slots[slot] - 1];
        if (memcmp(&entry->key, key, sizeof(*key)) == 0)
            return entry;
    }
    return NULL;
}

/* The newest entry found its slot free, and nothing was entered behind it that could have passed
 * over that slot: to free it again leaves the table as it was before. */
static void forget_newest(struct bp_id_map *m)
{
    size_t slot = slot_of(m, &m->entries[m->n - 1].key);
    while (m->slots[slot] != m->n)
        slot = (slot + 1) & m->mask;
    m->slots[slot] = 0;
    m->n--;
}

void bp_id_map_truncate(struct bp_id_map *m, size_t n)
{
    if (n == 0 && m->n > m->capacity / 4) {
        memset(m->slots, 0, (m->mask + 1) * sizeof(*m->slots));
        m->n = 0;
    }
    while (m->n > n)
        forget_newest(m);
}

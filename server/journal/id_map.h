/* Ids in memory: a compact open-addressing hash map from an id's key to where and what its content
 * is. Entries stand in one array in order of insertion, the table holds their places alone, so that
 * the newest can be forgotten again and a reader may copy the entries out. The hash is keyed at
 * random: keys are made of what clients send. Not shared between threads without a lock. */
#ifndef BERBAGI_ID_MAP_H
#define BERBAGI_ID_MAP_H

#include "error.h"
#include "text.h"

#define BP_ID_KEY_BYTES 16
#define BP_CONTENT_DIGEST_BYTES 16

/* An id within its source, and what its content was: truncated SHA-256 of each. */
struct bp_id_key {
    uint8_t bytes[BP_ID_KEY_BYTES];
};
struct bp_content_digest {
    uint8_t bytes[BP_CONTENT_DIGEST_BYTES];
};

void bp_id_key_make(struct bp_str source, struct bp_str id, struct bp_id_key *out);

struct bp_id_entry {
    struct bp_id_key key;
    struct bp_content_digest content;
    uint64_t position;
};

struct bp_id_map {
    struct bp_id_entry *entries; /* n of them, oldest first; borrowed until the next add */
    size_t n;
    size_t capacity; /* private, as all below */
    uint32_t *slots; /* entry + 1; 0 = free; at least twice as many as entries */
    size_t mask;     /* slots - 1 */
    uint64_t seed[2];
};

void bp_id_map_init(struct bp_id_map *m);
void bp_id_map_fini(struct bp_id_map *m);

/* Makes sure that the next n adds succeed. BP_ENOMEM: nothing changed. */
BP_MUST_USE bp_status bp_id_map_reserve(struct bp_id_map *m, size_t n);

/* The key must not be there yet. BP_ENOMEM: nothing changed. */
BP_MUST_USE bp_status bp_id_map_add(struct bp_id_map *m, const struct bp_id_entry *entry);

/* NULL if it is not there; borrowed until the next change. */
const struct bp_id_entry *bp_id_map_find(const struct bp_id_map *m, const struct bp_id_key *key);

/* Forgets all but the oldest n; keeps the memory. */
void bp_id_map_truncate(struct bp_id_map *m, size_t n);

#endif

/* Ids of a run that stand together as one value of the store, which fills a page: sorted by key,
 * each once, with the position of its event. Pure; any thread. */
#ifndef BERBAGI_ID_PAGE_H
#define BERBAGI_ID_PAGE_H

#include "id_map.h"

#define BP_ID_ROW_BYTES 22u
#define BP_ID_PAGE_BYTES_MAX (4096u - 16u) /* LMDB's header takes the first bytes */
#define BP_ID_PAGE_IDS ((BP_ID_PAGE_BYTES_MAX - 4u) / BP_ID_ROW_BYTES)
#define BP_ID_POSITION_MAX ((UINT64_C(1) << 48) - 1)

/* A page in the making. */
struct bp_id_page_writer {
    size_t n;
    uint8_t bytes[BP_ID_PAGE_BYTES_MAX];
};

/* Behind all keys that are there; the page is not full. */
void bp_id_page_add(struct bp_id_page_writer *w, const struct bp_id_key *key, uint64_t position);
/* The value and its first key, of a page with ids, until the next change; the ids stay. */
struct bp_str bp_id_page_seal(struct bp_id_page_writer *w, const uint8_t **first);

/* A page that is read; points into the value. */
struct bp_id_page {
    const uint8_t *rows;
    size_t n;
};

/* False: the value fails its check. */
bool bp_id_page_open(struct bp_str value, struct bp_id_page *out);
/* The first id that is not below this key; n: there is none. */
size_t bp_id_page_seek(const struct bp_id_page *p, const struct bp_id_key *key);

static inline const uint8_t *bp_id_page_key(const struct bp_id_page *p, size_t i)
{
    return p->rows + i * BP_ID_ROW_BYTES;
}
uint64_t bp_id_page_position(const struct bp_id_page *p, size_t i);

#endif

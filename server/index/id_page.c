/* A value: CRC-32C of all behind it (4); for each id its key (16) and position (6). */
#include "id_page.h"

#include "bytes.h"
#include "crc32c.h"

#define CRC_BYTES 4u

void bp_id_page_add(struct bp_id_page_writer *w, const struct bp_id_key *key, uint64_t position)
{
    BP_ASSERT(w->n < BP_ID_PAGE_IDS && position <= BP_ID_POSITION_MAX);
    uint8_t *row = w->bytes + CRC_BYTES + w->n++ * BP_ID_ROW_BYTES;
    memcpy(row, key->bytes, BP_ID_KEY_BYTES);
    bp_put_u32(row + BP_ID_KEY_BYTES, (uint32_t)position);
    bp_put_u16(row + BP_ID_KEY_BYTES + 4, (uint16_t)(position >> 32));
}

struct bp_str bp_id_page_seal(struct bp_id_page_writer *w, const uint8_t **first)
{
    size_t n = w->n * BP_ID_ROW_BYTES;
    *first = w->bytes + CRC_BYTES;
    bp_put_u32(w->bytes, bp_crc32c(0, w->bytes + CRC_BYTES, n));
    return bp_str_of(w->bytes, CRC_BYTES + n);
}

bool bp_id_page_open(struct bp_str value, struct bp_id_page *out)
{
    const uint8_t *p = (const uint8_t *)value.p;
    if (value.n <= CRC_BYTES || value.n > BP_ID_PAGE_BYTES_MAX ||
        (value.n - CRC_BYTES) % BP_ID_ROW_BYTES != 0 ||
        bp_get_u32(p) != bp_crc32c(0, p + CRC_BYTES, value.n - CRC_BYTES))
        return false;
    *out = (struct bp_id_page){p + CRC_BYTES, (value.n - CRC_BYTES) / BP_ID_ROW_BYTES};
    return true;
}

size_t bp_id_page_seek(const struct bp_id_page *p, const struct bp_id_key *key)
{
    size_t low = 0, high = p->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(bp_id_page_key(p, middle), key->bytes, BP_ID_KEY_BYTES) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t bp_id_page_position(const struct bp_id_page *p, size_t i)
{
    const uint8_t *at = bp_id_page_key(p, i) + BP_ID_KEY_BYTES;
    return bp_get_u32(at) | (uint64_t)bp_get_u16(at + 4) << 32;
}

#include "frame.h"

#include "bytes.h"
#include "crc32c.h"

#define FORMAT 1u
#define HEADER BP_BATCH_HEADER_BYTES
#define POLYNOMIAL 0x82F63B78u /* of CRC-32C, its bits reversed */

/* The padding behind is zero. */
static uint64_t sum_of(const uint8_t *payload, size_t n)
{
    uint64_t sum = 0;
    for (size_t at = 0; at < n; at += 8)
        sum += bp_get_u64(payload + at);
    return sum;
}

void bp_frame_write(struct bp_batch *batch, const struct bp_frame_seal *seal)
{
    uint8_t *p = batch->bytes;
    size_t n = batch->n - HEADER;
    memset(p, 0, HEADER);
    memset(p + batch->n, 0, bp_batch_blocks_bytes(batch) - batch->n);
    bp_put_u32(p + 4, bp_crc32c(seal->key, p + HEADER, n));
    bp_put_u64(p + 8, batch->first);
    memcpy(p + 16, seal->log_id.bytes, BP_LOG_ID_BYTES);
    bp_put_u32(p + 32, (uint32_t)n);
    bp_put_u32(p + 36, (uint32_t)batch->entries);
    bp_put_u32(p + 40, FORMAT);
    bp_put_u64(p + 44, sum_of(p + HEADER, n));
    bp_put_u32(p, bp_crc32c(seal->key, p + 4, HEADER - 4));
}

bool bp_frame_read(const uint8_t *header, const struct bp_frame_seal *seal, struct bp_frame *out)
{
    if (bp_get_u32(header) != bp_crc32c(seal->key, header + 4, HEADER - 4) ||
        memcmp(header + 16, seal->log_id.bytes, BP_LOG_ID_BYTES) != 0 ||
        bp_get_u32(header + 40) != FORMAT)
        return false;
    *out = (struct bp_frame){
        .first = bp_get_u64(header + 8),
        .entries = bp_get_u32(header + 36),
        .bytes = bp_get_u32(header + 32),
        .checksum = bp_get_u32(header + 4),
        .sum = bp_get_u64(header + 44),
    };
    return out->entries != 0;
}

bool bp_frame_is_whole(const struct bp_frame *frame, const struct bp_frame_seal *seal,
                       const uint8_t *payload)
{
    return bp_crc32c(seal->key, payload, frame->bytes) == frame->checksum;
}

/* --- flipped bits --- */

/* Flips the one bit that makes this difference to the checksum. A CRC is linear: the difference
 * depends on how far the bit stands from the end, and on nothing else. */
static bool flip_back(uint8_t *p, size_t n, uint32_t difference)
{
    uint32_t of_bit = POLYNOMIAL;
    for (size_t bit = 8 * n; bit-- > 0;) {
        if (of_bit == difference) {
            p[bit / 8] ^= (uint8_t)(1u << bit % 8);
            return true;
        }
        of_bit = of_bit >> 1 ^ ((of_bit & 1) != 0 ? POLYNOMIAL : 0);
    }
    return false;
}

/* The flipped bit may be one of the checksum itself. */
static bool mend_header(uint8_t *p, const struct bp_frame_seal *seal)
{
    uint32_t right = bp_crc32c(seal->key, p + 4, HEADER - 4);
    uint32_t difference = right ^ bp_get_u32(p);
    if ((difference & (difference - 1)) != 0)
        return flip_back(p + 4, HEADER - 4, difference);
    bp_put_u32(p, right);
    return true;
}

bool bp_frame_mend(uint8_t *p, size_t n, const struct bp_frame_seal *seal, struct bp_frame *out)
{
    uint8_t *payload = p + HEADER;
    if ((!bp_frame_read(p, seal, out) && !(mend_header(p, seal) && bp_frame_read(p, seal, out))) ||
        bp_frame_blocks_bytes(out) > n)
        return false;
    uint32_t difference = out->checksum ^ bp_crc32c(seal->key, payload, out->bytes);
    return difference == 0 ||
           (flip_back(payload, out->bytes, difference) && sum_of(payload, out->bytes) == out->sum);
}

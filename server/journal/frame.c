#include "frame.h"

#include "bytes.h"
#include "crc32c.h"

#define FORMAT 1u
#define HEADER BP_BATCH_HEADER_BYTES

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
    };
    return out->entries != 0;
}

bool bp_frame_is_whole(const struct bp_frame *frame, const struct bp_frame_seal *seal,
                       const uint8_t *payload)
{
    return bp_crc32c(seal->key, payload, frame->bytes) == frame->checksum;
}

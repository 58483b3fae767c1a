/* A batch as it stands in the write-ahead log: a header of BP_BATCH_HEADER_BYTES, then the entries,
 * in whole blocks. All checksums begin with the log's key, which never leaves the server: nothing
 * that a client sends can look like a frame. Little-endian; offset, (size) in bytes:
 *
 *    0 CRC-32C of 4..63 (4)     4 CRC-32C of the payload (4)     8 number of the first entry (8)
 *   16 log id (16)             32 bytes of payload (4)          36 entries (4)
 *   40 format (4)              44 sum of the payload's words of 8 bytes (8)         52 zero (12)
 *
 * Two checksums, so that the header of a torn frame can be believed: it tells that a frame was
 * begun here. The sum tells a flipped bit from a torn frame. Pure. */
#ifndef BERBAGI_FRAME_H
#define BERBAGI_FRAME_H

#include "batch.h"

struct bp_frame_seal {
    struct bp_log_id log_id;
    uint32_t key;
};

struct bp_frame {
    uint64_t first;   /* number of its first entry */
    uint32_t entries; /* at least one */
    uint32_t bytes;   /* of payload */
    uint32_t checksum;
    uint64_t sum;
};

/* Fills the batch's header and padding. */
void bp_frame_write(struct bp_batch *batch, const struct bp_frame_seal *seal);

/* False: no header of this log begins at these BP_BATCH_HEADER_BYTES. */
bool bp_frame_read(const uint8_t *header, const struct bp_frame_seal *seal, struct bp_frame *out);
/* Are these frame.bytes what was written behind the header? */
bool bp_frame_is_whole(const struct bp_frame *frame, const struct bp_frame_seal *seal,
                       const uint8_t *payload);

/* p: at least a block of n, in which no whole frame begins. Puts right a flipped bit of the header
 * and one of the payload of a frame that was written whole; false: that is not what happened. p may
 * be changed all the same. What a cut of power tears looks like a flipped bit to the checksum once
 * in 2^17 for 4 KiB and 2^8 for 2 MiB, and to the sum as well once in 2^63 of those. Frames of
 * versions that kept no sum count as torn. */
bool bp_frame_mend(uint8_t *p, size_t n, const struct bp_frame_seal *seal, struct bp_frame *out);

/* Bytes it takes, in whole blocks. */
static inline size_t bp_frame_blocks_bytes(const struct bp_frame *frame)
{
    size_t n = BP_BATCH_HEADER_BYTES + (size_t)frame->bytes;
    return (n + BP_BLOCK_BYTES - 1) / BP_BLOCK_BYTES * BP_BLOCK_BYTES;
}

static inline uint64_t bp_frame_last(const struct bp_frame *frame)
{
    return frame->first + frame->entries - 1;
}

#endif

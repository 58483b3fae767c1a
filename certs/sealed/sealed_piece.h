/* The pieces a sealed file is made of, and what can be told of one without the key.
 *
 *   piece   u8 kind · u32 n, little-endian · n bytes of body · SHA-256 of all of these
 *   header  "BERBAGI SEALED 1" · CMS AuthEnvelopedData (DER) of the 32-byte key
 *   page    AES-256-GCM of its content · the tag of 16 bytes
 *
 * Any thread. */
#ifndef BERBAGI_SEALED_PIECE_H
#define BERBAGI_SEALED_PIECE_H

#include <stdio.h>

#include "buffer.h"
#include "digest.h"

enum bp_sealed_kind {
    BP_SEALED_HEADER = 'H',
    BP_SEALED_PAGE = 'P',
    BP_SEALED_LAST = 'L', /* the page that ends the file */
};

/* The most that a page may hold, and a piece of it takes besides. */
#define BP_SEALED_PAGE_MAX (4u << 20)
#define BP_SEALED_OVERHEAD 53u

struct bp_sealed_piece {
    enum bp_sealed_kind kind;
    struct bp_str body; /* borrowed from the piece's bytes */
    uint8_t digest[BP_SHA256_BYTES];
};

/* Takes a whole piece apart. BP_ECORRUPT: it is none, or its digest is another. */
BP_MUST_USE bp_status bp_sealed_piece_check(struct bp_str bytes, struct bp_sealed_piece *out);

/* The next piece of a file, into bytes, which is emptied before. BP_ENOENT: the file ends here;
 * BP_ECORRUPT: in the middle of a piece, or this is none; BP_EIO, BP_ENOMEM. */
BP_MUST_USE bp_status bp_sealed_piece_read(FILE *file, struct bp_buf *bytes,
                                           struct bp_sealed_piece *out);

/* Appends a piece. */
void bp_sealed_piece_put(struct bp_buf *out, enum bp_sealed_kind kind, struct bp_str body);

#endif

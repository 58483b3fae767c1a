#include "sealed_piece.h"

#include <endian.h>

#define BEGIN_BYTES 5u
#define PIECE_MAX (BP_SEALED_PAGE_MAX + BP_SEALED_OVERHEAD)

/* The length of the whole piece that begins so; 0: no piece does. */
static size_t length_of(const uint8_t *begin)
{
    uint32_t n;
    bool is_kind =
        begin[0] == BP_SEALED_HEADER || begin[0] == BP_SEALED_PAGE || begin[0] == BP_SEALED_LAST;
    memcpy(&n, begin + 1, sizeof(n));
    n = le32toh(n);
    if (!is_kind || n > PIECE_MAX - BEGIN_BYTES - BP_SHA256_BYTES)
        return 0;
    return BEGIN_BYTES + n + BP_SHA256_BYTES;
}

bp_status bp_sealed_piece_check(struct bp_str bytes, struct bp_sealed_piece *out)
{
    const uint8_t *p = (const uint8_t *)bytes.p;
    uint8_t digest[BP_SHA256_BYTES];
    if (bytes.n < BEGIN_BYTES || length_of(p) != bytes.n)
        return BP_ECORRUPT;
    size_t n = bytes.n - BP_SHA256_BYTES;
    bp_sha256(p, n, digest);
    if (memcmp(digest, p + n, sizeof(digest)) != 0)
        return BP_ECORRUPT;
    out->kind = (enum bp_sealed_kind)p[0];
    out->body = bp_str_of(p + BEGIN_BYTES, n - BEGIN_BYTES);
    memcpy(out->digest, digest, sizeof(digest));
    return BP_OK;
}

/* BP_ENOENT: the file ended before any of the n bytes. */
static bp_status read_more(FILE *file, struct bp_buf *bytes, size_t n)
{
    uint8_t *to = bp_buf_reserve(bytes, n);
    if (to == NULL)
        return BP_ENOMEM;
    size_t got = fread(to, 1, n, file);
    bytes->n += got;
    if (got == n)
        return BP_OK;
    if (ferror(file))
        return BP_EIO;
    return bytes->n == 0 ? BP_ENOENT : BP_ECORRUPT;
}

bp_status bp_sealed_piece_read(FILE *file, struct bp_buf *bytes, struct bp_sealed_piece *out)
{
    bp_buf_clear(bytes);
    bp_status st = read_more(file, bytes, BEGIN_BYTES);
    if (st != BP_OK)
        return st;
    size_t n = length_of(bytes->p);
    if (n == 0)
        return BP_ECORRUPT;
    st = read_more(file, bytes, n - BEGIN_BYTES);
    return st == BP_OK ? bp_sealed_piece_check(bp_buf_str(bytes), out) : st;
}

void bp_sealed_piece_put(struct bp_buf *out, enum bp_sealed_kind kind, struct bp_str body)
{
    uint8_t digest[BP_SHA256_BYTES];
    size_t begin = out->n;
    uint32_t n = htole32((uint32_t)body.n);
    bp_buf_add_byte(out, (uint8_t)kind);
    bp_buf_add(out, &n, sizeof(n));
    bp_buf_add_str(out, body);
    if (out->failed)
        return;
    bp_sha256(out->p + begin, out->n - begin, digest);
    bp_buf_add(out, digest, sizeof(digest));
}

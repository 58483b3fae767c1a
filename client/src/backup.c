/* OperatorService.Backup: a sealed file, a piece in each message. */
#include "sealed_piece.h"
#include "streamed.h"
#include "wire.h"

#define SILENCE_MS 60000

/* Field numbers of BackupChunk. */
enum { CHUNK_DATA = 1, CHUNK_DONE, CHUNK_TOTAL };

struct backup {
    bool (*piece)(void *context, const void *p, size_t n, uint64_t done, uint64_t total);
    void *context;
    uint64_t pieces;
    bool is_complete;
};

static bool read_chunk(struct bp_str bytes, struct bp_str *data, uint64_t *done, uint64_t *total)
{
    struct bp_wire w = bp_wire_of(bytes);
    struct bp_wire_field f;
    *data = (struct bp_str){0};
    *done = *total = 0;
    while (bp_wire_next(&w, &f)) {
        if (f.number == CHUNK_DATA && f.type == BP_WIRE_LEN)
            *data = f.bytes;
        else if (f.number == CHUNK_DONE && f.type == BP_WIRE_VARINT)
            *done = f.value;
        else if (f.number == CHUNK_TOTAL && f.type == BP_WIRE_VARINT)
            *total = f.value;
    }
    return !w.malformed;
}

/* A header first, then pages, nothing behind the last; each undamaged. */
static bool is_in_order(const struct backup *b, struct bp_str data, struct bp_sealed_piece *piece)
{
    return !b->is_complete && bp_sealed_piece_check(data, piece) == BP_OK &&
           (piece->kind == BP_SEALED_HEADER) == (b->pieces == 0);
}

static berbagi_status take_chunk(void *context, struct bp_str bytes, struct berbagi_error *error)
{
    struct backup *b = context;
    struct bp_sealed_piece piece;
    struct bp_str data;
    uint64_t done, total;
    if (!read_chunk(bytes, &data, &done, &total) || !is_in_order(b, data, &piece))
        return bp_client_fail(error, BERBAGI_EPROTOCOL, "a piece of the backup is damaged");
    b->pieces++;
    b->is_complete = piece.kind == BP_SEALED_LAST;
    if (b->piece(b->context, data.p, data.n, done, total))
        return BERBAGI_OK;
    return bp_client_fail(error, BERBAGI_AGAIN, "the backup was given up");
}

berbagi_status berbagi_backup(struct berbagi_client *client,
                              bool (*piece)(void *context, const void *p, size_t n, uint64_t done,
                                            uint64_t total),
                              void *context, struct berbagi_error *error)
{
    const struct bp_buf request = {0};
    struct backup b = {.piece = piece, .context = context};
    const struct bp_streamed call = {.path = "/berbagi.v1.OperatorService/Backup",
                                     .request = &request,
                                     .silence_ms = SILENCE_MS,
                                     .message = take_chunk,
                                     .context = &b};
    berbagi_status status = bp_client_streamed(client, &call, error);
    if (status == BERBAGI_OK && !b.is_complete)
        return bp_client_fail(error, BERBAGI_EPROTOCOL, "the backup ends before its last page");
    return status;
}

#include "rpc_payload.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>
#include <grpc/slice_buffer.h>

#include "rpc_op.h"

size_t bp_rpc_payload_size(const grpc_byte_buffer *buffer)
{
    return buffer->data.raw.slice_buffer.length;
}

bool bp_rpc_payload_is_plain(const grpc_byte_buffer *buffer)
{
    return buffer->data.raw.compression == GRPC_COMPRESS_NONE;
}

void bp_rpc_payload_open(grpc_byte_buffer *buffer, struct bp_rpc_payload *out)
{
    const grpc_slice_buffer *slices = &buffer->data.raw.slice_buffer;
    out->joined = grpc_empty_slice();
    out->bytes = BP_STR("");
    if (slices->count == 1) {
        const grpc_slice *only = &slices->slices[0];
        out->bytes = bp_str_of(GRPC_SLICE_START_PTR(*only), GRPC_SLICE_LENGTH(*only));
        return;
    }
    grpc_byte_buffer_reader reader;
    if (slices->count == 0 || !grpc_byte_buffer_reader_init(&reader, buffer))
        return;
    out->joined = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    out->bytes = bp_str_of(GRPC_SLICE_START_PTR(out->joined), GRPC_SLICE_LENGTH(out->joined));
}

void bp_rpc_payload_close(struct bp_rpc_payload *payload)
{
    grpc_slice_unref(payload->joined);
    payload->bytes = BP_STR("");
}

static void unref_blob(void *blob)
{
    BP_RPC_TSAN_ACQUIRE(blob);
    bp_blob_unref(blob);
}

grpc_byte_buffer *bp_rpc_payload_of(struct bp_blob *const *parts, size_t n)
{
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(NULL, 0);
    for (size_t i = 0; i < n; i++) {
        struct bp_blob *part = parts[i];
        if (part->n == 0) {
            bp_blob_unref(part);
            continue;
        }
        BP_RPC_TSAN_RELEASE(part);
        grpc_slice_buffer_add(&buffer->data.raw.slice_buffer,
                              grpc_slice_new_with_user_data(part->p, part->n, unref_blob, part));
    }
    return buffer;
}

/* Messages between gRPC's byte buffers and ours, without a copy where the bytes lie in one piece.
 */
#ifndef BERBAGI_RPC_PAYLOAD_H
#define BERBAGI_RPC_PAYLOAD_H

#include <grpc/byte_buffer.h>

#include "buffer.h"

/* A message as one run of bytes, borrowed from the buffer it was opened on. */
struct bp_rpc_payload {
    struct bp_str bytes;
    grpc_slice joined; /* of a message that came in several pieces */
};

size_t bp_rpc_payload_size(const grpc_byte_buffer *buffer);
/* False for a compressed message: this server announces no compression. */
bool bp_rpc_payload_is_plain(const grpc_byte_buffer *buffer);
void bp_rpc_payload_open(grpc_byte_buffer *buffer, struct bp_rpc_payload *out);
void bp_rpc_payload_close(struct bp_rpc_payload *payload);

/* A message of the n parts, one behind the other. Takes their references; gives them back from any
 * thread when gRPC is done with the bytes. */
grpc_byte_buffer *bp_rpc_payload_of(struct bp_blob *const *parts, size_t n);

#endif

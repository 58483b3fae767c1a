/* gRPC tells of no connection and closes none on demand, but its sockets are this process's own: the
 * open ones are found by what the kernel says of each. Any thread. */
#ifndef BERBAGI_RPC_SOCKETS_H
#define BERBAGI_RPC_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define BP_RPC_ADDRESS_BYTES 64

struct bp_rpc_sockets {
    char (*peers)[BP_RPC_ADDRESS_BYTES]; /* sorted; in gRPC's words, "ipv4:127.0.0.1:4711" */
    size_t n;
};

/* An address in gRPC's words (grpc_call_get_peer); false: it is of no family that connects to us. */
bool bp_rpc_sockets_describe(const struct sockaddr *address, char out[BP_RPC_ADDRESS_BYTES]);

/* Those connected to our TCP port. Without memory or /proc there are none. */
void bp_rpc_sockets_list(unsigned port, struct bp_rpc_sockets *out);
void bp_rpc_sockets_free(struct bp_rpc_sockets *s);
bool bp_rpc_sockets_have(const struct bp_rpc_sockets *s, const char *peer);

/* Ends the connection of this peer with our port in both directions; gRPC finds it closed. False:
 * there is none. */
bool bp_rpc_sockets_shut(unsigned port, const char *peer);

#endif

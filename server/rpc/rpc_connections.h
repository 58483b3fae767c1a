/* The connections that made a call, told apart by the other side's address: gRPC does not tell of
 * them, but every call says where it comes from. One whose calls are over is kept for as long as
 * its socket is there. Queue's thread. */
#ifndef BERBAGI_RPC_CONNECTIONS_H
#define BERBAGI_RPC_CONNECTIONS_H

#include "rpc_peers.h"
#include "rpc_sockets.h"

#define BP_RPC_CONNECTION_BUCKETS 1024

struct bp_rpc_connection {
    struct bp_rpc_connection *next; /* in its bucket */
    uint64_t id;                    /* from 1, in the order they came */
    char address[BP_RPC_ADDRESS_BYTES];
    int account;                            /* of its bytes */
    struct bp_rpc_certificate *certificate; /* one use of it */
    int64_t since_ns;                       /* its first call */
    unsigned calls;                         /* open now */
    int64_t end_by_ms;                      /* it was ended: closed by then; 0: no */
};

struct bp_rpc_connections {
    uint64_t last_id;
    unsigned n, idle, ended;
    struct bp_rpc_connection *buckets[BP_RPC_CONNECTION_BUCKETS];
};

void bp_rpc_connections_fini(struct bp_rpc_connections *t);

/* The connection a call came by, to be given back; NULL when out of memory. Takes a use of the
 * certificate for itself. *is_new: this is its first call. */
struct bp_rpc_connection *bp_rpc_connections_take(struct bp_rpc_connections *t, const char *address,
                                                  struct bp_rpc_certificate *certificate,
                                                  int64_t now_ns, bool *is_new);
void bp_rpc_connections_give_back(struct bp_rpc_connections *t,
                                  struct bp_rpc_connection *connection); /* NULL allowed */

/* It was ended: to be closed by then, a time of the system's monotonic clock that is not 0. */
void bp_rpc_connections_end(struct bp_rpc_connections *t, struct bp_rpc_connection *connection,
                            int64_t end_by_ms);

/* Forgets those without calls whose socket is gone. */
void bp_rpc_connections_prune(struct bp_rpc_connections *t, unsigned port);
/* Closes those that were ended and have no call any more, or whose time is up. */
void bp_rpc_connections_close_ended(struct bp_rpc_connections *t, unsigned port, int64_t now_ms);

#endif

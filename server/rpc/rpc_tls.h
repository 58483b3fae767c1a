/* The TLS side of a listener: gRPC asks for certificate, key and CA bundle at every handshake, from
 * whatever thread it shakes hands on, and gets those of the credentials set last. */
#ifndef BERBAGI_RPC_TLS_H
#define BERBAGI_RPC_TLS_H

#include <grpc/grpc_security.h>
#include <pthread.h>

#include "credentials.h"

struct bp_rpc_tls {
    pthread_mutex_t lock; /* guards all below; a leaf */
    const struct bp_credentials *current;
    bool fetched; /* gRPC has the current ones */
};

void bp_rpc_tls_init(struct bp_rpc_tls *tls, const struct bp_credentials *credentials);
void bp_rpc_tls_fini(struct bp_rpc_tls *tls);
/* Nothing looks at the earlier ones any more when this returns. Any thread. */
void bp_rpc_tls_set(struct bp_rpc_tls *tls, const struct bp_credentials *credentials);
/* tls outlives the listener they are given to. Client certificates are required and verified. */
grpc_server_credentials *bp_rpc_tls_server_credentials(struct bp_rpc_tls *tls);

#endif

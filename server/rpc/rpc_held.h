/* Certificates that are kept out for a while: a client whose connection was closed because it does harm
 * would open the next one at once. gRPC judges nobody before the first call, so this is asked of
 * OpenSSL, in the handshake and before anything is verified. Any thread. */
#ifndef BERBAGI_RPC_HELD_H
#define BERBAGI_RPC_HELD_H

#include "text.h"

#define BP_RPC_HELD_MS 10000

struct ssl_ctx_st;

/* Handshakes of this context, OpenSSL's SSL_CTX, ask from now on. */
void bp_rpc_held_ask(struct ssl_ctx_st *context);

/* New connections with this certificate fail for BP_RPC_HELD_MS. */
void bp_rpc_hold(struct bp_str pem);

#endif

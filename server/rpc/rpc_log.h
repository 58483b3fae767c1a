/* Lets gRPC's own complaints out through our log: at warn, so many a second and no more. Failed
 * handshakes come this way too. */
#ifndef BERBAGI_RPC_LOG_H
#define BERBAGI_RPC_LOG_H

#include <stdbool.h>

/* Before grpc_init. */
void bp_rpc_log_install(void);

/* While quiet, what gRPC says on the calling thread is dropped: the failure is returned in words
 * instead. */
void bp_rpc_log_quiet(bool is_quiet);

#endif

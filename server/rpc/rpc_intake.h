/* What connections bring in: in turns, and not without end. recvmsg and epoll_wait of gRPC are taken
 * in the program's hand for it.
 *
 * Turns: gRPC reads a connection for as long as bytes come, without a look at its queue or at other
 * connections, so that one client that sends faster than that stops everybody. Here it hears after
 * some kilobytes that there are no more, and is told of the rest when it asks the poller again,
 * behind all who were ready before. A turn bounds bytes, not time: what a record of TLS holds (16 KiB)
 * is worked off in one piece.
 *
 * Not without end: what has not come to a call or a message is in memory (headers that go on and on,
 * requests that are never finished), and gRPC bounds that for all together, not for each. A connection
 * that brings too much of it is closed. */
#ifndef BERBAGI_RPC_INTAKE_H
#define BERBAGI_RPC_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From now on, for the process. most_bytes: what one connection may bring that comes to nothing, less
 * what time forgives. Any thread. */
void bp_rpc_intake_start(uint64_t most_bytes);

/* A connection was accepted; address in gRPC's words. Any thread. */
void bp_rpc_intake_open(int fd, const char *address);

/* Where the bytes of the newest connection from there are counted; -1: there was none. Looks at all. Any
 * thread. */
int bp_rpc_intake_account(const char *address);
/* A call or message of so many bytes came out of what it brought. -1 is allowed. Any thread. */
void bp_rpc_intake_accept(int account, size_t bytes);
/* Was it closed for what it brought? -1 is allowed. Any thread. */
bool bp_rpc_intake_is_closed(int account);

#endif

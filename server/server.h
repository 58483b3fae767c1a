/* berbagid as a whole: builds the layers bottom up, serves, takes them down in reverse. The one
 * place that knows all of them. */
#ifndef BERBAGI_SERVER_H
#define BERBAGI_SERVER_H

#include "config.h"

struct bp_server;

/* Before any other thread exists. */
BP_MUST_USE bp_status bp_server_start(const struct bp_config *config, struct bp_server **out,
                                      struct bp_err *err);
/* The address it serves on: "127.0.0.1:7443". */
const char *bp_server_address(const struct bp_server *s);
/* Has the queue's thread turned within this time? If not, nobody is served any more. Any thread. */
bool bp_server_is_alive(const struct bp_server *s, int64_t within_ms);
/* Has certificates and CRLs read again: a set that fails its checks changes nothing. Does not wait.
 */
void bp_server_reload(struct bp_server *s);
/* Finishes what is in flight. NULL and half-built ones allowed. */
void bp_server_stop(struct bp_server *s);

#endif

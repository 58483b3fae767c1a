/* grpc.reflection.v1alpha.ServerReflection: tells any client that may connect what the contract is,
 * from the descriptor set embedded in this program and those a site added. */
#ifndef BERBAGI_REFLECTION_H
#define BERBAGI_REFLECTION_H

#include "rpc.h"

struct bp_reflection;

/* sets: n serialized google.protobuf.FileDescriptorSet beside the embedded one, copied; n may be 0.
 * BP_EINVAL: one is malformed. Destroy it behind the rpc server. */
BP_MUST_USE bp_status bp_reflection_create(const struct bp_str *sets, size_t n,
                                           struct bp_reflection **out, struct bp_err *err);
void bp_reflection_destroy(struct bp_reflection *r); /* NULL allowed */

/* Before the server starts. r is borrowed. */
BP_MUST_USE bp_status bp_reflection_service_add(struct bp_rpc_server *server,
                                                struct bp_reflection *r);

#endif

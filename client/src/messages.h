/* Small helps with unpacked protobuf-c messages. */
#ifndef BERBAGI_MESSAGES_H
#define BERBAGI_MESSAGES_H

#include "client_internal.h"
#include "google/protobuf/timestamp.pb-c.h"

/* bp_client_call, and its answer unpacked: a message of this type, to be freed by the free_unpacked
 * of it. NULL: *status and *error say why. */
void *bp_client_ask(struct berbagi_client *client, const char *path, const struct bp_buf *request,
                    int timeout_ms, const ProtobufCMessageDescriptor *type, berbagi_status *status,
                    struct berbagi_error *error);

/* 0 for an absent time and for one that 64 bits of nanoseconds cannot say. */
static inline int64_t bp_client_time_ns(const Google__Protobuf__Timestamp *t)
{
    const int64_t most_s = INT64_MAX / INT64_C(1000000000) - 1;
    if (t == NULL || t->seconds < -most_s || t->seconds > most_s)
        return 0;
    return t->seconds * INT64_C(1000000000) + t->nanos;
}

#endif

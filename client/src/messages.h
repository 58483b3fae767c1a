/* Small helps with unpacked protobuf-c messages. */
#ifndef BERBAGI_MESSAGES_H
#define BERBAGI_MESSAGES_H

#include "google/protobuf/timestamp.pb-c.h"

/* 0 for an absent time and for one that 64 bits of nanoseconds cannot say. */
static inline int64_t bp_client_time_ns(const Google__Protobuf__Timestamp *t)
{
    const int64_t most_s = INT64_MAX / INT64_C(1000000000) - 1;
    if (t == NULL || t->seconds < -most_s || t->seconds > most_s)
        return 0;
    return t->seconds * INT64_C(1000000000) + t->nanos;
}

#endif

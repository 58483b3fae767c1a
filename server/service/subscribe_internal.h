/* What subscribe.c (messages, and the life of a call) and subscribe_stream.c (the machine that reads
 * and sends) share. Queue's thread, unless a member says otherwise. */
#ifndef BERBAGI_SUBSCRIBE_INTERNAL_H
#define BERBAGI_SUBSCRIBE_INTERNAL_H

#include <stdatomic.h>

#include "delivery.h"
#include "place.h"
#include "subscriber.h"
#include "unacknowledged.h"
#include "worker.h"

enum bp_stream_state { OPENING, GREETING, FOLLOWING, READING, SAVING, ENDED, STATES };

struct bp_stream {
    struct bp_reader reader; /* first: a reader is its stream */
    struct bp_subscriber *service;
    struct bp_rpc_call *call; /* a reference */
    enum bp_stream_state state;
    unsigned held; /* by other threads */
    bool is_over;
    bool half_closed;
    bool caught_up; /* the reader was told once that it had reached the head */
    bool saved;     /* GREETING may begin, or SAVING may end */
    bp_status save_status;
    char name[BP_SUBSCRIPTION_NAME_MAX + 1];
    struct bp_delivery delivery;
    struct bp_batch batch; /* the worker's while READING */
    struct bp_job job;
    atomic_bool gone; /* the worker need not read for it any more */
    size_t job_room;  /* events the worker may take */
    struct bp_return read_back, saved_back;
    struct bp_unacknowledged unacknowledged;
    uint32_t most_unacknowledged, most_batch;
    int64_t bookmark_ms;
    uint64_t through_sent, acknowledged;
};

/* Of a new call, whose reference it takes. */
void bp_stream_init(struct bp_stream *s, struct bp_subscriber *service, struct bp_rpc_call *call);
/* Does what can be done now; whatever happened to the stream leads here. */
void bp_stream_run(struct bp_stream *s);
/* Stores the place and says when it is durable. False: ended. */
bool bp_stream_save(struct bp_stream *s, uint64_t place, const Berbagi__V1__Filter *filter,
                    bool and_wait);
void bp_stream_end(struct bp_stream *s, struct bp_rpc_status status);
/* The call is over; the state goes when the other threads have given everything back. */
void bp_stream_over(struct bp_stream *s);

#endif

/* What publisher.c (calls: arriving, answering, ending) and publisher_request.c (the way of a
 * request in between) share. Queue's thread. */
#ifndef BERBAGI_PUBLISHER_INTERNAL_H
#define BERBAGI_PUBLISHER_INTERNAL_H

#include "audit.h"
#include "judge.h"
#include "lanes.h"
#include "publication.h"
#include "publisher.h"
#include "returns.h"

struct bp_publish_call;

enum bp_request_stage {
    BP_REQUEST_ARRIVED,
    BP_REQUEST_JUDGING, /* beside this thread */
    BP_REQUEST_STORING,
    BP_REQUEST_DECIDED,
};

struct bp_request {
    struct bp_publish_call *call;
    struct bp_request *next;
    struct bp_request *next_held; /* in bp_publisher.held */
    struct bp_publication *publication;
    size_t bytes;
    enum bp_request_stage stage;
    bool is_in_lane;
    bp_status outcome;            /* of the sequencer: of the first part that failed */
    struct bp_rpc_status refusal; /* if its code is not OK: how the call ends when it comes first */
    int64_t arrived_ns;
    int64_t held_since_ms;     /* while in bp_publisher.held */
    struct bp_hearing hearing; /* the judge's while JUDGING, as is the next */
    struct bp_rpc_status judges_refusal;
    size_t n_parts;   /* that the sequencer has */
    bool is_auditing; /* the audit thread has the record below */
    struct bp_audit_record audit;
    struct bp_mail audited;
    bp_status audit_outcome;
};

/* A stream whose caller waits for each answer is read when the answer leaves; one that sends ahead,
 * at once (publisher.c). */
struct bp_publish_pace {
    bool is_ahead;
    unsigned alone;    /* answers in a row behind which nothing waited */
    int64_t turned_ns; /* when the last answer left with the next read */
};

struct bp_publish_call {
    struct bp_publisher *publisher;
    struct bp_rpc_call *call; /* a reference; the call may be over */
    struct bp_request *first, **end;
    size_t bytes; /* of all in the queue */
    size_t n;
    size_t n_away;     /* what other threads have, and what is held */
    size_t n_hearings; /* of that: the judge */
    bool is_stream;
    bool is_refused; /* one of the queue is */
    bool half_closed;
    bool reading;
    bool is_over;
    struct bp_publish_pace pace;
    struct bp_lane_user lane;
    struct bp_fence fence; /* the sequencer's while n_away is not 0 */
};

struct bp_publisher {
    struct bp_exchange *x;
    struct bp_judge *judge;
    struct bp_returns judged;  /* hearings that the judge gave back */
    struct bp_returns stored;  /* parts of requests that the sequencer gave back */
    struct bp_returns audited; /* that the audit thread gave back */
    struct bp_request *held;   /* refused, to be told so later */
    struct bp_statuses *statuses;
    struct bp_lanes lanes;
};

/* Sends a parsed request on its way: judged, put on record, stored. What fails on it as a whole is
 * refused. */
void bp_request_begin(struct bp_request *r);
/* The call ends with this when the request comes first. */
void bp_request_refuse(struct bp_request *r, struct bp_rpc_status status);
/* The same for who has sent too much, told when it may come again, but after BP_REFUSED_HOLD_MS at
 * most, and a tick: told at once, it would send as much again at once, and what is refused has to be
 * received first. */
#define BP_REFUSED_HOLD_MS 1000
void bp_request_refuse_later(struct bp_request *r, struct bp_rpc_status status);
/* Every BP_REFUSED_TICK_MS: tells those whose time has come; context: the publisher. */
#define BP_REFUSED_TICK_MS 250
void bp_publisher_tell_refused(void *context);
/* All of them, once the server has stopped. */
void bp_publisher_drop_refused(struct bp_publisher *p);
/* Is there an answer, or a refusal? NULL allowed: no. */
bool bp_request_is_decided(const struct bp_request *r);
/* The call is over: nobody wants its judgement. */
void bp_request_abandon(struct bp_request *r);
/* After a change of the policy, once nothing of the call is away: what was not stored is judged
 * again, in order. */
void bp_publish_call_begin_again(struct bp_publish_call *c);

/* What came back from another thread; handle of struct bp_returns. */
void bp_request_on_judged(struct bp_mail *mail);
void bp_request_on_stored(struct bp_mail *mail);
void bp_request_on_audited(struct bp_mail *mail);

/* Something of the call came back: does what can be done now, and frees its state if that was the
 * last of a call that is over. */
void bp_publish_call_moved(struct bp_publish_call *c);

#endif

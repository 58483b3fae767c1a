/* Keeps one agency from filling the door: how many of its events are on their way, from their
 * arrival until they are stored, over all of its calls, and which of its streams wait to read on
 * until there are fewer. What waits stays with the client (HTTP/2 flow control). Queue's thread. */
#ifndef BERBAGI_LANES_H
#define BERBAGI_LANES_H

#include "error.h"
#include "fair_queue.h"
#include "text.h"

/* A stream reads no further request while as many of its agency are on their way. Several group
 * commits' worth, so a lone agency goes as fast as ever. */
#define BP_LANE_EVENTS 4096u
/* A unary call can't wait like that: beyond this it is refused. */
#define BP_LANE_EVENTS_UNARY (8 * BP_LANE_EVENTS)

/* An agency with no more than this on its way sends little. */
#define BP_LANE_LIGHT_EVENTS 128u

struct bp_lane;
struct bp_lanes { /* zeroed */
    struct bp_lane *chains[256];
};

/* A call's part in its agency's lane; embedded in the call. Zeroed: in none. */
struct bp_lane_user {
    struct bp_lane *lane;
    struct bp_lane_user *next; /* of those that wait */
    bool is_waiting;
    void (*resume)(struct bp_lane_user *user); /* there may be room now; asks again */
};

/* BP_ENOMEM. */
BP_MUST_USE bp_status bp_lane_join(struct bp_lanes *lanes, struct bp_lane_user *user,
                                   struct bp_str agency);
/* Once, when nothing of this user is on its way any more. */
void bp_lane_leave(struct bp_lanes *lanes, struct bp_lane_user *user);

/* May a stream read its next request? If not, resume is called when that may have changed. */
bool bp_lane_may_read(struct bp_lane_user *user);
/* May a unary call's n events go on their way? */
bool bp_lane_has_room(const struct bp_lane_user *user, size_t n);

/* Does the agency send little, as much as is on its way now? */
bool bp_lane_is_light(const struct bp_lane_user *user);
/* The agency's turns at the judge and at the sequencer; they stand while the user is in its lane. */
struct bp_flow *bp_lane_judge_flow(const struct bp_lane_user *user);
struct bp_flow *bp_lane_store_flow(const struct bp_lane_user *user);

/* n events went on their way; they came back. */
void bp_lane_add(struct bp_lane_user *user, size_t n);
void bp_lane_remove(struct bp_lane_user *user, size_t n);
/* The call is over: it waits for nothing. */
void bp_lane_stop_waiting(struct bp_lane_user *user);

#endif

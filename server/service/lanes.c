#include "lanes.h"

#include <stdlib.h>

#include "crc32c.h"

struct bp_lane {
    struct bp_lane *next; /* in its chain */
    char *agency;
    unsigned users;
    size_t on_way;
    struct bp_lane_user *first_waiting, **end;
    struct bp_flow at_judge, at_sequencer; /* theirs */
};

static struct bp_lane **chain_of(struct bp_lanes *lanes, struct bp_str agency)
{
    return &lanes->chains[bp_crc32c(0, agency.p, agency.n) % 256];
}

static struct bp_lane *add(struct bp_lane **chain, struct bp_str agency)
{
    struct bp_lane *lane = calloc(1, sizeof(*lane));
    if (lane == NULL || (lane->agency = bp_str_dup(agency)) == NULL) {
        free(lane);
        return NULL;
    }
    lane->end = &lane->first_waiting;
    lane->next = *chain;
    return *chain = lane;
}

bp_status bp_lane_join(struct bp_lanes *lanes, struct bp_lane_user *user, struct bp_str agency)
{
    struct bp_lane **chain = chain_of(lanes, agency), *lane = *chain;
    while (lane != NULL && !bp_str_is(agency, lane->agency))
        lane = lane->next;
    if (lane == NULL && (lane = add(chain, agency)) == NULL)
        return BP_ENOMEM;
    lane->users++;
    user->lane = lane;
    return BP_OK;
}

void bp_lane_leave(struct bp_lanes *lanes, struct bp_lane_user *user)
{
    struct bp_lane *lane = user->lane;
    bp_lane_stop_waiting(user);
    user->lane = NULL;
    if (--lane->users != 0)
        return;
    struct bp_lane **at = chain_of(lanes, bp_str(lane->agency));
    while (*at != lane)
        at = &(*at)->next;
    *at = lane->next;
    free(lane->agency);
    free(lane);
}

bool bp_lane_may_read(struct bp_lane_user *user)
{
    struct bp_lane *lane = user->lane;
    if (lane->on_way < BP_LANE_EVENTS)
        return true;
    if (!user->is_waiting) {
        user->is_waiting = true;
        user->next = NULL;
        *lane->end = user;
        lane->end = &user->next;
    }
    return false;
}

bool bp_lane_has_room(const struct bp_lane_user *user, size_t n)
{
    return user->lane->on_way + n <= BP_LANE_EVENTS_UNARY;
}

bool bp_lane_is_light(const struct bp_lane_user *user)
{
    return user->lane->on_way <= BP_LANE_LIGHT_EVENTS;
}

struct bp_flow *bp_lane_judge_flow(const struct bp_lane_user *user)
{
    return &user->lane->at_judge;
}

struct bp_flow *bp_lane_store_flow(const struct bp_lane_user *user)
{
    return &user->lane->at_sequencer;
}

void bp_lane_add(struct bp_lane_user *user, size_t n)
{
    user->lane->on_way += n;
}

static struct bp_lane_user *pop_waiting(struct bp_lane *lane)
{
    struct bp_lane_user *user = lane->first_waiting;
    lane->first_waiting = user->next;
    if (lane->first_waiting == NULL)
        lane->end = &lane->first_waiting;
    user->is_waiting = false;
    return user;
}

/* One stream for each that came back: all at once would bring all of their requests at once. Where
 * nothing more will come back, all of them. */
void bp_lane_remove(struct bp_lane_user *user, size_t n)
{
    struct bp_lane *lane = user->lane;
    lane->on_way -= n;
    if (lane->on_way >= BP_LANE_EVENTS || lane->first_waiting == NULL)
        return;
    do {
        struct bp_lane_user *next = pop_waiting(lane);
        next->resume(next);
    } while (lane->on_way == 0 && lane->first_waiting != NULL);
}

void bp_lane_stop_waiting(struct bp_lane_user *user)
{
    struct bp_lane *lane = user->lane;
    if (!user->is_waiting)
        return;
    struct bp_lane_user **at = &lane->first_waiting;
    while (*at != user)
        at = &(*at)->next;
    *at = user->next;
    if (*at == NULL)
        lane->end = at;
    user->is_waiting = false;
}

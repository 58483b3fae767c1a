#include "fair_queue.h"

#include "error.h"

void bp_fair_queue_init(struct bp_fair_queue *q, int64_t quantum)
{
    BP_ASSERT(quantum > 0);
    *q = (struct bp_fair_queue){.quantum = quantum};
}

bool bp_fair_queue_is_empty(const struct bp_fair_queue *q)
{
    return q->last == NULL;
}

bool bp_fair_queue_is_shared(const struct bp_fair_queue *q)
{
    return q->last != NULL && q->last->next != q->last;
}

static struct bp_flow *at_turn(const struct bp_fair_queue *q)
{
    return q->last->next;
}

/* Gives the turn to the first in the round that its quantum brings out of debt. Whoever is alone has
 * it all the same. */
static void begin_turn(struct bp_fair_queue *q)
{
    at_turn(q)->credit += q->quantum;
    while (bp_fair_queue_is_shared(q) && at_turn(q)->credit <= 0) {
        q->last = at_turn(q);
        at_turn(q)->credit += q->quantum;
    }
}

static void pass_turn(struct bp_fair_queue *q)
{
    q->last = at_turn(q);
    begin_turn(q);
}

/* At the end of the round; that is next, if the other one was alone and is in debt. */
static void join(struct bp_fair_queue *q, struct bp_flow *flow)
{
    struct bp_flow *last = q->last;
    flow->end = &flow->first;
    if (flow->credit > 0)
        flow->credit = 0;
    flow->next = last != NULL ? last->next : flow;
    if (last != NULL)
        last->next = flow;
    q->last = flow;
    if (last == NULL)
        begin_turn(q);
    else if (at_turn(q)->credit <= 0)
        pass_turn(q);
}

/* The one that has the turn. */
static void leave(struct bp_fair_queue *q)
{
    struct bp_flow *flow = at_turn(q);
    if (flow == q->last) {
        q->last = NULL;
        return;
    }
    q->last->next = flow->next;
    begin_turn(q);
}

void bp_fair_queue_add(struct bp_fair_queue *q, struct bp_flow *flow, struct bp_mail *mail)
{
    if (flow->first == NULL)
        join(q, flow);
    mail->next = NULL;
    *flow->end = mail;
    flow->end = &mail->next;
}

struct bp_mail *bp_fair_queue_first(const struct bp_fair_queue *q)
{
    return q->last != NULL ? at_turn(q)->first : NULL;
}

/* Nobody owes more than the last piece of what it used. */
static void charge(struct bp_flow *flow, size_t used)
{
    flow->credit -= (int64_t)used;
    if (flow->credit < -(int64_t)used)
        flow->credit = -(int64_t)used;
}

void bp_fair_queue_use(struct bp_fair_queue *q, size_t used)
{
    charge(at_turn(q), used);
    if (bp_fair_queue_is_shared(q) && at_turn(q)->credit <= 0)
        pass_turn(q);
}

struct bp_mail *bp_fair_queue_take(struct bp_fair_queue *q, size_t used)
{
    struct bp_flow *flow = at_turn(q);
    struct bp_mail *mail = flow->first;
    flow->first = mail->next;
    if (flow->first != NULL) {
        bp_fair_queue_use(q, used);
        return mail;
    }
    charge(flow, used);
    leave(q);
    return mail;
}

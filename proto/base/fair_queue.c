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

/* Gives the turn to the first in the round that comes out of debt by its quantum. Who is alone owes
 * nobody. */
static void begin_turn(struct bp_fair_queue *q)
{
    if (!bp_fair_queue_is_shared(q))
        at_turn(q)->credit = 0;
    for (;;) {
        at_turn(q)->credit += q->quantum;
        if (at_turn(q)->credit > 0)
            return;
        q->last = at_turn(q);
    }
}

/* At the end of the round. */
static void join(struct bp_fair_queue *q, struct bp_flow *flow)
{
    struct bp_flow *last = q->last;
    flow->end = &flow->first;
    flow->credit = 0;
    flow->next = last != NULL ? last->next : flow;
    if (last != NULL)
        last->next = flow;
    q->last = flow;
    if (last == NULL)
        begin_turn(q);
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

void bp_fair_queue_use(struct bp_fair_queue *q, size_t used)
{
    struct bp_flow *flow = at_turn(q);
    flow->credit -= (int64_t)used;
    if (flow->credit > 0)
        return;
    q->last = flow;
    begin_turn(q);
}

struct bp_mail *bp_fair_queue_take(struct bp_fair_queue *q, size_t used)
{
    struct bp_flow *flow = at_turn(q);
    struct bp_mail *mail = flow->first;
    flow->first = mail->next;
    if (flow->first == NULL)
        leave(q);
    else
        bp_fair_queue_use(q, used);
    return mail;
}

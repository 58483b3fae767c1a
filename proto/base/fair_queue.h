/* Mail of several senders who take turns: each has a flow, first in first out, and the flows go
 * round. A flow keeps the turn until it has used up its quantum; what a large piece of mail takes
 * beyond that is a debt, which it stands out of the round until it is paid (surplus round robin). So
 * whoever sends little waits for at most a quantum of each other flow and the one piece of mail at
 * hand, however much the others have waiting. A flow that is alone is never held up, but owes the last
 * piece of what it used: who comes to it is next. The debt stays with a flow that has nothing waiting.
 *
 * One thread's; a mailbox brings mail there. Never allocates. */
#ifndef BERBAGI_FAIR_QUEUE_H
#define BERBAGI_FAIR_QUEUE_H

#include <stdint.h>

#include "mailbox.h"

/* Of one sender; embedded where its mail comes from. Zeroed at first; the queue's while anything of
 * it waits. */
struct bp_flow {
    struct bp_flow *next; /* in the round */
    struct bp_mail *first, **end;
    int64_t credit; /* what is left of its turn; below 0: a debt */
};

struct bp_fair_queue {
    struct bp_flow *last; /* of the round; the one behind it has the turn; NULL: nothing waits */
    int64_t quantum;
};

/* quantum: what a turn may use, at least 1, in whatever unit bp_fair_queue_use counts. */
void bp_fair_queue_init(struct bp_fair_queue *q, int64_t quantum);
bool bp_fair_queue_is_empty(const struct bp_fair_queue *q);
/* Does mail of more than one flow wait? */
bool bp_fair_queue_is_shared(const struct bp_fair_queue *q);

/* mail goes behind all else of its flow. */
void bp_fair_queue_add(struct bp_fair_queue *q, struct bp_flow *flow, struct bp_mail *mail);

/* The mail whose turn it is; it stays where it is. NULL: nothing waits. */
struct bp_mail *bp_fair_queue_first(const struct bp_fair_queue *q);
/* That mail has used so much, and stays first of its flow: it goes on when its turn comes again. */
void bp_fair_queue_use(struct bp_fair_queue *q, size_t used);
/* The same, and it is taken out. Not of an empty queue. */
struct bp_mail *bp_fair_queue_take(struct bp_fair_queue *q, size_t used);

#endif

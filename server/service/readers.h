/* Everybody who waits for the log to grow: open streams and waiting Fetch calls. A durable
 * subscription has one reader at a time; the second takes over. Queue's thread, but for
 * bp_readers_wake. */
#ifndef BERBAGI_READERS_H
#define BERBAGI_READERS_H

#include "exchange.h"
#include "wheel.h"

struct bp_reader {
    struct bp_reader *next, **place; /* the list's while inside; place NULL = outside */
    const char *agency;              /* borrowed while inside */
    const char *subscription;        /* "" = not durable */
    struct bp_wheel_entry due;       /* due_ms: when it is to be poked although nothing changed */
    /* Something may have changed: the head, the policy, the day; or its time has come. Called often:
     * must be cheap when there is nothing to do. May remove itself. */
    void (*poke)(struct bp_reader *reader);
    /* Another reader opened the subscription; it has been removed already. */
    void (*taken_over)(struct bp_reader *reader);
};

struct bp_readers {
    struct bp_rpc_task task; /* first: a task is its readers */
    struct bp_exchange *x;
    struct bp_reader *first;
    struct bp_wheel wheel;
    unsigned alarm; /* the end of the rest behind a round */
    bool is_resting, is_asked_for;
    bp_day today; /* of the last tick, as is the policy's version */
    uint64_t version;
};

/* Registers a tick with the server; before it starts. */
void bp_readers_init(struct bp_readers *r, struct bp_exchange *x);

/* Puts a reader in; one that holds the same subscription of the same agency is taken over first. */
void bp_readers_add(struct bp_readers *r, struct bp_reader *reader);
void bp_readers_remove(struct bp_reader *reader); /* outside: does nothing */
bool bp_readers_holds(const struct bp_readers *r, const char *agency, const char *subscription);

/* Is it the rest behind a round of pokes? Then whoever asks is poked at its end. A round that was
 * long, because there are many readers, is followed by a rest as long, so that they are sent more
 * at once and the thread has time for everybody else. */
bool bp_readers_rest(struct bp_readers *r);

/* Pokes all soon. Any thread. */
void bp_readers_wake(struct bp_readers *r);

#endif

/* berbagi.v1.SubscriberService: Subscribe, Fetch, ListSubscriptions, DeleteSubscription. */
#ifndef BERBAGI_SUBSCRIBER_H
#define BERBAGI_SUBSCRIBER_H

#include "readers.h"
#include "returns.h"
#include "shared.h"

struct bp_subscriber {
    struct bp_exchange *x;
    struct bp_readers readers;
    struct bp_shared shared;
    struct bp_returns returns; /* of streams and Fetch calls: see struct bp_return */
};

/* What another thread gives back to a call of this service. */
struct bp_return {
    struct bp_mail mail; /* first */
    void (*handle)(struct bp_return *self);
};

/* Registers all methods with x->rpc; before the server starts. */
BP_MUST_USE bp_status bp_subscriber_create(struct bp_exchange *x, struct bp_subscriber **out,
                                           struct bp_err *err);
/* After server, worker and sequencer stopped. NULL allowed. */
void bp_subscriber_destroy(struct bp_subscriber *s);

/* The log grew, or the policy changed. Any thread. */
void bp_subscriber_wake(struct bp_subscriber *s);

/* The methods, each in a file of its own. */
extern const struct bp_rpc_method bp_subscribe_method;
extern const struct bp_rpc_method bp_fetch_method;
extern const struct bp_rpc_method bp_list_subscriptions_method;
extern const struct bp_rpc_method bp_delete_subscription_method;

#endif

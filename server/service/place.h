/* Where a reader starts, and the durable place of a named subscription. */
#ifndef BERBAGI_PLACE_H
#define BERBAGI_PLACE_H

#include "berbagi/v1/exchange.pb-c.h"
#include "exchange.h"

/* "" (none is kept) or 1 to 64 of [a-z0-9-]. */
bool bp_subscription_name_is_valid(const char *name);

/* The position that start asks to begin behind. *resets: it is to be stored as the subscription's
 * place before anything is sent. false: *status is LOG_CHANGED, POSITION_AHEAD, POSITION_EXPIRED or
 * a malformed request. */
bool bp_place_resolve(struct bp_exchange *x, const char *agency, const char *subscription,
                      const Berbagi__V1__Start *start, uint64_t *place, bool *resets,
                      struct bp_rpc_status *status);

/* Is the log the one the client means ("" = any)? */
bool bp_place_check_log(struct bp_exchange *x, const char *log_id, struct bp_rpc_status *status);
/* Can reading begin behind this position? */
bool bp_place_check(struct bp_exchange *x, uint64_t place, struct bp_rpc_status *status);

/* Stores the place; keeps when the row was made, and its filter where none is given (NULL). done as
 * of bp_sequencer_put_subscription. More than the agency may have: BP_EAGAIN. */
BP_MUST_USE bp_status bp_place_store(struct bp_exchange *x, const char *agency,
                                     const char *subscription, uint64_t place,
                                     const Berbagi__V1__Filter *filter,
                                     void (*done)(void *context, bp_status st), void *context);

/* The acknowledged position of a subscription; 0 if there is none. */
uint64_t bp_place_acknowledged(struct bp_exchange *x, const char *agency, const char *subscription);

#endif

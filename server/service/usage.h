/* Calls and the quota of who makes them: asks the policy in force now for the bounds, and quota.h
 * whether they hold. Queue's thread. */
#ifndef BERBAGI_USAGE_H
#define BERBAGI_USAGE_H

#include "audit.h"
#include "exchange.h"

/* A call of an agency begins: false with *status where it may not. is_stream: it may stay open.
 * What began is ended once. */
bool bp_usage_begin(struct bp_exchange *x, const struct bp_rpc_call *call, bool is_stream,
                    struct bp_rpc_status *status);
void bp_usage_end(struct bp_exchange *x, const struct bp_rpc_call *call, bool is_stream);

/* May it publish n events now? *soon_ms: PublishResponse.retry_after_ms. */
bool bp_usage_take_events(struct bp_exchange *x, const char *agency, size_t n, uint32_t *soon_ms,
                          struct bp_rpc_status *status);
/* May it be told n pseudonyms more today? */
bool bp_usage_take_resolves(struct bp_exchange *x, const char *agency, uint64_t n,
                            struct bp_rpc_status *status);
/* May it be sent events? How much it was sent is told afterwards. */
bool bp_usage_may_deliver(struct bp_exchange *x, const char *agency, struct bp_rpc_status *status);
void bp_usage_note_delivered(struct bp_exchange *x, const char *agency, uint64_t bytes);
/* How many durable subscriptions it may have. */
size_t bp_usage_most_subscriptions(struct bp_exchange *x, const char *agency);

/* Puts on record that an operator changed the policy. Does not wait: the journal holds the same, so
 * that a line lost is no change lost. Any thread. */
void bp_usage_record_policy(struct bp_exchange *x, enum bp_audit_kind kind,
                            const struct bp_peer *by, uint64_t version);

/* Puts on record what else an operator did; about, NULL allowed, has no quotes and no backslashes.
 * Does not wait. Any thread. */
void bp_usage_record_act(struct bp_exchange *x, enum bp_audit_kind kind, const struct bp_peer *by,
                         const char *about, uint64_t count, bool is_dry_run);

/* Counts what the audit record says was resolved today before the server started. At the start. */
BP_MUST_USE bp_status bp_usage_recall(struct bp_exchange *x, const char *audit_dir,
                                      struct bp_err *err);

#endif

/* What agencies have used of their quotas: a bucket of events, counts of the day, calls and
 * connections open now. Knows no policy: each question brings the bounds that hold at its moment,
 * so that a new version binds at once. One row for each agency that ever called; those with nothing
 * left to remember are forgotten when there are many. Queue's thread. */
#ifndef BERBAGI_QUOTA_H
#define BERBAGI_QUOTA_H

#include "policy.h"
#include "rpc_status.h"

struct bp_quotas;

/* clock is borrowed. NULL when out of memory. */
struct bp_quotas *bp_quotas_create(const struct bp_clock *clock);
void bp_quotas_destroy(struct bp_quotas *q); /* NULL allowed */

/* Each of these answers false with *status OVER_QUOTA, and counts nothing, where the bound would be
 * passed, and false with a status of its own when memory runs out. `today` is the day that counts
 * belong to. */

/* n events of a request. *soon_ms: how long to wait until as many would pass again; 0 = they would
 * now. */
bool bp_quotas_take_events(struct bp_quotas *q, struct bp_str agency, const struct bp_quota *bounds,
                           size_t n, uint32_t *soon_ms, struct bp_rpc_status *status);

/* n "nik:" subjects that were turned into pseudonyms. */
bool bp_quotas_take_resolves(struct bp_quotas *q, struct bp_str agency,
                             const struct bp_quota *bounds, bp_day today, uint64_t n,
                             struct bp_rpc_status *status);
/* What was resolved before the server started. Dropped when memory runs out. */
void bp_quotas_note_resolves(struct bp_quotas *q, struct bp_str agency, bp_day day, uint64_t n);

/* May another response with events be sent? What was sent is told afterwards. */
bool bp_quotas_may_deliver(struct bp_quotas *q, struct bp_str agency, const struct bp_quota *bounds,
                           bp_day today, struct bp_rpc_status *status);
void bp_quotas_note_delivered(struct bp_quotas *q, struct bp_str agency, bp_day today,
                              uint64_t bytes);

/* A call begins on the connection of this address; is_stream: it may stay open. What was opened is
 * closed once, with the same words. */
bool bp_quotas_open_call(struct bp_quotas *q, struct bp_str agency, const struct bp_quota *bounds,
                         struct bp_str address, bool is_stream, struct bp_rpc_status *status);
void bp_quotas_close_call(struct bp_quotas *q, struct bp_str agency, struct bp_str address,
                          bool is_stream);

#endif

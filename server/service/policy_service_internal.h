/* What the files of the policy service share. policy_service.c: the methods; policy_change.c: a new
 * version on its way; policy_lookup.c: versions read; policy_rehearsal.c: rehearsals. */
#ifndef BERBAGI_POLICY_SERVICE_INTERNAL_H
#define BERBAGI_POLICY_SERVICE_INTERNAL_H

#include "policy_service.h"
#include "returns.h"
#include "worker.h"

struct bp_policy_service {
    struct bp_exchange *x;
    struct bp_returns returns; /* struct bp_policy_return */
    struct bp_worker
        *rehearser;      /* a thread of its own, behind all others: rehearsals, and look-ups,
                                  * so that no reader of events waits for either */
    unsigned lookups;    /* under way; the queue's thread */
    unsigned rehearsals; /* under way; the queue's thread */
};

/* First member of what other threads give back; handle runs on the queue's thread, also when the
 * call is over. */
struct bp_policy_return {
    struct bp_mail mail;
    void (*handle)(struct bp_policy_return *back);
};

/* Why a policy that breaks a rule is refused: the first of its errors, and how many there are. */
struct bp_rpc_status bp_policy_refusal(const struct bp_policy_findings *findings,
                                       const struct bp_err *err);

/* Is the caller an operator who may change the policy? Otherwise the call is refused. */
bool bp_policy_may_change(struct bp_policy_service *s, struct bp_rpc_call *call);

extern const struct bp_rpc_method bp_policy_get_method, bp_policy_list_method;
extern const struct bp_rpc_method bp_policy_apply_method, bp_policy_approve_method;
extern const struct bp_rpc_method bp_policy_rehearse_method;

/* begin and over of methods whose state is the service itself. */
void bp_policy_begin(struct bp_rpc_call *call, void *service);
void bp_policy_over(struct bp_rpc_call *call);

#define BP_POLICY_BYTES_MAX (64u << 20)

#endif

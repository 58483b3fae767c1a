/* What the services share: the layers below them, the policy in force, and the day that agreements
 * are judged on. Made by main, borrowed by every service. Any thread, unless a function says
 * otherwise. */
#ifndef BERBAGI_EXCHANGE_H
#define BERBAGI_EXCHANGE_H

#include "index.h"
#include "journal.h"
#include "policy.h"
#include "pseudonym.h"
#include "rpc.h"
#include "sequencer.h"

struct bp_exchange {
    const struct bp_schema *schema;
    const struct bp_clock *clock;
    struct bp_journal *journal;
    struct bp_sequencer *sequencer;
    struct bp_index *index;
    const struct bp_pseudonyms *pseudonyms;
    struct bp_rpc_server *rpc;
    struct bp_worker *worker;
    struct bp_quotas *quotas; /* the queue's thread's */
    struct bp_audit *audit;
    struct bp_rotation *rotation;
    /* Operators that may apply the first policy. */
    const char *const *first_operators;
    size_t n_first_operators;
    int64_t started_ns;
    const char *data_dir;

    pthread_mutex_t lock;          /* guards the two below; a leaf */
    struct bp_policy *policy;      /* never NULL: version 0 grants nothing */
    struct bp_blob *policy_source; /* serialized berbagi.v1.Policy of that version */

    atomic_int today; /* never goes back in a run: a clock set back revives no agreement */
};

/* Loads the policy in force from the journal; the layers are set already. */
BP_MUST_USE bp_status bp_exchange_init(struct bp_exchange *x, struct bp_err *err);
void bp_exchange_fini(struct bp_exchange *x);

/* The policy in force, with a reference for the caller. */
struct bp_policy *bp_exchange_policy(struct bp_exchange *x);
/* Its serialized source, with a reference for the caller, and its version. */
struct bp_blob *bp_exchange_policy_source(struct bp_exchange *x, uint64_t *version);
/* Puts another version in force; takes both references. */
void bp_exchange_set_policy(struct bp_exchange *x, struct bp_policy *policy,
                            struct bp_blob *source);

/* Today in Asia/Jakarta. */
bp_day bp_exchange_today(struct bp_exchange *x);

/* Compiles a serialized Policy. BP_EINVAL: malformed or against the rules; findings as of
 * bp_policy_compile. */
BP_MUST_USE bp_status bp_exchange_compile(const struct bp_exchange *x, struct bp_str source,
                                          uint64_t version, struct bp_policy **out,
                                          struct bp_policy_findings *findings, struct bp_err *err);

/* May this peer make this call at all? bp_rpc_config.admit; context is the exchange. Queue's
 * thread. */
bool bp_exchange_admit(void *context, const struct bp_peer *peer,
                       const struct bp_rpc_method *method, struct bp_rpc_status *status);

/* Is the caller an operator with this role (Berbagi__V1__Operator__Role)? Otherwise *status says
 * NO_ROLE or WRONG_KIND. */
bool bp_exchange_has_role(struct bp_exchange *x, const struct bp_peer *peer, int role,
                          struct bp_rpc_status *status);

/* The agency of the caller in this policy; NULL with *status where it is an operator (WRONG_KIND),
 * unknown or suspended. */
const struct bp_agency *bp_exchange_caller(const struct bp_policy *policy,
                                           const struct bp_peer *peer,
                                           struct bp_rpc_status *status);

#endif

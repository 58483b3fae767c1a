/* The policy of one version, compiled: (agency, event type) → grants, so that a decision is a few
 * loads. Built whole from the contract's Policy message, never changed afterwards, swapped in
 * whole; counted references, any thread.
 *
 * Deny by default: what no grant of an agreement in force on that day gives, is not given. The
 * rules in words: README.md here. */
#ifndef BERBAGI_POLICY_H
#define BERBAGI_POLICY_H

#include "berbagi/v1/policy.pb-c.h"
#include "clock.h"
#include "codes.h"
#include "redact.h"
#include "schema.h"

struct bp_policy;
struct bp_agency; /* of one policy version; borrowed from it */

/* One broken rule of a policy: where (path of the message: "agreements[3].grants[12].events") and
 * what. A warning does not refuse. */
struct bp_policy_finding {
    char where[128];
    char message[256];
    bool is_warning;
};
struct bp_policy_findings {
    struct bp_policy_finding *items;
    size_t n, capacity;
};
void bp_policy_findings_fini(struct bp_policy_findings *f);

/* Compiles; source and schema are read, not kept (schema must outlive the policy: its types are
 * pointed to). BP_EINVAL: findings (NULL allowed) tell every broken rule, err the first. Version 0
 * is what stands before the first one is applied: it alone may be without an operator of role
 * POLICY. */
BP_MUST_USE bp_status bp_policy_compile(const Berbagi__V1__Policy *source, uint64_t version,
                                        const struct bp_schema *schema, struct bp_policy **out,
                                        struct bp_policy_findings *findings, struct bp_err *err);
struct bp_policy *bp_policy_ref(struct bp_policy *p);
void bp_policy_unref(struct bp_policy *p); /* NULL allowed */

uint64_t bp_policy_version(const struct bp_policy *p);
/* While it is in force: does a new version need a second operator's approval? */
bool bp_policy_asks_approval(const struct bp_policy *p);

const struct bp_agency *bp_policy_agency(const struct bp_policy *p,
                                         struct bp_str id); /* NULL: unknown */
size_t bp_policy_agencies(const struct bp_policy *p);
const struct bp_agency *bp_policy_agency_at(const struct bp_policy *p, size_t i);
struct bp_str bp_agency_id(const struct bp_agency *a);
bool bp_agency_is_suspended(const struct bp_agency *a);
const struct bp_agency *bp_agency_parent(const struct bp_agency *a); /* NULL: none */
/* Is a the other or above it, at any depth? (Who may speak for whom.) */
bool bp_agency_is_over(const struct bp_agency *a, const struct bp_agency *other);
/* What stands for it below IDENTIFIED: a village's parent (kind desa, kel), others themselves. */
struct bp_str bp_agency_public_id(const struct bp_agency *a);

/* What an agency may use at most, as in berbagi.v1.Quota; 0 = no bound. Its row's, else its kind's,
 * else all 0. Never NULL; borrowed from the policy. */
struct bp_quota {
    uint32_t events_per_second, burst_events; /* burst filled in where the rate is bound */
    uint64_t resolves_per_day;
    uint32_t streams, connections, subscriptions;
    uint64_t delivered_bytes_per_day;
};
const struct bp_quota *bp_agency_quota(const struct bp_agency *a);

/* Operator roles of berbagi.v1.Operator.Role as bits 1u << role; 0 = unknown. Any role implies
 * VIEWER. */
uint32_t bp_policy_operator_roles(const struct bp_policy *p, struct bp_str name);

/* What rights look at in one event. */
struct bp_facts {
    bp_region region;
    char destination[2];
    struct bp_str addressed_to;
    bp_day recorded_on;   /* in Asia/Jakarta; of a publish: today */
    bool has_small_count; /* of an aggregate type */
};

/* --- publishing --- */

struct bp_publish_request {
    const struct bp_agency *sender; /* of the certificate */
    const struct bp_agency *source; /* whom it speaks for; the same or one below */
    const struct bp_event_type *type;
    struct bp_facts facts;
    bp_fields fields_set;
    bool resolves; /* the subject came as "nik:" */
};
struct bp_publish_verdict {
    bool permitted;
    uint32_t grant;   /* number, in this version, of the first grant that permits it by itself, else
                         of the first that applies */
    bp_fields barred; /* otherwise: fields that are set and may not be (all scope rules passed);
                         also told beside field "subject" */
    const char *field; /* otherwise: what the refusal is about: "type", "region", "source",
                        * "subject", "destination", "addressed_to", or "data" (barred) */
    const char *why;   /* static sentence */
};
/* today: day in Asia/Jakarta that agreements are judged on. */
void bp_policy_judge_publish(const struct bp_policy *p, const struct bp_publish_request *request,
                             bp_day today, struct bp_publish_verdict *out);
/* Has the agency (a source: a parent that speaks for it uses the child's right) any publish right
 * of may_resolve in force, so that resolving tells it nothing it could not learn? */
bool bp_policy_may_resolve(const struct bp_policy *p, const struct bp_agency *a, bp_day today);

/* --- subscribing --- */

#define BP_GROUNDS_MAX                                                                             \
    32 /* of one event; a right beyond them shows nothing, for every ground must be told */
struct bp_sight {
    struct bp_view view;
    uint32_t grounds[BP_GROUNDS_MAX]; /* Ground.id, ascending, each once */
    size_t n_grounds;
};
/* May the reader have this event, and what of it? false: no. */
bool bp_policy_see(const struct bp_policy *p, const struct bp_agency *reader,
                   const struct bp_event_type *type, const struct bp_facts *facts, bp_day today,
                   struct bp_sight *out);
/* Has it any subscribe right in force today; of this type? (types that cannot pass are skipped
 * early) */
bool bp_policy_sees_anything(const struct bp_policy *p, const struct bp_agency *reader,
                             bp_day today);
bool bp_policy_sees_type(const struct bp_policy *p, const struct bp_agency *reader,
                         const struct bp_event_type *type, bp_day today);
/* The first day after today on which an agreement begins or ends: decisions hold until then. */
bp_day bp_policy_next_change(const struct bp_policy *p, bp_day today);

/* Why a delivery is lawful: facts of one ground. Borrowed from the policy. BP_ENOENT. */
struct bp_ground {
    struct bp_str agreement, purpose, legal_basis;
    bp_day valid_to; /* last day; BP_DAY_NEVER without end */
    const struct bp_event_type *type;
};
BP_MUST_USE bp_status bp_policy_ground(const struct bp_policy *p, uint32_t id,
                                       struct bp_ground *out);
/* The same of the grant that an event was stored under (bp_publish_verdict.grant); type is NULL,
 * for a grant may be of many. BP_ENOENT. */
BP_MUST_USE bp_status bp_policy_grant(const struct bp_policy *p, uint32_t number,
                                      struct bp_ground *out);

/* Why did a stream that saw something see nothing any more: true if every agreement it stood on
 * ended, was suspended or terminated, false if one of them or its grant is gone from the policy. */
bool bp_policy_ended_by_agreement(const struct bp_policy *before, const struct bp_policy *now,
                                  struct bp_str agency, bp_day today);

/* --- telling --- */

/* An agency's own part of a policy (its row and those above and below it, agreements with a grant
 * for it or it as a party, with only its grants, its ceilings, its quotas). The result is a fresh
 * message: berbagi__v1__policy__free_unpacked(it, NULL). NULL when out of memory. */
Berbagi__V1__Policy *bp_policy_part_of(const Berbagi__V1__Policy *source, struct bp_str agency);

/* What becomes visible, hidden, publishable or barred today between two versions of one schema
 * (before NULL: nothing was): appends PolicyChange messages to response->changes (its array as
 * realloc made it, or NULL). A line names the payload fields, and "(envelope)" where more or less
 * of the envelope shows, "(unknown fields)", "(subject by NIK)". Behind BP_POLICY_CHANGES_BYTES of
 * lines they are counted in response->changes_left_out. BP_ENOMEM: response holds what was told so
 * far. */
#define BP_POLICY_CHANGES_BYTES ((size_t)32 << 20)
BP_MUST_USE bp_status bp_policy_difference(const struct bp_policy *before,
                                           const struct bp_policy *after, bp_day today,
                                           Berbagi__V1__ApplyPolicyResponse *response);

#endif

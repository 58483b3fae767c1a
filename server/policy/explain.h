/* Why an agency may publish or see an event, or why not: in words, made of the decision itself
 * (policy.h) and of the rights and passages it looked at. Pure; any thread. */
#ifndef BERBAGI_EXPLAIN_H
#define BERBAGI_EXPLAIN_H

#include "policy.h"

/* One event as it would be judged. Of facts, recorded_on and has_small_count are not looked at: the
 * event is recorded on the day asked about, and has no small count. */
struct bp_explain_question {
    const struct bp_agency *agency; /* of the policy asked; PUBLISH: sender and source */
    const struct bp_event_type *type;
    bool is_publish; /* otherwise subscribe */
    struct bp_facts facts;
};

/* Explains what the policy says of the question on that day. It speaks of grants for the agency or
 * its kind alone. *out: berbagi__v1__explain_response__free_unpacked(it, NULL). BP_ENOMEM. */
BP_MUST_USE bp_status bp_policy_explain(const struct bp_policy *p,
                                        const struct bp_explain_question *q, bp_day day,
                                        Berbagi__V1__ExplainResponse **out);

#endif

/* Explain: who asks, what about, and the policy's own words. Answered on the queue's thread: one
 * look at each grant is done sooner than a way to another thread and back. */
#include "explain_service.h"

#include "explain.h"
#include "rpc_answer.h"

static void begin(struct bp_rpc_call *call, void *service)
{
    bp_rpc_call_set_state(call, service);
}

static void over(struct bp_rpc_call *call)
{
    (void)call;
}

/* What is wrong with one field of the request. */
static bool wrong(struct bp_rpc_status *status, const char *field, const char *words)
{
    *status = bp_malformed_field(field, words);
    return false;
}

/* --- reading the request: each returns false with *status --- */

/* An agency asks about itself, whoever else there is; an operator about all. */
static bool read_agency(struct bp_exchange *x, const struct bp_policy *policy,
                        const struct bp_peer *peer, const char *asked,
                        struct bp_explain_question *q, struct bp_rpc_status *status)
{
    if (peer->identity.kind == BP_IDENTITY_AGENCY) {
        q->agency = bp_exchange_caller(policy, peer, status);
        if (q->agency == NULL || asked[0] == '\0' || bp_str_is(bp_agency_id(q->agency), asked))
            return q->agency != NULL;
        *status = bp_rpc_status(BP_REASON_WRONG_KIND, "an agency may ask about itself alone");
        return false;
    }
    if (!bp_exchange_has_role(x, peer, BERBAGI__V1__OPERATOR__ROLE__ROLE_VIEWER, status))
        return false;
    if (asked[0] == '\0')
        return wrong(status, "agency", "an operator names the agency that is asked about");
    q->agency = bp_policy_agency(policy, bp_str(asked));
    return q->agency != NULL || wrong(status, "agency", "no agency of this name is in the policy");
}

static bool read_direction(int direction, struct bp_explain_question *q,
                           struct bp_rpc_status *status)
{
    q->is_publish = direction == BERBAGI__V1__GRANT__DIRECTION__DIRECTION_PUBLISH;
    return q->is_publish || direction == BERBAGI__V1__GRANT__DIRECTION__DIRECTION_SUBSCRIBE ||
           wrong(status, "direction", "the direction is PUBLISH or SUBSCRIBE");
}

static bool read_place(const Berbagi__V1__ExplainRequest *m, struct bp_facts *facts,
                       struct bp_rpc_status *status)
{
    struct bp_str destination = bp_str(m->destination);
    if (!bp_region_parse(bp_str(m->region), &facts->region))
        return wrong(status, "region", "no region has this code");
    if (destination.n == 0)
        return true;
    if (!bp_country_is_known(destination))
        return wrong(status, "destination", "no country has this code");
    memcpy(facts->destination, destination.p, sizeof(facts->destination));
    return true;
}

static bool read_addressee(const struct bp_policy *policy, const char *asked,
                           struct bp_facts *facts, struct bp_rpc_status *status)
{
    facts->addressed_to = bp_str(asked);
    return asked[0] == '\0' || bp_policy_agency(policy, facts->addressed_to) != NULL ||
           wrong(status, "addressed_to", "no agency of this name is in the policy");
}

static bool read_day(struct bp_exchange *x, const char *asked, bp_day *day,
                     struct bp_rpc_status *status)
{
    *day = bp_exchange_today(x);
    return asked[0] == '\0' || bp_day_parse(bp_str(asked), day) ||
           wrong(status, "on_date", "no such day: YYYY-MM-DD");
}

static bool read_request(struct bp_exchange *x, const struct bp_policy *policy,
                         const struct bp_peer *peer, const Berbagi__V1__ExplainRequest *m,
                         struct bp_explain_question *q, bp_day *day, struct bp_rpc_status *status)
{
    if (!read_agency(x, policy, peer, m->agency, q, status) ||
        !read_direction((int)m->direction, q, status))
        return false;
    q->type = bp_schema_type(x->schema, bp_str(m->event_type));
    if (q->type == NULL)
        return wrong(status, "event_type", "no event type has this name");
    return read_place(m, &q->facts, status) &&
           read_addressee(policy, m->addressed_to, &q->facts, status) &&
           read_day(x, m->on_date, day, status);
}

/* --- the call --- */

static void answer(struct bp_rpc_call *call, const struct bp_policy *policy,
                   const struct bp_explain_question *q, bp_day day)
{
    Berbagi__V1__ExplainResponse *response = NULL;
    struct bp_buf out = {0};
    if (bp_policy_explain(policy, q, day, &response) != BP_OK) {
        bp_refuse(call, bp_rpc_status_of(BP_ENOMEM, NULL));
        return;
    }
    uint8_t *to = bp_buf_reserve(&out, berbagi__v1__explain_response__get_packed_size(response));
    if (to != NULL)
        out.n += berbagi__v1__explain_response__pack(response, to);
    berbagi__v1__explain_response__free_unpacked(response, NULL);
    bp_answer(call, &out);
}

static void message(struct bp_rpc_call *call, struct bp_str bytes)
{
    struct bp_exchange *x = bp_rpc_call_state(call);
    struct bp_explain_question q = {0};
    struct bp_rpc_status status;
    bp_day day;
    Berbagi__V1__ExplainRequest *m =
        berbagi__v1__explain_request__unpack(NULL, bytes.n, (const uint8_t *)bytes.p);
    if (m == NULL) {
        bp_refuse(call, bp_malformed("not a berbagi.v1.ExplainRequest message"));
        return;
    }
    struct bp_policy *policy = bp_exchange_policy(x);
    if (read_request(x, policy, bp_rpc_call_peer(call), m, &q, &day, &status))
        answer(call, policy, &q, day);
    else
        bp_refuse(call, status);
    bp_policy_unref(policy);
    berbagi__v1__explain_request__free_unpacked(m, NULL);
}

static const struct bp_rpc_method explain = {
    .path = "/berbagi.v1.PolicyService/Explain",
    .callers = BP_RPC_FOR_AGENCIES | BP_RPC_FOR_OPERATORS,
    .most_request_bytes = BP_RPC_SMALL_REQUEST,
    .begin = begin,
    .message = message,
    .over = over,
};

bp_status bp_explain_service_add(struct bp_exchange *x, struct bp_err *err)
{
    bp_status st = bp_rpc_server_add(x->rpc, &explain, x);
    return st == BP_OK ? st : bp_fail(err, st, "policy service: Explain can't be registered");
}

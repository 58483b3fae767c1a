/* Registration, and what the methods have in common. */
#include "policy_service_internal.h"

#include "rpc_answer.h"

void bp_policy_begin(struct bp_rpc_call *call, void *service)
{
    bp_rpc_call_set_state(call, service);
}

void bp_policy_over(struct bp_rpc_call *call)
{
    (void)call;
}

bool bp_policy_may_change(struct bp_policy_service *s, struct bp_rpc_call *call)
{
    struct bp_rpc_status status;
    if (bp_exchange_has_role(s->x, bp_rpc_call_peer(call), BERBAGI__V1__OPERATOR__ROLE__ROLE_POLICY,
                             &status))
        return true;
    bp_refuse(call, status);
    return false;
}

struct bp_rpc_status bp_policy_refusal(const struct bp_policy_findings *findings,
                                       const struct bp_err *err)
{
    size_t errors = 0;
    const struct bp_policy_finding *first = NULL;
    for (size_t i = findings->n; i > 0; i--) {
        if (findings->items[i - 1].is_warning)
            continue;
        first = &findings->items[i - 1];
        errors++;
    }
    if (first == NULL)
        return bp_rpc_status(BP_REASON_INVALID_POLICY, "%s", err->text);
    struct bp_rpc_status status =
        errors == 1 ? bp_rpc_status(BP_REASON_INVALID_POLICY, "%s", first->message)
                    : bp_rpc_status(BP_REASON_INVALID_POLICY, "%s (and %zu more)", first->message,
                                    errors - 1);
    (void)bp_str_copy(status.field, sizeof(status.field), bp_str(first->where));
    return status;
}

static void handle_return(struct bp_mail *mail)
{
    struct bp_policy_return *back = (struct bp_policy_return *)mail; /* its first member */
    back->handle(back);
}

static bp_status register_methods(struct bp_policy_service *s)
{
    static const struct bp_rpc_method *const methods[] = {
        &bp_policy_get_method,     &bp_policy_list_method,     &bp_policy_apply_method,
        &bp_policy_approve_method, &bp_policy_rehearse_method,
    };
    bp_status st = BP_OK;
    for (size_t i = 0; st == BP_OK && i < sizeof(methods) / sizeof(methods[0]); i++)
        st = bp_rpc_server_add(s->x->rpc, methods[i], s);
    return st;
}

bp_status bp_policy_service_create(struct bp_exchange *x, struct bp_policy_service **out,
                                   struct bp_err *err)
{
    struct bp_policy_service *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return bp_fail(err, BP_ENOMEM, "policy service: out of memory");
    s->x = x;
    bp_returns_init(&s->returns, x->rpc, handle_return);
    bp_status st = bp_worker_start(&s->rehearser, err);
    if (st == BP_OK && (st = register_methods(s)) != BP_OK)
        (void)bp_fail(err, st, "policy service: can't be registered");
    if (st == BP_OK)
        *out = s;
    else
        bp_policy_service_destroy(s);
    return st;
}

void bp_policy_service_destroy(struct bp_policy_service *s)
{
    if (s == NULL)
        return;
    bp_worker_stop(s->rehearser);
    bp_returns_fini(&s->returns);
    free(s);
}

/* ReloadCertificates: the question goes to the rotation's thread and comes back to the queue's. */
#include "operator_internal.h"
#include "rotation.h"
#include "rpc_answer.h"
#include "usage.h"
#include "wire.h"

struct reload {
    struct bp_rotation_request request; /* first */
    struct bp_mail back;
    struct bp_operator_service *service;
    struct bp_rpc_call *call; /* a reference */
    struct bp_peer asking;    /* a call that is over has none */
};

/* On the rotation's thread. */
static void on_done(struct bp_rotation_request *request)
{
    struct reload *r = (struct reload *)request;
    bp_returns_push(&r->service->returns, &r->back);
}

/* Field numbers of ReloadCertificatesResponse. */
static void answer(struct reload *r)
{
    const struct bp_rotation_facts *f = &r->request.facts;
    struct bp_buf out = {0};
    bp_wire_put_bytes(&out, 1, bp_str(f->serial));
    bp_wire_put_time(&out, 2, f->not_after_ns);
    bp_wire_put_uint(&out, 3, f->authorities);
    bp_wire_put_uint(&out, 4, f->revoked);
    bp_wire_put_uint(&out, 5, r->request.cut);
    bp_answer(r->call, &out);
}

void bp_operator_reloaded(struct bp_mail *mail)
{
    struct reload *r = (struct reload *)((char *)mail - offsetof(struct reload, back));
    bool is_taken = r->request.st == BP_OK;
    bp_usage_record_act(r->service->x, BP_AUDIT_CERTIFICATES, &r->asking,
                        is_taken ? "taken" : "refused", is_taken ? r->request.cut : 0,
                        r->request.dry_run);
    if (is_taken)
        answer(r);
    else
        bp_refuse(r->call,
                  bp_rpc_status(BP_REASON_CERTIFICATES_REFUSED, "%s", r->request.err.text));
    bp_rpc_call_unref(r->call);
    free(r);
}

/* ReloadCertificatesRequest. */
static bool read_dry_run(struct bp_str request, bool *out)
{
    struct bp_wire w = bp_wire_of(request);
    struct bp_wire_field f;
    *out = false;
    while (bp_wire_next(&w, &f)) {
        if (f.number == 1 && f.type == BP_WIRE_VARINT)
            *out = f.value != 0;
    }
    return !w.malformed;
}

static void reload_message(struct bp_rpc_call *call, struct bp_str request)
{
    struct bp_exchange *x = bp_operator_exchange(call);
    bool dry_run;
    if (!bp_operator_may(call, BERBAGI__V1__OPERATOR__ROLE__ROLE_SECURITY))
        return;
    if (!read_dry_run(request, &dry_run)) {
        bp_refuse(call, bp_malformed("not a berbagi.v1.ReloadCertificatesRequest message"));
        return;
    }
    struct reload *r = calloc(1, sizeof(*r));
    if (r == NULL) {
        bp_refuse(call, bp_rpc_status_of(BP_ENOMEM, NULL));
        return;
    }
    r->request.dry_run = dry_run;
    r->request.done = on_done;
    r->service = bp_rpc_call_state(call);
    r->call = bp_rpc_call_ref(call);
    r->asking = *bp_rpc_call_peer(call);
    if (bp_rotation_ask(x->rotation, &r->request))
        return;
    bp_refuse(call, bp_rpc_status(BP_REASON_SHUTTING_DOWN, NULL));
    bp_rpc_call_unref(call);
    free(r);
}

const struct bp_rpc_method bp_operator_reload_method = {
    .path = "/berbagi.v1.OperatorService/ReloadCertificates",
    .callers = BP_RPC_FOR_OPERATORS,
    .most_request_bytes = BP_RPC_SMALL_REQUEST,
    .begin = bp_operator_begin,
    .message = reload_message,
    .over = bp_operator_over,
};

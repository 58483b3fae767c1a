#include "order.h"

#include "output.h"

static bp_status sign(struct bp_authority *a, const struct bp_options *o, const char *act,
                      const struct bp_subject *s, bp_order_request *request, struct bp_signed *out,
                      struct bp_err *err)
{
    X509_REQ *asked = NULL;
    bp_status st = request(a, o, s, &asked, err);
    if (st == BP_OK)
        st = bp_sign(a, s, asked, (unsigned)bp_options_number(o, "days"), out, err);
    if (st == BP_OK)
        st = bp_ledger_note(a->ledger, err, "%s %s %s %s", act, out->serial,
                            bp_identity_kind_name(s->kind), s->name);
    if (st == BP_OK)
        st = bp_authority_commit(a, err);
    X509_REQ_free(asked);
    return st;
}

bp_status bp_order_run(const struct bp_options *o, const char *act, bp_order_request *request,
                       bool *is_usage, struct bp_err *err)
{
    struct bp_session session = {.keys = NULL};
    struct bp_signed made = {.not_after_s = 0};
    struct bp_subject s;
    bp_status st = bp_subject_read(o, NULL, &s, err);
    if (st != BP_OK) {
        *is_usage = true;
        return st;
    }
    if ((st = bp_session_open(o, BP_TO_SIGN, is_usage, &session, err)) != BP_OK)
        return st;
    s.trust_domain = bp_ledger_trust_domain(session.a.ledger);
    if ((st = sign(&session.a, o, act, &s, request, &made, err)) == BP_OK)
        st = bp_signed_write(&made, "signed", s.name, bp_options_text(o, "out"), err);
    bp_signed_fini(&made);
    bp_session_close(&session);
    return st;
}

#include "online.h"

#include <stdio.h>

#include "digest.h"
#include "request.h"

/* What the ledger knows of this agency. */
struct history {
    const char *name;
    EVP_PKEY *key;          /* that of the request */
    int64_t since_s;        /* recent is from here on */
    unsigned n_recent;      /* certificates issued since */
    int64_t first_recent_s; /* when the first of them was */
    bool has_match;         /* a certificate of that key that is not over */
    struct bp_record match;
};

static bool is_for_key(const struct bp_record *r, const EVP_PKEY *key)
{
    const unsigned char *der = (const unsigned char *)r->der.p;
    X509 *cert = d2i_X509(NULL, &der, (long)r->der.n);
    const bool is = cert != NULL && EVP_PKEY_eq(X509_get0_pubkey(cert), key) == 1;
    X509_free(cert);
    return is;
}

static bp_status see_record(void *context, const struct bp_record *r, struct bp_err *err)
{
    struct history *h = context;
    (void)err;
    if (r->issuer != BP_CA_AGENCY || strcmp(r->name, h->name) != 0 || r->not_after_s < bp_now_s())
        return BP_OK;
    if (r->issued_s >= h->since_s) {
        h->n_recent++;
        if (h->n_recent == 1 || r->issued_s < h->first_recent_s)
            h->first_recent_s = r->issued_s;
    }
    if (is_for_key(r, h->key)) {
        h->has_match = true;
        h->match = *r;
    }
    return BP_OK;
}

static void refuse(struct bp_online_answer *out, enum bp_online_outcome outcome, const char *why)
{
    out->outcome = outcome;
    (void)bp_fail(&out->why, BP_EPERM, "%s", why);
}

static bp_status give_again(struct bp_authority *a, const struct bp_record *r,
                            struct bp_online_answer *out, struct bp_err *err)
{
    struct bp_signed *granted = &out->granted;
    bp_status st = bp_signed_export(a, r, &granted->pem, err);
    bp_hex(r->serial, BP_SERIAL_BYTES, granted->serial);
    granted->not_after_s = r->not_after_s;
    if (st == BP_OK)
        st = bp_ledger_note(a->ledger, err, "give %s %s %s again", granted->serial,
                            bp_ca_name(r->issuer), r->name);
    return st == BP_OK ? bp_authority_commit(a, err) : st;
}

/* Why bp_renew said BP_EPERM: what is wrong with the certificate shown, else with its agency. */
static enum bp_online_outcome why_not_permitted(const struct bp_authority *a,
                                                const struct bp_identity *held)
{
    uint8_t serial[BP_SERIAL_BYTES];
    struct bp_record r;
    if (!bp_serial_parse(bp_str(held->serial), serial) ||
        bp_ledger_get(a->ledger, serial, &r, NULL) != BP_OK)
        return BP_ONLINE_NOT_OURS;
    if (r.revoked_s != 0)
        return BP_ONLINE_REVOKED;
    if (r.not_after_s < bp_now_s())
        return BP_ONLINE_OVER;
    const struct bp_issuer *issuer = bp_authority_by_number(a, r.ca);
    return issuer == NULL || issuer->record.state == BP_CA_WITHDRAWN ? BP_ONLINE_NOT_OURS
                                                                     : BP_ONLINE_NOT_REGISTERED;
}

/* One request on its way through. */
struct asking {
    struct bp_authority *a;
    const struct bp_online_policy *policy;
    const struct bp_online_request *request;
    char actor[96], reason[96];
    struct history history;
};

static bp_status sign_new(const struct asking *q, struct bp_online_answer *out, struct bp_err *err)
{
    const struct bp_renewal what = {.held = q->request->held,
                                    .request_pem = q->request->pem,
                                    .days = q->policy->days,
                                    .actor = q->actor,
                                    .reason = q->reason};
    bp_status st = bp_renew(q->a, &what, &out->granted, &out->why);
    if (st == BP_EINVAL)
        out->outcome = BP_ONLINE_MALFORMED;
    else if (st == BP_ENOENT)
        out->outcome = BP_ONLINE_NOT_OURS;
    else if (st == BP_EPERM)
        out->outcome = why_not_permitted(q->a, q->request->held);
    else
        return st == BP_OK ? st : bp_fail(err, st, "%s", out->why.text);
    return BP_OK;
}

static bool matches_held(const struct asking *q)
{
    char serial[2 * BP_SERIAL_BYTES + 1];
    bp_hex(q->history.match.serial, BP_SERIAL_BYTES, serial);
    return strcmp(serial, q->request->held->serial) == 0;
}

/* What is granted is committed. */
static bp_status decide(struct asking *q, struct bp_online_answer *out, struct bp_err *err)
{
    struct history *h = &q->history;
    bp_status st = bp_ledger_each(q->a->ledger, see_record, h, err);
    if (st != BP_OK)
        return st;
    if (h->has_match && matches_held(q)) {
        refuse(out, BP_ONLINE_MALFORMED,
               "the request is for the key of the certificate shown; make a new key");
    } else if (h->has_match && h->match.revoked_s != 0) {
        refuse(out, BP_ONLINE_REVOKED, "the certificate of the key asked for was revoked");
    } else if (h->has_match) {
        return give_again(q->a, &h->match, out, err);
    } else if (h->n_recent < q->policy->most_a_day) {
        return sign_new(q, out, err);
    } else {
        refuse(out, BP_ONLINE_TOO_MANY, "this agency has had its certificates of the day");
        out->retry_after_s = h->first_recent_s + BP_DAY_S - bp_now_s();
    }
    return BP_OK;
}

static bp_status record_refusal(const struct asking *q, const struct bp_online_answer *answer,
                                struct bp_err *err)
{
    const struct bp_identity *held = q->request->held;
    if (answer->outcome == BP_ONLINE_GRANTED || !q->request->records_refusal)
        return BP_OK;
    bp_status st = bp_ledger_note(q->a->ledger, err, "refuse renewal of %s %s %s: %s", held->serial,
                                  bp_identity_kind_name(held->kind), held->name, answer->why.text);
    return st == BP_OK ? bp_authority_commit(q->a, err) : st;
}

static struct asking asking_of(struct bp_authority *a, const struct bp_online_policy *policy,
                               const struct bp_online_request *request)
{
    struct asking q = {.a = a, .policy = policy, .request = request};
    q.history.name = request->held->name;
    q.history.since_s = bp_now_s() - BP_DAY_S;
    snprintf(q.actor, sizeof(q.actor), "%s/%s", bp_identity_kind_name(request->held->kind),
             request->held->name);
    snprintf(q.reason, sizeof(q.reason), "asked from %s", request->address);
    return q;
}

bp_status bp_online_renew(struct bp_authority *a, const struct bp_online_policy *policy,
                          const struct bp_online_request *request, struct bp_online_answer *out,
                          struct bp_err *err)
{
    struct bp_online_answer answer = {.outcome = BP_ONLINE_GRANTED};
    struct asking q = asking_of(a, policy, request);
    X509_REQ *asked = NULL;
    bp_status st = BP_OK;

    bp_ledger_set_actor(a->ledger, q.actor, q.reason);
    if (bp_request_parse(request->pem, &asked, NULL) != BP_OK ||
        (q.history.key = X509_REQ_get0_pubkey(asked)) == NULL)
        refuse(&answer, BP_ONLINE_MALFORMED, "no certificate request with a key can be read");
    else
        st = decide(&q, &answer, err);
    if (st == BP_OK)
        st = record_refusal(&q, &answer, err);
    X509_REQ_free(asked);
    if (st == BP_OK)
        *out = answer;
    else
        bp_online_answer_fini(&answer);
    return st;
}

void bp_online_answer_fini(struct bp_online_answer *answer)
{
    bp_signed_fini(&answer->granted);
}

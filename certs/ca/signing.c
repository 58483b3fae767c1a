#include "signing.h"

#include "clock.h"
#include "digest.h"
#include "keys.h"
#include "profile.h"
#include "registry.h"
#include "request.h"

static bp_status encode(const X509 *cert, const struct bp_issuer *issuer, struct bp_signed *out,
                        struct bp_err *err)
{
    int64_t not_after_ns;
    bp_status st = bp_cert_pem(cert, &out->pem, err);
    if (st == BP_OK)
        st = bp_cert_pem(issuer->cert, &out->pem, err);
    if (st == BP_OK && !bp_time_of_asn1(X509_get0_notAfter(cert), &not_after_ns))
        st = bp_fail(err, BP_EINVAL, "the certificate has no readable end");
    if (st == BP_OK)
        out->not_after_s = not_after_ns / BP_NS_PER_S;
    return st;
}

/* What a CA signs that is revoked, nobody would accept. */
static bp_status check_issuer(const struct bp_authority *a, const struct bp_issuer *issuer,
                              struct bp_err *err)
{
    char text[48];
    uint8_t serial[BP_SERIAL_BYTES];
    struct bp_record r;
    bp_status st;
    if (!bp_serial_format(X509_get0_serialNumber(issuer->cert), text) ||
        !bp_serial_parse(bp_str(text), serial))
        return bp_fail(err, BP_ECORRUPT, "ledger: the serial of the CA %s is damaged",
                       issuer->record.name);
    if ((st = bp_ledger_get(a->ledger, serial, &r, err)) != BP_OK || r.revoked_s == 0)
        return st;
    return bp_fail(err, BP_ECONFLICT, "the CA %s is revoked; replace it, by rollover",
                   issuer->record.name);
}

static bp_status sign(struct bp_authority *a, const struct bp_subject *s, EVP_PKEY *key,
                      unsigned days, struct bp_signed *out, struct bp_err *err)
{
    struct bp_issuer *issuer = bp_authority_find(a, (enum bp_ca)s->kind, BP_CA_SIGNING);
    uint8_t serial[BP_SERIAL_BYTES];
    X509 *cert = NULL;
    bp_status st;

    if (issuer == NULL)
        return bp_fail(err, BP_ECORRUPT, "ledger: no CA signs for this kind");
    bp_serial_make(serial);
    bp_hex(serial, BP_SERIAL_BYTES, out->serial);
    if ((st = check_issuer(a, issuer, err)) == BP_OK &&
        (st = bp_issuer_unlock(a, issuer, err)) == BP_OK &&
        (st = bp_profile_leaf(s, key, days, serial, issuer, &cert, err)) == BP_OK &&
        (st = bp_authority_record(a, issuer, s->name, cert, err)) == BP_OK)
        st = encode(cert, issuer, out, err);
    X509_free(cert);
    return st;
}

bp_status bp_sign(struct bp_authority *a, const struct bp_subject *s, X509_REQ *request,
                  unsigned days, struct bp_signed *out, struct bp_err *err)
{
    struct bp_signed made = {.not_after_s = 0};
    bp_status st = bp_registry_check(a, s, err);
    if (st == BP_OK)
        st = bp_request_check(request, s, err);
    if (st != BP_OK)
        return bp_fail_in(err, st, "the request is refused");
    st = sign(a, s, X509_REQ_get0_pubkey(request), days != 0 ? days : bp_profile_days(s->kind),
              &made, err);
    if (st == BP_OK)
        *out = made;
    else
        bp_signed_fini(&made);
    return st;
}

void bp_signed_fini(struct bp_signed *s)
{
    bp_buf_fini(&s->pem);
}

bp_status bp_signed_export(const struct bp_authority *a, const struct bp_record *r,
                           struct bp_buf *out, struct bp_err *err)
{
    const unsigned char *der = (const unsigned char *)r->der.p;
    const struct bp_issuer *issuer = bp_authority_by_number(a, r->ca);
    X509 *cert = d2i_X509(NULL, &der, (long)r->der.n);
    bp_status st = cert != NULL && issuer != NULL
                       ? bp_cert_pem(cert, out, err)
                       : bp_fail(err, BP_ECORRUPT, "ledger: this certificate is damaged");
    if (st == BP_OK && issuer->record.role != BP_CA_ROOT)
        st = bp_cert_pem(issuer->cert, out, err);
    X509_free(cert);
    return st;
}

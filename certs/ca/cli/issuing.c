#include "issuing.h"

#include <stdio.h>

#include "digest.h"
#include "file.h"
#include "keys.h"
#include "profile.h"
#include "request.h"

unsigned bp_days_wanted(const struct bp_options *o, const struct bp_subject *s)
{
    return bp_options_is_set(o, "days") ? (unsigned)bp_options_number(o, "days")
                                        : bp_profile_days(s->kind);
}

bp_status bp_pem_write(const struct bp_buf *pem, const char *path, struct bp_err *err)
{
    if (path != NULL)
        return bp_file_write(path, pem->p, pem->n, 0644, err);
    return fwrite(pem->p, 1, pem->n, stdout) == pem->n
               ? BP_OK
               : bp_fail(err, BP_EIO, "standard output cannot be written");
}

/* Signs, enters and commits. */
static bp_status sign(struct bp_authority *a, const struct bp_subject *s, EVP_PKEY *key,
                      unsigned days, char serial_text[48], struct bp_buf *pem, struct bp_err *err)
{
    const enum bp_ca ca = (enum bp_ca)s->kind;
    struct bp_issuer issuer = {0};
    uint8_t serial[BP_SERIAL_BYTES];
    X509 *cert = NULL;
    bp_status st;

    bp_serial_make(serial);
    bp_hex(serial, BP_SERIAL_BYTES, serial_text);
    if ((st = bp_issuer_load(a->dir, ca, &issuer, err)) == BP_OK &&
        (st = bp_profile_leaf(s, key, days, serial, &issuer, &cert, err)) == BP_OK &&
        (st = bp_authority_record(a, ca, s->name, cert, err)) == BP_OK &&
        (st = bp_cert_pem(cert, pem, err)) == BP_OK &&
        (st = bp_cert_pem(issuer.cert, pem, err)) == BP_OK &&
        (st = bp_ledger_note(a->ledger, err, "sign %s %s %s", serial_text, bp_ca_name(ca),
                             s->name)) == BP_OK)
        st = bp_ledger_commit(a->ledger, err);
    X509_free(cert);
    bp_issuer_fini(&issuer);
    return st;
}

/* A crash after the commit leaves a certificate that is known here and held by nobody; export
 * writes it again. */
bp_status bp_issue(struct bp_authority *a, const struct bp_subject *s, X509_REQ *request,
                   unsigned days, const char *path, struct bp_err *err)
{
    struct bp_buf pem = {0};
    char serial[48];
    bp_status st = bp_request_check(request, s, err);

    if (st != BP_OK)
        return bp_fail_in(err, st, "the request is refused");
    st = sign(a, s, X509_REQ_get0_pubkey(request), days, serial, &pem, err);
    if (st == BP_OK && (st = bp_pem_write(&pem, path, err)) != BP_OK)
        bp_fail_in(err, st,
                   "signed and recorded but not written (berbagi-ca export %s writes it again)",
                   serial);
    if (st == BP_OK)
        fprintf(stderr, "signed %s %s, serial %s\n", bp_identity_kind_name(s->kind), s->name,
                serial);
    bp_buf_fini(&pem);
    return st;
}

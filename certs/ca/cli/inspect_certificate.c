/* A certificate, and certificates together. The judgement is that of certs/x509, the same that
 * servers and clients use. */
#include <stdio.h>

#include "inspection.h"
#include "keys.h"

static void print_facts(struct bp_inspection *in, const X509 *cert)
{
    char subject[256], serial[48];
    bp_subject_describe(cert, subject, sizeof(subject));
    printf(BP_INSPECT_LINE "%s\n", "subject", subject);
    if (bp_serial_format(X509_get0_serialNumber(cert), serial))
        printf(BP_INSPECT_LINE "%s\n", "serial", serial);
    bp_inspect_dates(in, X509_get0_notBefore(cert), X509_get0_notAfter(cert));
}

static const char *what_it_can(enum bp_identity_kind kind)
{
    switch (kind) {
    case BP_IDENTITY_AGENCY:
        return "publish and subscribe as this agency, as far as agreements grant";
    case BP_IDENTITY_OPERATOR:
        return "run the exchange as this operator; see no event by that";
    case BP_IDENTITY_SERVER:
        break;
    }
    return "serve as this server; connect to none";
}

static void print_hosts(const X509 *cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    bp_inspect_hosts(names);
    GENERAL_NAMES_free(names);
}

/* Strength of its key and its dates are among what bp_identity_of_pem judges. */
static void print_identity(struct bp_inspection *in, const X509 *cert)
{
    struct bp_buf pem = {0};
    struct bp_identity id;
    struct bp_err err;
    bp_status st = bp_cert_pem(cert, &pem, &err);
    if (st == BP_OK)
        st = bp_identity_of_pem(bp_buf_str(&pem), NULL, in->now_ns, &id, &err);
    bp_buf_fini(&pem);
    if (st != BP_OK) {
        bp_inspect_wrong(in, &err);
        return;
    }
    printf(BP_INSPECT_LINE "%s %s\n", "identity", bp_identity_kind_name(id.kind), id.name);
    print_hosts(cert);
    printf(BP_INSPECT_LINE "%s\n", "can", what_it_can(id.kind));
}

static bool is_self_signed(const X509 *cert)
{
    return (X509_get_extension_flags((X509 *)(uintptr_t)cert) & EXFLAG_SS) != 0;
}

static void print_ca(struct bp_inspection *in, const X509 *cert)
{
    bool any = false;
    printf(BP_INSPECT_LINE, "can");
    for (int kind = 0; kind < BP_IDENTITY_KINDS; kind++) {
        if (!bp_certificate_has_policy(cert, (enum bp_identity_kind)kind))
            continue;
        printf("%s/%s/", any ? ", " : "sign certificates for the path ",
               bp_identity_kind_name((enum bp_identity_kind)kind));
        any = true;
    }
    printf("%s\n", any ? "" : "sign CAs; no one's certificate");
    if (!any && !is_self_signed(cert))
        bp_inspect_wrong_words(in, "an issuing CA without the policy of a kind asserts nothing");
    if (X509_cmp_timeframe(NULL, X509_get0_notBefore(cert), X509_get0_notAfter(cert)) != 0)
        bp_inspect_wrong_words(in, "it is not valid now");
}

/* Chain, assertion and revocation, as far as the files for it were given. A server is judged by the
 * chain it sends, everybody else by servers, which look at the bundle alone. */
static void print_trust(struct bp_inspection *in, X509 *cert)
{
    struct bp_err err;
    STACK_OF(X509) *chain = NULL;
    const bool is_ca = X509_check_ca(cert) == 1;
    const bool for_server = (X509_get_extended_key_usage(cert) & XKU_SSL_SERVER) != 0;
    const enum bp_use use = is_ca ? BP_USE_AS_CA : for_server ? BP_USE_AS_SERVER : BP_USE_AS_CLIENT;
    bp_status st = bp_trust_verify(in->trust, cert, for_server || is_ca ? in->all : NULL, use,
                                   in->now_ns, &chain, &err);
    if (st == BP_OK && !is_ca)
        st = bp_chain_check_assertion(chain, NULL, &err);
    if (st == BP_OK && in->crls != NULL)
        st = bp_crl_set_check(in->crls, chain, in->now_ns, &err);
    bp_certificates_free(chain);
    if (st != BP_OK)
        bp_inspect_wrong(in, &err);
    else
        printf(BP_INSPECT_LINE "by the bundle given%s\n", "trusted",
               in->crls != NULL ? ", not revoked" : "");
}

void bp_inspect_certificate(struct bp_inspection *in, X509 *cert)
{
    const bool is_ca = X509_check_ca(cert) == 1;
    printf("%s\n", is_ca ? "CA certificate" : "certificate");
    print_facts(in, cert);
    if (is_ca)
        print_ca(in, cert);
    else
        print_identity(in, cert);
    bp_inspect_key(in, X509_get0_pubkey(cert));
    if (in->trust != NULL)
        print_trust(in, cert);
}

/* How many of the file may sign for this kind, and lead to a root of it. */
static int count_issuers(const struct bp_inspection *in, const struct bp_trust *trust,
                         enum bp_identity_kind kind)
{
    int n = 0;
    for (int i = 0; i < sk_X509_num(in->all); i++) {
        X509 *ca = sk_X509_value(in->all, i);
        STACK_OF(X509) *chain = NULL;
        if (bp_certificate_has_policy(ca, kind) &&
            bp_trust_verify(trust, ca, NULL, BP_USE_AS_CA, in->now_ns, &chain, NULL) == BP_OK)
            n++;
        bp_certificates_free(chain);
    }
    return n;
}

/* Two CAs of a kind are an overlap, none is a bundle under which nobody of that kind is known. */
static void print_kinds(struct bp_inspection *in, const struct bp_trust *trust)
{
    for (int kind = 0; kind < BP_IDENTITY_KINDS; kind++) {
        const char *name = bp_identity_kind_name((enum bp_identity_kind)kind);
        const int n = count_issuers(in, trust, (enum bp_identity_kind)kind);
        struct bp_err err;
        if (n == 0) {
            bp_fail(&err, BP_EINVAL, "no CA of it may sign for /%s/, so that no %s is known", name,
                    name);
            bp_inspect_wrong(in, &err);
        } else {
            printf(BP_INSPECT_LINE "certificates for /%s/, of %d CA%s\n", "trusts", name, n,
                   n == 1 ? "" : "s, as in a rollover");
        }
    }
}

void bp_inspect_bundle(struct bp_inspection *in)
{
    struct bp_buf pem = {0};
    struct bp_trust *trust = NULL;
    struct bp_err err;
    bp_status st = BP_OK;
    for (int i = 0; st == BP_OK && i < sk_X509_num(in->all); i++)
        st = bp_cert_pem(sk_X509_value(in->all, i), &pem, &err);
    if (st == BP_OK)
        st = bp_trust_load(bp_buf_str(&pem), &trust, &err);
    printf("bundle of %d CAs\n", sk_X509_num(in->all));
    if (st == BP_OK)
        print_kinds(in, trust);
    else
        bp_inspect_wrong(in, &err);
    bp_trust_destroy(trust);
    bp_buf_fini(&pem);
}

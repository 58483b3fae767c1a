/* A list of revoked certificates. */
#include <stdio.h>

#include <openssl/pem.h>

#include "ca.h"
#include "clock.h"
#include "inspection.h"
#include "keys.h"

#define PRINTED 50 /* of the entries; a list may have many thousands */

static void print_entry(const X509_REVOKED *entry)
{
    char serial[48], when[36] = "?";
    int64_t when_ns;
    ASN1_ENUMERATED *reason = X509_REVOKED_get_ext_d2i(entry, NID_crl_reason, NULL, NULL);
    const long code = reason != NULL ? ASN1_ENUMERATED_get(reason) : 0;
    ASN1_ENUMERATED_free(reason);
    if (!bp_serial_format(X509_REVOKED_get0_serialNumber(entry), serial))
        return;
    if (bp_time_of_asn1(X509_REVOKED_get0_revocationDate(entry), &when_ns))
        bp_time_format(when_ns, when);
    printf(BP_INSPECT_LINE "%s on %s, %s\n", "revoked", serial, when,
           bp_reason_name(code >= 0 && code < 256 ? (uint8_t)code : UINT8_MAX));
}

static void print_entries(X509_CRL *crl)
{
    const STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(crl);
    const int n = sk_X509_REVOKED_num(entries) > 0 ? sk_X509_REVOKED_num(entries) : 0;
    printf(BP_INSPECT_LINE "%d certificate%s\n", "bars", n, n == 1 ? "" : "s");
    for (int i = 0; i < n && i < PRINTED; i++)
        print_entry(sk_X509_REVOKED_value(entries, i));
    if (n > PRINTED)
        printf(BP_INSPECT_LINE "and %d more\n", "revoked", n - PRINTED);
}

/* Past due, every server refuses everybody of this CA. */
static void check_dates(struct bp_inspection *in, const X509_CRL *crl)
{
    int64_t due_ns;
    if (!bp_time_of_asn1(X509_CRL_get0_nextUpdate(crl), &due_ns))
        bp_inspect_wrong_words(in, "it does not say when the next is due");
    else if (due_ns < in->now_ns)
        bp_inspect_wrong_words(in, "the next was due: servers refuse everybody of this CA, once "
                                   "their grace is over");
}

/* Signature, and whatever else servers look at. */
static void check_trust(struct bp_inspection *in, const X509_CRL *crl)
{
    struct bp_crl_set *set = bp_crl_set_create(in->trust, 0);
    struct bp_buf pem = {0};
    struct bp_err err;
    bp_status st =
        set != NULL ? bp_crl_pem(crl, &pem, &err) : bp_fail(&err, BP_ENOMEM, "out of memory");
    if (st == BP_OK)
        st = bp_crl_set_add(set, bp_buf_str(&pem), in->now_ns, &err);
    if (st == BP_OK)
        printf(BP_INSPECT_LINE "signed by a CA of the bundle given\n", "trusted");
    else
        bp_inspect_wrong(in, &err);
    bp_buf_fini(&pem);
    bp_crl_set_destroy(set);
}

void bp_inspect_crl(struct bp_inspection *in, X509_CRL *crl)
{
    char issuer[256];
    ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
    uint64_t value;
    bp_name_describe(X509_CRL_get_issuer(crl), issuer, sizeof(issuer));
    printf("CRL\n" BP_INSPECT_LINE "%s\n", "of", issuer);
    if (number != NULL && ASN1_INTEGER_get_uint64(&value, number) == 1)
        printf(BP_INSPECT_LINE "%llu\n", "number", (unsigned long long)value);
    ASN1_INTEGER_free(number);
    bp_inspect_dates(in, X509_CRL_get0_lastUpdate(crl), X509_CRL_get0_nextUpdate(crl));
    print_entries(crl);
    if (in->trust != NULL)
        check_trust(in, crl);
    else
        check_dates(in, crl);
}

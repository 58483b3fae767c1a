/* What the certificates of a file can do in an exchange, in words, and what is wrong with them. The
 * judgement is that of certs/x509, the same that servers and clients use. */
#include <stdio.h>

#include "clock.h"
#include "command.h"
#include "crl_set.h"
#include "file.h"
#include "keys.h"
#include "trust.h"

struct inspection {
    struct bp_trust *trust;  /* NULL: no --ca */
    struct bp_crl_set *crls; /* NULL: no --crl */
    STACK_OF(X509) * all;    /* of the file */
    int64_t now_ns;
    bool is_wrong;
};

static void say_wrong(struct inspection *in, const struct bp_err *err)
{
    in->is_wrong = true;
    printf("  wrong     %s\n", err->text);
}

static void print_dates(const X509 *cert)
{
    int64_t from_ns, until_ns;
    char from[36], until[36];
    if (!bp_time_of_asn1(X509_get0_notBefore(cert), &from_ns) ||
        !bp_time_of_asn1(X509_get0_notAfter(cert), &until_ns))
        return;
    bp_time_format(from_ns, from);
    bp_time_format(until_ns, until);
    printf("  valid     from %s to %s\n", from, until);
}

static void print_facts(const X509 *cert)
{
    char subject[256], serial[48], key[32] = "unreadable";
    const EVP_PKEY *public_key = X509_get0_pubkey(cert);
    bp_subject_describe(cert, subject, sizeof(subject));
    printf("  subject   %s\n", subject);
    if (bp_serial_format(X509_get0_serialNumber(cert), serial))
        printf("  serial    %s\n", serial);
    print_dates(cert);
    if (public_key != NULL)
        bp_key_describe(public_key, key);
    printf("  key       %s\n", key);
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

static void print_identity(struct inspection *in, const X509 *cert)
{
    struct bp_buf pem = {0};
    struct bp_identity id;
    struct bp_err err;
    bp_status st = bp_cert_pem(cert, &pem, &err);
    if (st == BP_OK)
        st = bp_identity_of_pem(bp_buf_str(&pem), NULL, in->now_ns, &id, &err);
    bp_buf_fini(&pem);
    if (st != BP_OK) {
        say_wrong(in, &err);
        return;
    }
    printf("  identity  %s %s\n", bp_identity_kind_name(id.kind), id.name);
    printf("  can       %s\n", what_it_can(id.kind));
}

static void print_ca(struct inspection *in, const X509 *cert)
{
    struct bp_err err;
    bool any = false;
    const EVP_PKEY *key = X509_get0_pubkey(cert);
    printf("  can       ");
    for (int kind = 0; kind < BP_IDENTITY_KINDS; kind++) {
        if (!bp_certificate_has_policy(cert, (enum bp_identity_kind)kind))
            continue;
        printf("%s/%s/", any ? ", " : "sign certificates for the path ",
               bp_identity_kind_name((enum bp_identity_kind)kind));
        any = true;
    }
    printf("%s\n", any ? "" : "sign CAs; no one's certificate");
    if (key == NULL || bp_key_check(key, &err) != BP_OK) {
        if (key == NULL)
            bp_fail(&err, BP_EINVAL, "its key cannot be read");
        say_wrong(in, &err);
    }
}

/* Chain, assertion and revocation, as far as the files for it were given. */
static void print_trust(struct inspection *in, X509 *cert)
{
    struct bp_err err;
    STACK_OF(X509) *chain = NULL;
    const bool is_ca = X509_check_ca(cert) == 1;
    const bool for_server = (X509_get_extended_key_usage(cert) & XKU_SSL_SERVER) != 0;
    const enum bp_use use = is_ca ? BP_USE_AS_CA : for_server ? BP_USE_AS_SERVER : BP_USE_AS_CLIENT;
    bp_status st = bp_trust_verify(in->trust, cert, in->all, use, in->now_ns, &chain, &err);
    if (st == BP_OK && !is_ca)
        st = bp_chain_check_assertion(chain, NULL, &err);
    if (st == BP_OK && in->crls != NULL)
        st = bp_crl_set_check(in->crls, chain, in->now_ns, &err);
    bp_certificates_free(chain);
    if (st != BP_OK)
        say_wrong(in, &err);
    else
        printf("  trusted   by the bundle given%s\n", in->crls != NULL ? ", not revoked" : "");
}

static void inspect_all(struct inspection *in)
{
    for (int i = 0; i < sk_X509_num(in->all); i++) {
        X509 *cert = sk_X509_value(in->all, i);
        const bool is_ca = X509_check_ca(cert) == 1;
        printf("%s %d\n", is_ca ? "CA certificate" : "certificate", i + 1);
        print_facts(cert);
        if (is_ca)
            print_ca(in, cert);
        else
            print_identity(in, cert);
        if (in->trust != NULL)
            print_trust(in, cert);
    }
}

static bp_status read_crls(struct inspection *in, const struct bp_options *o, struct bp_err *err)
{
    const char *const *paths;
    const size_t n = bp_options_list(o, "crl", &paths);
    bp_status st = BP_OK;
    if (n != 0 && (in->crls = bp_crl_set_create(in->trust, 0)) == NULL)
        return bp_fail(err, BP_ENOMEM, "out of memory");
    for (size_t i = 0; st == BP_OK && i < n; i++) {
        struct bp_buf text = {0};
        st = bp_file_read(paths[i], 64u << 20, &text, err);
        if (st == BP_OK &&
            (st = bp_crl_set_add(in->crls, bp_buf_str(&text), in->now_ns, err)) != BP_OK)
            bp_fail_in(err, st, "%s", paths[i]);
        bp_buf_fini(&text);
    }
    return st;
}

static bp_status read_trust(struct inspection *in, const char *path, struct bp_err *err)
{
    struct bp_buf text = {0};
    bp_status st;
    if (path == NULL)
        return BP_OK;
    st = bp_file_read(path, BP_PEM_MOST_BYTES, &text, err);
    if (st == BP_OK && (st = bp_trust_load(bp_buf_str(&text), &in->trust, err)) != BP_OK)
        bp_fail_in(err, st, "%s", path);
    bp_buf_fini(&text);
    return st;
}

static bp_status read_file(struct inspection *in, const char *path, struct bp_err *err)
{
    struct bp_buf text = {0};
    bp_status st = bp_file_read(path, BP_PEM_MOST_BYTES, &text, err);
    if (st == BP_OK && (st = bp_certificates_parse(bp_buf_str(&text), &in->all, err)) != BP_OK)
        bp_fail_in(err, st, "%s", path);
    bp_buf_fini(&text);
    return st;
}

static bp_status run(const struct bp_options *o, bool *is_usage, struct bp_err *err)
{
    struct inspection in = {.now_ns = bp_now_ns(&bp_system_clock)};
    const char *const *operands;
    bp_status st;

    bp_options_rest(o, &operands);
    if (bp_options_is_set(o, "crl") && bp_options_text(o, "ca") == NULL) {
        *is_usage = true;
        return bp_fail(err, BP_EINVAL, "--crl needs --ca: the CAs that sign it");
    }
    if ((st = read_file(&in, operands[0], err)) == BP_OK &&
        (st = read_trust(&in, bp_options_text(o, "ca"), err)) == BP_OK &&
        (st = read_crls(&in, o, err)) == BP_OK) {
        inspect_all(&in);
        if (in.is_wrong)
            st = bp_fail(err, BP_EINVAL, "%s: something is wrong with it", operands[0]);
    }
    bp_crl_set_destroy(in.crls);
    bp_trust_destroy(in.trust);
    bp_certificates_free(in.all);
    return st;
}

static const struct bp_option options[] = {
    {.key = "ca",
     .type = BP_OPTION_TEXT,
     .operand = "FILE",
     .help =
         "A bundle: check that it leads to one of these CAs, which may sign such a certificate."},
    {.key = "crl",
     .type = BP_OPTION_LIST,
     .operand = "FILE",
     .help = "CRLs: check that it is not revoked."},
};

const struct bp_command bp_command_inspect = {
    .name = "inspect",
    .summary = "say in words what a certificate can do and what is wrong with it",
    .usage = "Usage: berbagi-ca inspect [--ca FILE [--crl FILE...]] FILE\n\n"
             "Exits 1 if anything is wrong with a certificate of the file.",
    .options = options,
    .n_options = BP_COUNT(options),
    .least_operands = 1,
    .most_operands = 1,
    .run = run,
};

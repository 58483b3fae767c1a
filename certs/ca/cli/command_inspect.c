/* What the things in a PEM file can do in an exchange, in words, and what is wrong with them. */
#include <stdio.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "clock.h"
#include "command.h"
#include "file.h"
#include "inspection.h"

#define MOST_BYTES (64u << 20) /* of a list of revoked certificates */

/* What may stand in the file: how it is read, and what is done with it. */
struct kind {
    const char *label; /* behind BEGIN */
    const char *what;
    void *(*parse)(const uint8_t *der, long n);
    void (*inspect)(struct bp_inspection *in, void *thing);
    void (*free)(void *thing);
};

struct part {
    const struct kind *kind;
    void *thing;
};

struct parts {
    struct part *items;
    size_t n;
};

static void *parse_certificate(const uint8_t *der, long n)
{
    return d2i_X509(NULL, &der, n);
}

static void inspect_certificate(struct bp_inspection *in, void *thing)
{
    bp_inspect_certificate(in, thing);
}

static void free_certificate(void *thing)
{
    X509_free(thing);
}

static void *parse_request(const uint8_t *der, long n)
{
    return d2i_X509_REQ(NULL, &der, n);
}

static void inspect_request(struct bp_inspection *in, void *thing)
{
    bp_inspect_request(in, thing);
}

static void free_request(void *thing)
{
    X509_REQ_free(thing);
}

static void *parse_crl(const uint8_t *der, long n)
{
    return d2i_X509_CRL(NULL, &der, n);
}

static void inspect_crl(struct bp_inspection *in, void *thing)
{
    bp_inspect_crl(in, thing);
}

static void free_crl(void *thing)
{
    X509_CRL_free(thing);
}

static const struct kind kinds[] = {
    {PEM_STRING_X509, "certificate", parse_certificate, inspect_certificate, free_certificate},
    {PEM_STRING_X509_REQ, "request", parse_request, inspect_request, free_request},
    {PEM_STRING_X509_REQ_OLD, "request", parse_request, inspect_request, free_request},
    {PEM_STRING_X509_CRL, "CRL", parse_crl, inspect_crl, free_crl},
};

static bp_status find_kind(const char *label, const struct kind **out, struct bp_err *err)
{
    for (size_t i = 0; i < BP_COUNT(kinds); i++) {
        *out = &kinds[i];
        if (strcmp(kinds[i].label, label) == 0)
            return BP_OK;
    }
    if (strstr(label, "PRIVATE KEY") != NULL)
        return bp_fail(err, BP_EINVAL,
                       "a private key is in it, which is nobody's but its holder's: it is never "
                       "sent to the CA");
    return bp_fail(err, BP_EINVAL, "what it holds is no certificate, request or CRL");
}

static bp_status add_part(struct parts *parts, const char *label, const uint8_t *der, long n,
                          struct bp_err *err)
{
    struct part part = {.kind = NULL};
    struct part *more;
    bp_status st = find_kind(label, &part.kind, err);
    if (st != BP_OK)
        return st;
    if ((part.thing = part.kind->parse(der, n)) == NULL)
        return bp_fail(err, BP_EINVAL, "a %s in it cannot be read: %s", part.kind->what,
                       bp_openssl_reason());
    if ((more = realloc(parts->items, (parts->n + 1) * sizeof(*more))) == NULL) {
        part.kind->free(part.thing);
        return bp_fail(err, BP_ENOMEM, "out of memory");
    }
    parts->items = more;
    more[parts->n++] = part;
    return BP_OK;
}

static bp_status add_parts(struct parts *parts, struct bp_str text, struct bp_err *err)
{
    BIO *bio = BIO_new_mem_buf(text.p, (int)text.n);
    char *label, *header;
    unsigned char *der;
    long n;
    bp_status st = bio != NULL ? BP_OK : bp_fail(err, BP_ENOMEM, "out of memory");
    while (st == BP_OK && PEM_read_bio(bio, &label, &header, &der, &n) == 1) {
        st = add_part(parts, label, der, n, err);
        OPENSSL_free(label);
        OPENSSL_free(header);
        OPENSSL_clear_free(der, (size_t)n); /* it may be a key */
    }
    BIO_free(bio);
    if (st == BP_OK && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return bp_fail(err, BP_EINVAL, "it is damaged: %s", bp_openssl_reason());
    return st == BP_OK && parts->n == 0
               ? bp_fail(err, BP_EINVAL, "no certificate, request or CRL is in it")
               : st;
}

static bp_status read_parts(struct parts *parts, const char *path, struct bp_err *err)
{
    struct bp_buf text = {0};
    bp_status st = bp_file_read(path, MOST_BYTES, &text, err);
    if (st == BP_OK && (st = add_parts(parts, bp_buf_str(&text), err)) != BP_OK)
        bp_fail_in(err, st, "%s", path);
    bp_buf_fini(&text);
    return st;
}

static void parts_fini(struct parts *parts)
{
    for (size_t i = 0; i < parts->n; i++)
        parts->items[i].kind->free(parts->items[i].thing);
    free(parts->items);
}

/* Borrowed: what came with a certificate may lead from it to its root. */
static bp_status collect_certificates(struct bp_inspection *in, const struct parts *parts,
                                      struct bp_err *err)
{
    if ((in->all = sk_X509_new_null()) == NULL)
        return bp_fail(err, BP_ENOMEM, "out of memory");
    for (size_t i = 0; i < parts->n; i++) {
        if (parts->items[i].kind == &kinds[0] && sk_X509_push(in->all, parts->items[i].thing) == 0)
            return bp_fail(err, BP_ENOMEM, "out of memory");
    }
    return BP_OK;
}

/* Several certificates, each of a CA, and nothing else. */
static bool is_bundle(const struct bp_inspection *in, const struct parts *parts)
{
    if (parts->n < 2 || sk_X509_num(in->all) != (int)parts->n)
        return false;
    for (int i = 0; i < sk_X509_num(in->all); i++) {
        if (X509_check_ca(sk_X509_value(in->all, i)) != 1)
            return false;
    }
    return true;
}

static void inspect_all(struct bp_inspection *in, const struct parts *parts)
{
    for (size_t i = 0; i < parts->n; i++)
        parts->items[i].kind->inspect(in, parts->items[i].thing);
    if (is_bundle(in, parts))
        bp_inspect_bundle(in);
}

static bp_status read_crls(struct bp_inspection *in, const struct bp_options *o, struct bp_err *err)
{
    const char *const *paths;
    const size_t n = bp_options_list(o, "crl", &paths);
    bp_status st = BP_OK;
    if (n != 0 && (in->crls = bp_crl_set_create(in->trust, 0)) == NULL)
        return bp_fail(err, BP_ENOMEM, "out of memory");
    for (size_t i = 0; st == BP_OK && i < n; i++) {
        struct bp_buf text = {0};
        st = bp_file_read(paths[i], MOST_BYTES, &text, err);
        if (st == BP_OK &&
            (st = bp_crl_set_add(in->crls, bp_buf_str(&text), in->now_ns, err)) != BP_OK)
            bp_fail_in(err, st, "%s", paths[i]);
        bp_buf_fini(&text);
    }
    return st;
}

static bp_status read_trust(struct bp_inspection *in, const char *path, struct bp_err *err)
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

static bp_status inspect(const char *path, const struct bp_options *o, struct bp_err *err)
{
    struct bp_inspection in = {.now_ns = bp_now_ns(&bp_system_clock)};
    struct parts parts = {.n = 0};
    bp_status st;

    if ((st = read_parts(&parts, path, err)) == BP_OK &&
        (st = collect_certificates(&in, &parts, err)) == BP_OK &&
        (st = read_trust(&in, bp_options_text(o, "ca"), err)) == BP_OK &&
        (st = read_crls(&in, o, err)) == BP_OK) {
        inspect_all(&in, &parts);
        if (in.is_wrong)
            st = bp_fail(err, BP_EINVAL, "%s: something is wrong with it", path);
    }
    bp_crl_set_destroy(in.crls);
    bp_trust_destroy(in.trust);
    sk_X509_free(in.all);
    parts_fini(&parts);
    return st;
}

static bp_status run(const struct bp_options *o, bool *is_usage, struct bp_err *err)
{
    const char *const *operands;
    bp_options_rest(o, &operands);
    if (bp_options_is_set(o, "crl") && bp_options_text(o, "ca") == NULL) {
        *is_usage = true;
        return bp_fail(err, BP_EINVAL, "--crl needs --ca: the CAs that sign it");
    }
    return inspect(operands[0], o, err);
}

static const struct bp_option options[] = {
    {.key = "ca",
     .type = BP_OPTION_TEXT,
     .operand = "FILE",
     .help = "A bundle: check that it leads to one of these CAs, which may sign such a thing."},
    {.key = "crl",
     .type = BP_OPTION_LIST,
     .operand = "FILE",
     .help = "CRLs: check that it is not revoked."},
};

const struct bp_command bp_command_inspect = {
    .name = "inspect",
    .summary = "say in words what a certificate, request, CRL or bundle is good for",
    .usage =
        "Usage: berbagi-ca inspect [--ca FILE [--crl FILE...]] FILE\n\n"
        "FILE holds certificates, requests or CRLs, or is a bundle of CAs. Exits 1 if anything "
        "is wrong\n"
        "with one of them.",
    .options = options,
    .n_options = BP_COUNT(options),
    .least_operands = 1,
    .most_operands = 1,
    .run = run,
};

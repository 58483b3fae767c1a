/* Loading is a row of steps, each of which names its file when it fails. The own certificate goes
 * through the same checks that a peer's does, so what would be refused by the other side is refused
 * here first. */
#include "credentials.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "buffer.h"
#include "certificate.h"
#include "clock.h"
#include "crl_set.h"
#include "file.h"
#include "trust.h"
#include "verdicts.h"

#define CRL_MOST_BYTES (64u << 20)

struct bp_credentials {
    struct bp_buf cert, key, ca; /* terminated; n counts the NUL */
    bool is_server;
    X509 *leaf;
    char serial[sizeof(((struct bp_identity *)0)->serial)];
    uint8_t content[BP_SHA256_BYTES]; /* of all files, in the order they were read */
    uint8_t shown[BP_SHA256_BYTES];   /* of certificate, key and bundle */
    int64_t not_after_ns;
    struct bp_trust *trust;
    struct bp_issuers issuers;
    struct bp_crl_set *crls;   /* NULL: none were given */
    struct bp_err lists_fault; /* not empty: they could not be loaded, and nobody passes */
    struct bp_verdicts *verdicts;
};

/* From when until when something holds, both included. */
struct window {
    int64_t from_ns, until_ns;
};

static struct bp_str text_of(const struct bp_buf *terminated)
{
    return bp_str_of(terminated->p, terminated->n - 1);
}

/* Takes a file into c->content: the hash of what it was and the hash of this. */
static void note_content(struct bp_credentials *c, const struct bp_buf *text)
{
    uint8_t both[2 * BP_SHA256_BYTES];
    memcpy(both, c->content, BP_SHA256_BYTES);
    bp_sha256(text->p, text->n, both + BP_SHA256_BYTES);
    bp_sha256(both, sizeof(both), c->content);
}

static bp_status terminate(struct bp_buf *b, const char *path, struct bp_err *err)
{
    if (b->n != 0 && memchr(b->p, '\0', b->n) != NULL)
        return bp_fail(err, BP_EINVAL, "%s: is no PEM text", path);
    bp_buf_add_byte(b, 0);
    return b->failed ? bp_fail(err, BP_ENOMEM, "%s: out of memory", path) : BP_OK;
}

/* The certificates of the key's file, so that the key stays in the one text that is wiped. */
static bp_status copy_certificates(struct bp_credentials *c, struct bp_err *err)
{
    STACK_OF(X509) *all = NULL;
    bp_status st = bp_certificates_parse(text_of(&c->key), &all, err);
    for (int i = 0; st == BP_OK && i < sk_X509_num(all); i++)
        st = bp_cert_pem(sk_X509_value(all, i), &c->cert, err);
    bp_certificates_free(all);
    return st;
}

static bp_status read_own(struct bp_credentials *c, const struct bp_credential_files *files,
                          struct bp_err *err)
{
    const char *key = files->key != NULL ? files->key : files->cert;
    bp_status st = bp_secret_read(key, &c->key, err);
    if (st == BP_OK)
        st = terminate(&c->key, key, err);
    if (st != BP_OK)
        return st;
    if (files->key != NULL)
        return bp_file_read(files->cert, BP_PEM_MOST_BYTES, &c->cert, err);
    if ((st = copy_certificates(c, err)) != BP_OK)
        return bp_fail_in(err, st, "%s", files->cert);
    return BP_OK;
}

static bp_status read_texts(struct bp_credentials *c, const struct bp_credential_files *files,
                            struct bp_err *err)
{
    bp_status st;
    if ((st = read_own(c, files, err)) != BP_OK ||
        (st = terminate(&c->cert, files->cert, err)) != BP_OK)
        return st;
    if ((st = bp_file_read(files->ca, BP_PEM_MOST_BYTES, &c->ca, err)) != BP_OK)
        return st;
    note_content(c, &c->cert);
    note_content(c, &c->key);
    note_content(c, &c->ca);
    memcpy(c->shown, c->content, sizeof(c->shown));
    return terminate(&c->ca, files->ca, err);
}

static bp_status load_issuers(struct bp_credentials *c, const struct bp_credential_files *files,
                              struct bp_err *err)
{
    bp_status st = BP_OK;
    for (int kind = 0; st == BP_OK && kind < BP_IDENTITY_KINDS; kind++) {
        struct bp_buf text = {0};
        const char *path = files->issuers[kind];
        if (path == NULL)
            continue;
        st = bp_file_read(path, BP_PEM_MOST_BYTES, &text, err);
        note_content(c, &text);
        if (st == BP_OK && (st = bp_issuers_load(&c->issuers, (enum bp_identity_kind)kind,
                                                 bp_buf_str(&text), err)) != BP_OK)
            bp_fail_in(err, st, "%s", path);
        bp_buf_fini(&text);
    }
    return st;
}

static bp_status load_crls(struct bp_credentials *c, const struct bp_credential_files *files,
                           int64_t now_ns, struct bp_err *err)
{
    bp_status st = BP_OK;
    if (files->n_crls == 0)
        return BP_OK;
    if ((c->crls = bp_crl_set_create(c->trust, files->crl_grace_s)) == NULL)
        return bp_fail(err, BP_ENOMEM, "out of memory");
    for (size_t i = 0; st == BP_OK && i < files->n_crls; i++) {
        struct bp_buf text = {0};
        st = bp_file_read(files->crls[i], CRL_MOST_BYTES, &text, err);
        note_content(c, &text);
        if (st == BP_OK && (st = bp_crl_set_add(c->crls, bp_buf_str(&text), now_ns, err)) != BP_OK)
            bp_fail_in(err, st, "%s", files->crls[i]);
        bp_buf_fini(&text);
    }
    return st == BP_OK ? bp_crl_set_check_complete(c->crls, err) : st;
}

static struct window window_of(const STACK_OF(X509) * chain)
{
    struct window w = {INT64_MIN, INT64_MAX};
    int64_t t;
    for (int i = 0; i < sk_X509_num(chain); i++) {
        const X509 *cert = sk_X509_value(chain, i);
        if (bp_time_of_asn1(X509_get0_notBefore(cert), &t) && t > w.from_ns)
            w.from_ns = t;
        if (bp_time_of_asn1(X509_get0_notAfter(cert), &t) && t < w.until_ns)
            w.until_ns = t;
    }
    return w;
}

static enum bp_use own_use(const struct bp_credentials *c)
{
    return c->is_server ? BP_USE_AS_SERVER : BP_USE_AS_CLIENT;
}

static enum bp_use peer_use(const struct bp_credentials *c)
{
    return c->is_server ? BP_USE_AS_CLIENT : BP_USE_AS_SERVER;
}

/* The whole check of one certificate; *w is how long its chain holds. */
static bp_status judge(const struct bp_credentials *c, X509 *leaf, STACK_OF(X509) * untrusted,
                       enum bp_use use, int64_t now_ns, struct window *w, struct bp_err *err)
{
    STACK_OF(X509) *chain = NULL;
    bp_status st = bp_trust_verify(c->trust, leaf, untrusted, use, now_ns, &chain, err);
    if (st == BP_OK)
        st = bp_chain_check_assertion(chain, &c->issuers, err);
    if (st == BP_OK && c->crls != NULL && c->lists_fault.text[0] == '\0')
        st = bp_crl_set_check(c->crls, chain, now_ns, err);
    if (st == BP_OK)
        *w = window_of(chain);
    bp_certificates_free(chain);
    return st;
}

static bp_status check_pair(X509 *leaf, struct bp_str key_pem, struct bp_err *err)
{
    EVP_PKEY *key = NULL;
    bp_status st = bp_private_key_parse(key_pem, &key, err);
    if (st == BP_OK && X509_check_private_key(leaf, key) != 1)
        st = bp_fail(err, BP_EINVAL, "is not the key of the certificate");
    EVP_PKEY_free(key);
    return st;
}

/* What it says of itself, against what it is loaded for. */
static bp_status check_role(struct bp_credentials *c, const char *trust_domain, int64_t now_ns,
                            struct bp_err *err)
{
    struct bp_identity id;
    bp_status st = bp_identity_of_pem(text_of(&c->cert), trust_domain, now_ns, &id, err);
    if (st == BP_OK && (id.kind == BP_IDENTITY_SERVER) != c->is_server)
        st = bp_fail(err, BP_EINVAL, "is a certificate for /%s/, which is not what a %s shows",
                     bp_identity_kind_name(id.kind), c->is_server ? "server" : "client");
    if (st == BP_OK)
        memcpy(c->serial, id.serial, sizeof(c->serial));
    return st;
}

static bp_status check_own(struct bp_credentials *c, const struct bp_credential_files *files,
                           int64_t now_ns, struct bp_err *err)
{
    STACK_OF(X509) *own = NULL;
    struct window w;
    const char *at = files->cert;
    bp_status st = check_role(c, files->trust_domain, now_ns, err);

    if (st == BP_OK)
        st = bp_certificates_parse(text_of(&c->cert), &own, err);
    if (st == BP_OK && c->is_server)
        st = bp_certificate_check_hosts(sk_X509_value(own, 0), NULL, err);
    if (st == BP_OK && (st = check_pair(sk_X509_value(own, 0), text_of(&c->key), err)) != BP_OK)
        at = files->key != NULL ? files->key : files->cert;
    if (st == BP_OK)
        st = judge(c, sk_X509_value(own, 0), own, own_use(c), now_ns, &w, err);
    if (st == BP_OK) {
        c->not_after_ns = w.until_ns;
        c->leaf = sk_X509_shift(own);
    } else
        bp_fail_in(err, st, "%s", at);
    bp_certificates_free(own);
    return st;
}

static bp_status load_trust(struct bp_credentials *c, const char *path, struct bp_err *err)
{
    bp_status st = bp_trust_load(text_of(&c->ca), &c->trust, err);
    return st == BP_OK ? st : bp_fail_in(err, st, "%s", path);
}

/* Bad lists are a fault of their own where the rest may load without them. */
static bp_status load_lists(struct bp_credentials *c, const struct bp_credential_files *files,
                            bool may_be_barred, int64_t now_ns, struct bp_err *err)
{
    struct bp_err why = {""};
    bp_status st = load_crls(c, files, now_ns, &why);
    if (st == BP_OK)
        return BP_OK;
    if (!may_be_barred || st == BP_ENOMEM)
        return bp_fail(err, st, "%s", why.text);
    c->lists_fault = why;
    return BP_OK;
}

static bp_status load(const struct bp_credential_files *files, bool is_server, bool may_be_barred,
                      int64_t now_ns, struct bp_credentials **out, struct bp_err *err)
{
    bp_status st;
    struct bp_credentials *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return bp_fail(err, BP_ENOMEM, "certificates: out of memory");
    ERR_set_mark();
    c->is_server = is_server;
    if ((c->verdicts = bp_verdicts_create()) == NULL) {
        st = bp_fail(err, BP_ENOMEM, "certificates: out of memory");
        goto fail;
    }
    if ((st = read_texts(c, files, err)) != BP_OK ||
        (st = load_trust(c, files->ca, err)) != BP_OK ||
        (st = load_issuers(c, files, err)) != BP_OK ||
        (st = load_lists(c, files, may_be_barred, now_ns, err)) != BP_OK ||
        (st = check_own(c, files, now_ns, err)) != BP_OK)
        goto fail;
    ERR_pop_to_mark();
    *out = c;
    return BP_OK;
fail:
    ERR_pop_to_mark();
    bp_credentials_destroy(c);
    return st;
}

bp_status bp_credentials_load(const struct bp_credential_files *files, bool is_server,
                              int64_t now_ns, struct bp_credentials **out, struct bp_err *err)
{
    return load(files, is_server, false, now_ns, out, err);
}

bp_status bp_credentials_load_barred(const struct bp_credential_files *files, bool is_server,
                                     int64_t now_ns, struct bp_credentials **out,
                                     struct bp_err *err)
{
    return load(files, is_server, true, now_ns, out, err);
}

void bp_credentials_destroy(struct bp_credentials *c)
{
    if (c == NULL)
        return;
    if (c->key.p != NULL)
        bp_wipe(c->key.p, c->key.n);
    bp_buf_fini(&c->key);
    bp_buf_fini(&c->cert);
    bp_buf_fini(&c->ca);
    X509_free(c->leaf);
    bp_crl_set_destroy(c->crls);
    bp_issuers_fini(&c->issuers);
    bp_trust_destroy(c->trust);
    bp_verdicts_destroy(c->verdicts);
    free(c);
}

const char *bp_credentials_cert_pem(const struct bp_credentials *c)
{
    return (const char *)c->cert.p;
}

const char *bp_credentials_key_pem(const struct bp_credentials *c)
{
    return (const char *)c->key.p;
}

const char *bp_credentials_ca_pem(const struct bp_credentials *c)
{
    return (const char *)c->ca.p;
}

int64_t bp_credentials_not_after_ns(const struct bp_credentials *c)
{
    return c->not_after_ns;
}

int64_t bp_credentials_crl_next_update_ns(const struct bp_credentials *c)
{
    return c->crls != NULL ? bp_crl_set_next_update_ns(c->crls) : INT64_MAX;
}

const char *bp_credentials_serial(const struct bp_credentials *c)
{
    return c->serial;
}

size_t bp_credentials_authorities(const struct bp_credentials *c)
{
    return (size_t)sk_X509_num(bp_trust_cas(c->trust));
}

size_t bp_credentials_revoked(const struct bp_credentials *c)
{
    return c->crls != NULL ? bp_crl_set_revoked(c->crls) : 0;
}

bool bp_credentials_is_same(const struct bp_credentials *a, const struct bp_credentials *b)
{
    return memcmp(a->content, b->content, sizeof(a->content)) == 0;
}

bool bp_credentials_shows_same(const struct bp_credentials *a, const struct bp_credentials *b)
{
    return memcmp(a->shown, b->shown, sizeof(a->shown)) == 0;
}

bp_status bp_credentials_check_lists(const struct bp_credentials *c, int64_t now_ns,
                                     struct bp_err *err)
{
    if (c->lists_fault.text[0] != '\0')
        return bp_fail(err, BP_EAUTH, "%s", c->lists_fault.text);
    return c->crls != NULL ? bp_crl_set_check_current(c->crls, now_ns, err) : BP_OK;
}

bp_status bp_credentials_check_names(const struct bp_credentials *c,
                                     const struct bp_credentials *before, struct bp_err *err)
{
    return bp_certificate_check_hosts(c->leaf, before->leaf, err);
}

static bp_status judge_peer(const struct bp_credentials *c, struct bp_str cert_pem, int64_t now_ns,
                            struct window *w, struct bp_err *err)
{
    X509 *leaf = NULL;
    bp_status st = bp_certificate_parse(cert_pem, &leaf, err);
    if (st == BP_OK)
        st = judge(c, leaf, NULL, peer_use(c), now_ns, w, err);
    X509_free(leaf);
    return st == BP_EINVAL ? BP_EAUTH : st;
}

bp_status bp_credentials_check_revocation(const struct bp_credentials *c, struct bp_str cert_pem,
                                          int64_t now_ns, struct bp_err *err)
{
    uint8_t digest[BP_SHA256_BYTES];
    struct window w;
    bp_status st;

    if (c->lists_fault.text[0] != '\0')
        return bp_credentials_check_lists(c, now_ns, err);
    bp_sha256(cert_pem.p, cert_pem.n, digest);
    if (bp_verdicts_holds(c->verdicts, digest, now_ns))
        return BP_OK;
    ERR_set_mark();
    st = judge_peer(c, cert_pem, now_ns, &w, err);
    ERR_pop_to_mark();
    if (st == BP_OK) {
        const int64_t crl_end_ns = c->crls != NULL ? bp_crl_set_end_ns(c->crls) : INT64_MAX;
        bp_verdicts_keep(c->verdicts, digest, w.from_ns,
                         w.until_ns < crl_end_ns ? w.until_ns : crl_end_ns);
    }
    return st;
}

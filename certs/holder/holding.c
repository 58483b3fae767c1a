/* A new identity is written under another name first and checked there by the very code that will
 * load it; then the renames follow, in an order in which each state between them works. */
#include "holding.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "bundle.h"
#include "certificate.h"
#include "credentials.h"
#include "file.h"
#include "keys.h"
#include "pending.h"
#include "request.h"

static bool copy_domain(struct bp_str uri, char *out, size_t size)
{
    const struct bp_str scheme = BP_STR("spiffe://");
    if (!bp_str_starts(uri, scheme))
        return false;
    const char *from = uri.p + scheme.n;
    const char *slash = memchr(from, '/', uri.n - scheme.n);
    return slash != NULL && bp_str_copy(out, size, bp_str_of(from, (size_t)(slash - from)));
}

static bp_status describe(struct bp_str pem, int64_t now_ns, struct bp_holding *h,
                          struct bp_err *err)
{
    struct bp_buf uri = {0};
    X509 *cert = NULL;
    bp_status st = bp_identity_of_pem(pem, NULL, now_ns, &h->identity, err);
    if (st == BP_OK && (st = bp_certificate_parse(pem, &cert, err)) == BP_OK &&
        (st = bp_certificate_uri(cert, &uri, err)) == BP_OK &&
        !copy_domain(bp_buf_str(&uri), h->trust_domain, sizeof(h->trust_domain)))
        st = bp_fail(err, BP_EAUTH, "its SPIFFE ID has no trust domain");
    X509_free(cert);
    bp_buf_fini(&uri);
    return st;
}

static bool is_waited_for(const char *cert)
{
    struct bp_pending waiting = {0};
    const bool is = bp_pending_load(cert, &waiting, NULL) == BP_OK;
    bp_pending_fini(&waiting);
    return is;
}

bp_status bp_holding_read(const struct bp_holding_files *f, int64_t now_ns, struct bp_holding *out,
                          struct bp_err *err)
{
    const struct bp_credential_files files = {.cert = f->cert, .key = f->key, .ca = f->ca};
    struct bp_credentials *c = NULL;
    struct bp_holding h = {0};
    bp_status st = bp_credentials_load(&files, false, now_ns, &c, err);
    if (st == BP_OK &&
        (st = describe(bp_str(bp_credentials_cert_pem(c)), now_ns, &h, err)) == BP_OK) {
        h.not_after_ns = bp_credentials_not_after_ns(c);
        h.is_waited_for = is_waited_for(f->cert);
        *out = h;
    }
    bp_credentials_destroy(c);
    return st;
}

int64_t bp_holding_renewal_ns(const struct bp_holding *h)
{
    const struct bp_identity *id = &h->identity;
    const int64_t spread_ns = (id->not_after_ns / 30 - id->not_before_ns / 30) / 256;
    return bp_identity_renewal_ns(id) - spread_ns * id->fingerprint[0];
}

static bp_status subject_of(const struct bp_holding_request *who, struct bp_subject *out,
                            struct bp_err *err)
{
    if (!bp_trust_domain_is_valid(bp_str(who->trust_domain)) || strlen(who->trust_domain) > 64)
        return bp_fail(err, BP_EINVAL, "%s: not a valid trust domain", who->trust_domain);
    if (who->kind == BP_IDENTITY_SERVER || !bp_identity_id_is_valid(who->kind, bp_str(who->name)))
        return bp_fail(err, BP_EINVAL, "%s: not a valid name of an %s", who->name,
                       bp_identity_kind_name(who->kind));
    *out = (struct bp_subject){
        .trust_domain = who->trust_domain, .kind = who->kind, .name = who->name};
    return BP_OK;
}

/* An installation that was interrupted at its end leaves its request behind. */
static bool is_installed(const char *cert, const EVP_PKEY *key)
{
    EVP_PKEY *installed = NULL;
    const bool is =
        bp_key_load(cert, &installed, NULL) == BP_OK && EVP_PKEY_eq(installed, key) == 1;
    EVP_PKEY_free(installed);
    return is;
}

static bp_status find_waiting(const char *cert, const struct bp_subject *s, struct bp_pending *out,
                              struct bp_err *err)
{
    struct bp_pending p = {0};
    bp_status st = bp_pending_load(cert, &p, err);
    if (st == BP_OK && is_installed(cert, p.key))
        st = BP_ENOENT;
    else if (st == BP_OK && bp_request_check(p.request, s, err) != BP_OK)
        st = bp_fail_in(err, BP_ECONFLICT, "%s.request: a request waits there, and", cert);
    if (st == BP_OK)
        *out = p;
    else
        bp_pending_fini(&p);
    return st;
}

static bp_status request(const char *cert, const struct bp_subject *s, bool is_fresh,
                         struct bp_buf *out, bool *is_new, struct bp_err *err)
{
    struct bp_pending p = {0};
    bp_status st = is_fresh ? BP_ENOENT : find_waiting(cert, s, &p, err);
    *is_new = st == BP_ENOENT;
    if (st == BP_ENOENT)
        st = bp_pending_make(cert, s, &p, err);
    if (st == BP_OK)
        st = bp_request_pem(p.request, out, err);
    bp_pending_fini(&p);
    return st;
}

bp_status bp_holding_request(const char *cert, const struct bp_holding_request *who,
                             struct bp_buf *out, bool *is_new, struct bp_err *err)
{
    struct bp_subject s;
    int lock;
    bp_status st = subject_of(who, &s, err);
    if (st != BP_OK || (st = bp_file_lock_folder(cert, &lock, err)) != BP_OK)
        return st;
    st = request(cert, &s, who->is_fresh, out, is_new, err);
    (void)close(lock);
    return st;
}

bp_status bp_holding_forget(const char *cert, struct bp_err *err)
{
    return bp_pending_remove(cert, err);
}

/* An installation under way. */
struct installation {
    const struct bp_holding_files *files;
    EVP_PKEY *key;
    struct bp_pending pending; /* zeroed: the key came from elsewhere */
    STACK_OF(X509) * certs;
    struct bp_bundle bundle;
    char *new_cert, *new_ca; /* paths of what is not in place yet */
};

static void installation_fini(struct installation *in)
{
    EVP_PKEY_free(in->key);
    bp_pending_fini(&in->pending);
    bp_certificates_free(in->certs);
    bp_bundle_fini(&in->bundle);
    if (in->new_cert != NULL)
        (void)unlink(in->new_cert);
    if (in->new_ca != NULL)
        (void)unlink(in->new_ca);
    free(in->new_cert);
    free(in->new_ca);
}

static bp_status take_key(struct installation *in, const char *path, struct bp_err *err)
{
    if (path != NULL)
        return bp_key_load(path, &in->key, err);
    bp_status st = bp_pending_load(in->files->cert, &in->pending, err);
    if (st == BP_ENOENT)
        return bp_fail(err, st, "no request waits for a certificate: there is no %s.request",
                       in->files->cert);
    if (st == BP_OK && EVP_PKEY_up_ref(in->pending.key) == 1)
        in->key = in->pending.key;
    return st;
}

static bp_status check_asked(const struct installation *in, const struct bp_holding *h,
                             struct bp_err *err)
{
    const struct bp_subject s = {
        .trust_domain = h->trust_domain, .kind = h->identity.kind, .name = h->identity.name};
    if (in->pending.request == NULL)
        return BP_OK;
    bp_status st = bp_request_check(in->pending.request, &s, err);
    return st == BP_OK ? st : bp_fail_in(err, st, "the request is for another certificate");
}

/* Whoever runs under this identity goes on as the same. */
static bp_status check_installed(const struct installation *in, const struct bp_holding *h,
                                 struct bp_err *err)
{
    struct bp_buf text = {0};
    struct bp_holding old = {0};
    bp_status st = BP_OK;
    if (bp_file_read(in->files->cert, BP_PEM_MOST_BYTES, &text, NULL) == BP_OK &&
        describe(bp_buf_str(&text), h->identity.not_before_ns, &old, NULL) == BP_OK &&
        (old.identity.kind != h->identity.kind ||
         strcmp(old.identity.name, h->identity.name) != 0 ||
         strcmp(old.trust_domain, h->trust_domain) != 0))
        st = bp_fail(err, BP_ECONFLICT, "%s is of %s %s, the new certificate of %s %s",
                     in->files->cert, bp_identity_kind_name(old.identity.kind), old.identity.name,
                     bp_identity_kind_name(h->identity.kind), h->identity.name);
    bp_secret_fini(&text);
    return st;
}

static bp_status write_aside(const char *path, const struct bp_buf *text, unsigned mode, char **out,
                             struct bp_err *err)
{
    if (text->failed || asprintf(out, "%s.new", path) < 0) {
        *out = NULL;
        return bp_fail(err, BP_ENOMEM, "out of memory");
    }
    return bp_file_write(*out, text->p, text->n, mode, err);
}

static bp_status write_identity(struct installation *in, struct bp_err *err)
{
    struct bp_buf text = {0};
    bp_status st = bp_key_pem(in->key, &text, err);
    for (int i = 0; st == BP_OK && i < sk_X509_num(in->certs); i++)
        st = bp_cert_pem(sk_X509_value(in->certs, i), &text, err);
    if (st == BP_OK)
        st = write_aside(in->files->cert, &text, 0600, &in->new_cert, err);
    bp_secret_fini(&text);
    return st;
}

static bp_status compare_bundle(struct installation *in, struct bp_str offer, int64_t now_ns,
                                struct bp_err *err)
{
    struct bp_buf known = {0};
    if (offer.n == 0)
        return BP_OK;
    bp_status st = bp_file_read(in->files->ca, BP_PEM_MOST_BYTES, &known, err);
    if (st == BP_OK)
        st = bp_bundle_compare(bp_buf_str(&known), offer, now_ns, &in->bundle, err);
    if (st == BP_OK && in->bundle.is_new)
        st = write_aside(in->files->ca, &in->bundle.next, 0644, &in->new_ca, err);
    bp_buf_fini(&known);
    return st;
}

static bp_status prepare(struct installation *in, const struct bp_holding_answer *answer,
                         int64_t now_ns, struct bp_holding *h, struct bp_err *err)
{
    bp_status st;
    if ((st = take_key(in, answer->key, err)) != BP_OK ||
        (st = bp_certificates_parse(answer->certificate, &in->certs, err)) != BP_OK)
        return st;
    if (X509_check_private_key(sk_X509_value(in->certs, 0), in->key) != 1)
        return bp_fail(err, BP_EINVAL, "the certificate is not for %s",
                       answer->key != NULL ? "this key" : "the key of the request that waits");
    if ((st = write_identity(in, err)) != BP_OK ||
        (st = compare_bundle(in, answer->authorities, now_ns, err)) != BP_OK)
        return st;
    const struct bp_holding_files aside = {.cert = in->new_cert,
                                           .ca = in->new_ca != NULL ? in->new_ca : in->files->ca};
    if ((st = bp_holding_read(&aside, now_ns, h, err)) != BP_OK ||
        (st = check_asked(in, h, err)) != BP_OK)
        return st;
    return check_installed(in, h, err);
}

static bp_status put_in_place(struct installation *in, struct bp_err *err)
{
    const struct bp_buf *both = &in->bundle.both;
    bp_status st = BP_OK;
    if (in->new_ca != NULL)
        st = bp_file_write(in->files->ca, both->p, both->n, 0644, err);
    if (st == BP_OK)
        st = bp_file_rename(in->new_cert, in->files->cert, err);
    if (st == BP_OK && in->new_ca != NULL)
        st = bp_file_rename(in->new_ca, in->files->ca, err);
    if (st == BP_OK && in->pending.key != NULL)
        st = bp_pending_remove(in->files->cert, err);
    return st;
}

bp_status bp_holding_install(const struct bp_holding_files *f,
                             const struct bp_holding_answer *answer, int64_t now_ns,
                             struct bp_holding *out, size_t *n_strange, struct bp_err *err)
{
    struct installation in = {.files = f};
    struct bp_holding h = {0};
    int lock;
    bp_status st = bp_file_lock_folder(f->cert, &lock, err);
    if (st != BP_OK)
        return st;
    if ((st = prepare(&in, answer, now_ns, &h, err)) == BP_OK &&
        (st = put_in_place(&in, err)) == BP_OK) {
        h.is_waited_for = false;
        *n_strange = in.bundle.n_strange;
        *out = h;
    }
    installation_fini(&in);
    (void)close(lock);
    return st;
}

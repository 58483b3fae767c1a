/* The hard part is to say no for the right reason: whatever a certificate holds is foreign text, so
 * nothing of it reaches an error message but what the grammar has let through. */
#include "identity.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "buffer.h"
#include "certificate.h"
#include "clock.h"

static const char *const kind_names[BP_IDENTITY_KINDS] = {
    [BP_IDENTITY_AGENCY] = "agency",
    [BP_IDENTITY_OPERATOR] = "operator",
    [BP_IDENTITY_SERVER] = "server",
};

const char *bp_identity_kind_name(enum bp_identity_kind kind)
{
    return kind_names[kind];
}

static bool is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool bp_identity_id_is_valid(enum bp_identity_kind kind, struct bp_str id)
{
    if (kind == BP_IDENTITY_AGENCY)
        return bp_agency_id_is_valid(id);
    if (id.n == 0 || id.n > 64 || bp_str_is(id, ".") || bp_str_is(id, ".."))
        return false;
    for (size_t i = 0; i < id.n; i++) {
        if (!is_lower_or_digit(id.p[i]) && id.p[i] != '.' && id.p[i] != '-')
            return false;
    }
    return true;
}

bool bp_trust_domain_is_valid(struct bp_str s)
{
    if (s.n == 0 || s.n > 255 || s.p[s.n - 1] == '.')
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '.' && (i == 0 || s.p[i - 1] == '.'))
            return false;
        if (!is_lower_or_digit(s.p[i]) && s.p[i] != '.' && s.p[i] != '-' && s.p[i] != '_')
            return false;
    }
    return true;
}

/* Cuts s at its first slash: returns what stands before it, leaves what stands behind. */
static struct bp_str cut_part(struct bp_str *s)
{
    const char *slash = s->n != 0 ? memchr(s->p, '/', s->n) : NULL;
    struct bp_str part = *s;
    if (slash != NULL)
        part.n = (size_t)(slash - s->p);
    s->p += part.n + (slash != NULL);
    s->n -= part.n + (slash != NULL);
    return part;
}

static bp_status check_domain(struct bp_str domain, const char *trust_domain, struct bp_err *err)
{
    if (!bp_trust_domain_is_valid(domain))
        return bp_fail(err, BP_EAUTH,
                       "the SPIFFE ID's trust domain breaks the grammar (no port, no user)");
    if (trust_domain != NULL && !bp_str_is(domain, trust_domain))
        return bp_fail(err, BP_EAUTH, "the SPIFFE ID is of trust domain %.*s, expected %s",
                       BP_STR_ARGS(domain), trust_domain);
    return BP_OK;
}

static bool find_kind(struct bp_str word, enum bp_identity_kind *out)
{
    for (int i = 0; i < BP_IDENTITY_KINDS; i++) {
        if (bp_str_is(word, kind_names[i])) {
            *out = (enum bp_identity_kind)i;
            return true;
        }
    }
    return false;
}

bp_status bp_identity_parse_uri(struct bp_str uri, const char *trust_domain,
                                struct bp_identity *out, struct bp_err *err)
{
    const struct bp_str scheme = BP_STR("spiffe://");
    enum bp_identity_kind kind = BP_IDENTITY_AGENCY;
    struct bp_str rest, word;
    bp_status st;

    if (!bp_str_starts(uri, scheme))
        return bp_fail(err, BP_EAUTH, "the URI among its names is no spiffe:// URI");
    rest = bp_str_of(uri.p + scheme.n, uri.n - scheme.n);
    word = cut_part(&rest);
    if ((st = check_domain(word, trust_domain, err)) != BP_OK)
        return st;
    word = cut_part(&rest);
    if (!find_kind(word, &kind))
        return bp_fail(err, BP_EAUTH,
                       "the SPIFFE ID's path is none of /agency/, /operator/, /server/");
    if (!bp_identity_id_is_valid(kind, rest))
        return bp_fail(err, BP_EAUTH, "the SPIFFE ID's %s id breaks the grammar", kind_names[kind]);
    out->kind = kind;
    (void)bp_str_copy(out->name, sizeof(out->name), rest); /* at most 64 bytes by the grammar */
    return BP_OK;
}

static bp_status check_usage(X509 *cert, enum bp_identity_kind kind, struct bp_err *err)
{
    const bool is_server = kind == BP_IDENTITY_SERVER;
    const uint32_t wanted = is_server ? XKU_SSL_SERVER : XKU_SSL_CLIENT;
    uint32_t flags, usage;

    ERR_set_mark();
    flags = X509_get_extension_flags(cert);
    usage = X509_get_extended_key_usage(cert);
    ERR_pop_to_mark();
    if ((flags & EXFLAG_INVALID) != 0)
        return bp_fail(err, BP_EAUTH, "the certificate's extensions cannot be read");
    if ((flags & EXFLAG_CA) != 0)
        return bp_fail(err, BP_EAUTH, "a CA's certificate is nobody's identity");
    if ((flags & EXFLAG_KUSAGE) == 0 || (X509_get_key_usage(cert) & KU_DIGITAL_SIGNATURE) == 0)
        return bp_fail(err, BP_EAUTH, "the certificate's key usage lacks digitalSignature");
    if ((flags & EXFLAG_XKUSAGE) == 0 || (usage & wanted) == 0)
        return bp_fail(err, BP_EAUTH, "the certificate's extended key usage lacks %s",
                       is_server ? "serverAuth" : "clientAuth");
    return BP_OK;
}

static bp_status check_dates(const X509 *cert, int64_t now_ns, struct bp_identity *id,
                             struct bp_err *err)
{
    char text[36];
    if (!bp_time_of_asn1(X509_get0_notBefore(cert), &id->not_before_ns) ||
        !bp_time_of_asn1(X509_get0_notAfter(cert), &id->not_after_ns))
        return bp_fail(err, BP_EAUTH, "the certificate's dates cannot be read");
    if (now_ns < id->not_before_ns) {
        bp_time_format(id->not_before_ns, text);
        return bp_fail(err, BP_EAUTH, "the certificate is valid only from %s", text);
    }
    if (now_ns > id->not_after_ns) {
        bp_time_format(id->not_after_ns, text);
        return bp_fail(err, BP_EAUTH, "the certificate ended at %s", text);
    }
    return BP_OK;
}

static bp_status read_name(const X509 *cert, const char *trust_domain, struct bp_identity *id,
                           struct bp_err *err)
{
    struct bp_buf uri = {0};
    bp_status st = bp_certificate_uri(cert, &uri, err);
    if (st == BP_OK)
        st = bp_identity_parse_uri(bp_buf_str(&uri), trust_domain, id, err);
    bp_buf_fini(&uri);
    return st == BP_EINVAL ? BP_EAUTH : st;
}

static bp_status read_identity(X509 *cert, const char *trust_domain, int64_t now_ns,
                               struct bp_identity *id, struct bp_err *err)
{
    bp_status st;
    const EVP_PKEY *key = X509_get0_pubkey(cert);

    if ((st = read_name(cert, trust_domain, id, err)) != BP_OK)
        return st;
    if ((st = check_dates(cert, now_ns, id, err)) != BP_OK)
        return st;
    if (key == NULL)
        return bp_fail(err, BP_EAUTH, "the certificate's key cannot be read");
    if (bp_key_check(key, err) != BP_OK)
        return BP_EAUTH;
    if ((st = check_usage(cert, id->kind, err)) != BP_OK)
        return st;
    if (!bp_serial_format(X509_get0_serialNumber(cert), id->serial))
        return bp_fail(err, BP_EAUTH, "the certificate's serial is not positive or over 20 bytes");
    return X509_digest(cert, EVP_sha256(), id->fingerprint, NULL) == 1
               ? BP_OK
               : bp_fail(err, BP_ENOMEM, "no fingerprint can be made");
}

bp_status bp_identity_of_pem(struct bp_str pem, const char *trust_domain, int64_t now_ns,
                             struct bp_identity *out, struct bp_err *err)
{
    struct bp_identity id = {0};
    X509 *cert = NULL;
    bp_status st = bp_certificate_parse(pem, &cert, err);
    if (st == BP_EINVAL)
        return BP_EAUTH;
    if (st != BP_OK)
        return st;
    ERR_set_mark();
    st = read_identity(cert, trust_domain, now_ns, &id, err);
    ERR_pop_to_mark();
    X509_free(cert);
    if (st == BP_OK)
        *out = id;
    return st;
}

int64_t bp_identity_renewal_ns(const struct bp_identity *id)
{
    return id->not_after_ns - (id->not_after_ns / 3 - id->not_before_ns / 3);
}

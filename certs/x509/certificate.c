/* Thin and careful use of OpenSSL. Every PEM reader gets a callback that refuses a passphrase (the
 * library would ask on the terminal), and every function marks and restores the error queue,
 * because gRPC reads the same queue on the same thread. */
#include "certificate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "buffer.h"
#include "clock.h"
#include "digest.h"

const char *bp_policy_oid(enum bp_identity_kind kind)
{
    static const char *const oids[BP_IDENTITY_KINDS] = {
        [BP_IDENTITY_AGENCY] = BP_POLICY_ARC ".1",
        [BP_IDENTITY_OPERATOR] = BP_POLICY_ARC ".2",
        [BP_IDENTITY_SERVER] = BP_POLICY_ARC ".3",
    };
    return oids[kind];
}

const char *bp_openssl_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return reason != NULL ? reason : "unknown reason";
}

void bp_certificates_free(STACK_OF(X509) * all)
{
    sk_X509_pop_free(all, X509_free);
}

int bp_no_passphrase(char *buffer, int size, int is_write, void *context)
{
    (void)buffer, (void)size, (void)is_write, (void)context;
    return -1;
}

static bp_status pem_open(struct bp_str pem, BIO **out, struct bp_err *err)
{
    if (pem.n == 0)
        return bp_fail(err, BP_EINVAL, "empty PEM text");
    if (pem.n > BP_PEM_MOST_BYTES)
        return bp_fail(err, BP_EINVAL, "PEM text over %u bytes", BP_PEM_MOST_BYTES);
    *out = BIO_new_mem_buf(pem.p, (int)pem.n);
    return *out != NULL ? BP_OK : bp_fail(err, BP_ENOMEM, "out of memory");
}

/* Reads to the end: "no start line" after the first certificate is the end, anything else is
 * damage. */
static bp_status read_all(BIO *bio, STACK_OF(X509) * all, struct bp_err *err)
{
    X509 *cert;
    while ((cert = PEM_read_bio_X509(bio, NULL, bp_no_passphrase, NULL)) != NULL) {
        if (sk_X509_push(all, cert) == 0) {
            X509_free(cert);
            return bp_fail(err, BP_ENOMEM, "out of memory");
        }
    }
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return bp_fail(err, BP_EINVAL, "certificate %d cannot be read: %s", sk_X509_num(all) + 1,
                       bp_openssl_reason());
    return sk_X509_num(all) > 0 ? BP_OK : bp_fail(err, BP_EINVAL, "no certificate in it");
}

bp_status bp_certificates_parse(struct bp_str pem, STACK_OF(X509) * *out, struct bp_err *err)
{
    BIO *bio = NULL;
    STACK_OF(X509) *all = NULL;
    bp_status st;

    ERR_set_mark();
    if ((st = pem_open(pem, &bio, err)) == BP_OK && (all = sk_X509_new_null()) == NULL)
        st = bp_fail(err, BP_ENOMEM, "out of memory");
    if (st == BP_OK)
        st = read_all(bio, all, err);
    BIO_free(bio);
    ERR_pop_to_mark();
    if (st == BP_OK)
        *out = all;
    else
        bp_certificates_free(all);
    return st;
}

bp_status bp_certificate_parse(struct bp_str pem, X509 **out, struct bp_err *err)
{
    BIO *bio = NULL;
    X509 *cert;
    bp_status st = pem_open(pem, &bio, err);
    if (st != BP_OK)
        return st;
    ERR_set_mark();
    cert = PEM_read_bio_X509(bio, NULL, bp_no_passphrase, NULL);
    if (cert == NULL)
        st = bp_fail(err, BP_EINVAL, "no certificate can be read: %s", bp_openssl_reason());
    else
        *out = cert;
    ERR_pop_to_mark();
    BIO_free(bio);
    return st;
}

bp_status bp_cert_pem(const X509 *cert, struct bp_buf *out, struct bp_err *err)
{
    char *text = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    const bool ok = bio != NULL && PEM_write_bio_X509(bio, cert) == 1;
    const long n = ok ? BIO_get_mem_data(bio, &text) : 0;
    if (n > 0)
        bp_buf_add(out, text, (size_t)n);
    BIO_free(bio);
    return n > 0 && !out->failed ? BP_OK : bp_fail(err, BP_ENOMEM, "out of memory");
}

bp_status bp_private_key_parse(struct bp_str pem, EVP_PKEY **out, struct bp_err *err)
{
    BIO *bio = NULL;
    EVP_PKEY *key;
    bp_status st = pem_open(pem, &bio, err);
    if (st != BP_OK)
        return st;
    ERR_set_mark();
    key = PEM_read_bio_PrivateKey(bio, NULL, bp_no_passphrase, NULL);
    if (key == NULL)
        st = bp_fail(err, BP_EINVAL, "no private key without passphrase can be read: %s",
                     bp_openssl_reason());
    else
        *out = key;
    ERR_pop_to_mark();
    BIO_free(bio);
    return st;
}

static bp_status secret_check(const char *path, const struct stat *s, struct bp_err *err)
{
    if (!S_ISREG(s->st_mode))
        return bp_fail(err, BP_EPERM, "%s: not a plain file", path);
    if ((s->st_mode & 077) != 0)
        return bp_fail(err, BP_EPERM,
                       "%s: mode is 0%o, others than its owner can reach it; chmod 0600", path,
                       (unsigned)s->st_mode & 0777);
    if (geteuid() != 0 && s->st_uid != 0 && s->st_uid != geteuid())
        return bp_fail(err, BP_EPERM, "%s: belongs to another user", path);
    if (s->st_size > (off_t)BP_PEM_MOST_BYTES)
        return bp_fail(err, BP_ETOOLARGE, "%s: over %u bytes", path, BP_PEM_MOST_BYTES);
    return BP_OK;
}

/* One reservation, with room for a NUL behind it, so that growing leaves no copy of a key on the
 * heap. */
static bp_status secret_drain(int fd, const char *path, size_t most, struct bp_buf *out,
                              struct bp_err *err)
{
    uint8_t *place = bp_buf_reserve(out, most + 1);
    if (place == NULL)
        return bp_fail(err, BP_ENOMEM, "%s: out of memory", path);
    for (size_t done = 0; done < most;) {
        ssize_t n = read(fd, place + done, most - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return bp_fail(err, BP_EIO, "%s: read: %s", path, strerror(errno));
        if (n == 0)
            break;
        done += (size_t)n;
        out->n += (size_t)n;
    }
    return BP_OK;
}

bp_status bp_secret_read(const char *path, struct bp_buf *out, struct bp_err *err)
{
    struct stat s;
    bp_status st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return bp_fail(err, errno == ENOENT ? BP_ENOENT : BP_EIO, "%s: %s", path, strerror(errno));
    if (fstat(fd, &s) != 0)
        st = bp_fail(err, BP_EIO, "%s: %s", path, strerror(errno));
    else if ((st = secret_check(path, &s, err)) == BP_OK)
        st = secret_drain(fd, path, (size_t)s.st_size, out, err);
    close(fd);
    return st;
}

void bp_secret_fini(struct bp_buf *secret)
{
    if (secret->p != NULL)
        bp_wipe(secret->p, secret->capacity);
    bp_buf_fini(secret);
}

void bp_key_describe(const EVP_PKEY *key, char out[32])
{
    char group[24] = "";
    size_t n = 0;
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
        snprintf(out, 32, "RSA %d", EVP_PKEY_get_bits(key));
    else if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519)
        snprintf(out, 32, "Ed25519");
    else if (EVP_PKEY_get_group_name(key, group, sizeof(group), &n) != 1)
        snprintf(out, 32, "a key of another kind");
    else if (strcmp(group, "prime256v1") == 0)
        snprintf(out, 32, "P-256");
    else if (strcmp(group, "secp384r1") == 0)
        snprintf(out, 32, "P-384");
    else
        snprintf(out, 32, "curve %s", group);
}

bp_status bp_key_check(const EVP_PKEY *key, struct bp_err *err)
{
    char what[32];
    bool is_strong;
    ERR_set_mark();
    bp_key_describe(key, what);
    ERR_pop_to_mark();
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
        is_strong = EVP_PKEY_get_bits(key) >= 3072;
    else
        is_strong = strcmp(what, "P-256") == 0 || strcmp(what, "P-384") == 0 ||
                    strcmp(what, "Ed25519") == 0;
    return is_strong
               ? BP_OK
               : bp_fail(err, BP_EINVAL,
                         "its key is %s; allowed are P-256, P-384, Ed25519 and RSA from 3072 bits",
                         what);
}

static bool add_part(X509_NAME *name, const char *field, const char *text)
{
    return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)text, -1,
                                      -1, 0) == 1;
}

X509_NAME *bp_name_make(const char *o, const char *ou, const char *cn)
{
    X509_NAME *name = X509_NAME_new();
    if (name != NULL && (o == NULL || add_part(name, "O", o)) &&
        (ou == NULL || add_part(name, "OU", ou)) && (cn == NULL || add_part(name, "CN", cn)))
        return name;
    X509_NAME_free(name);
    return NULL;
}

bp_status bp_names_uri(const GENERAL_NAMES *names, struct bp_buf *out, struct bp_err *err)
{
    const ASN1_IA5STRING *uri = NULL;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_URI)
            continue;
        if (uri != NULL)
            return bp_fail(err, BP_EINVAL, "more than one URI among its names");
        uri = name->d.uniformResourceIdentifier;
    }
    if (uri == NULL)
        return bp_fail(err, BP_EINVAL, "no URI among its names");
    bp_buf_add(out, ASN1_STRING_get0_data(uri), (size_t)ASN1_STRING_length(uri));
    return out->failed ? bp_fail(err, BP_ENOMEM, "out of memory") : BP_OK;
}

bp_status bp_certificate_uri(const X509 *cert, struct bp_buf *out, struct bp_err *err)
{
    int critical = 0;
    bp_status st;
    GENERAL_NAMES *names;

    ERR_set_mark();
    names = X509_get_ext_d2i(cert, NID_subject_alt_name, &critical, NULL);
    ERR_pop_to_mark();
    if (names == NULL)
        return bp_fail(err, BP_EINVAL, "%s",
                       critical == -1 ? "no subject alternative name"
                                      : "its subject alternative name cannot be read");
    st = bp_names_uri(names, out, err);
    GENERAL_NAMES_free(names);
    return st;
}

static GENERAL_NAMES *names_of(const X509 *cert)
{
    ERR_set_mark();
    GENERAL_NAMES *names =
        cert != NULL ? X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL) : NULL;
    ERR_pop_to_mark();
    return names;
}

static bool is_host(const GENERAL_NAME *name)
{
    return name->type == GEN_DNS || name->type == GEN_IPADD;
}

static bool has_name(const GENERAL_NAMES *names, GENERAL_NAME *wanted)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        if (GENERAL_NAME_cmp(sk_GENERAL_NAME_value(names, i), wanted) == 0)
            return true;
    }
    return false;
}

static bp_status fail_without_host(const GENERAL_NAME *name, struct bp_err *err)
{
    if (name->type != GEN_DNS) {
        char text[INET6_ADDRSTRLEN] = "of unknown form";
        int family = ASN1_STRING_length(name->d.iPAddress) == 4 ? AF_INET : AF_INET6;
        if (family == AF_INET || ASN1_STRING_length(name->d.iPAddress) == 16)
            (void)inet_ntop(family, ASN1_STRING_get0_data(name->d.iPAddress), text, sizeof(text));
        return bp_fail(err, BP_EINVAL, "lacks the IP address %s of the certificate before it",
                       text);
    }
    return bp_fail(err, BP_EINVAL, "lacks the host name %.*s of the certificate before it",
                   ASN1_STRING_length(name->d.dNSName),
                   (const char *)ASN1_STRING_get0_data(name->d.dNSName));
}

bp_status bp_certificate_check_hosts(const X509 *cert, const X509 *before, struct bp_err *err)
{
    GENERAL_NAMES *names = names_of(cert), *wanted = names_of(before);
    bool has_any = false;
    bp_status st = BP_OK;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        has_any = has_any || is_host(sk_GENERAL_NAME_value(names, i));
    if (!has_any)
        st = bp_fail(err, BP_EINVAL, "has no host name or address, so no client can believe it");
    for (int i = 0; st == BP_OK && i < sk_GENERAL_NAME_num(wanted); i++) {
        GENERAL_NAME *name = sk_GENERAL_NAME_value(wanted, i);
        if (is_host(name) && !has_name(names, name))
            st = fail_without_host(name, err);
    }
    GENERAL_NAMES_free(names);
    GENERAL_NAMES_free(wanted);
    return st;
}

bool bp_certificate_has_policy(const X509 *cert, enum bp_identity_kind kind)
{
    bool found = false;
    ASN1_OBJECT *wanted;
    CERTIFICATEPOLICIES *policies;

    ERR_set_mark();
    wanted = OBJ_txt2obj(bp_policy_oid(kind), 1);
    policies = X509_get_ext_d2i(cert, NID_certificate_policies, NULL, NULL);
    for (int i = 0; wanted != NULL && i < sk_POLICYINFO_num(policies); i++)
        found = found || OBJ_cmp(sk_POLICYINFO_value(policies, i)->policyid, wanted) == 0;
    CERTIFICATEPOLICIES_free(policies);
    ASN1_OBJECT_free(wanted);
    ERR_pop_to_mark();
    return found;
}

bool bp_serial_format(const ASN1_INTEGER *serial, char out[48])
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = ASN1_STRING_get0_data(serial);
    int n = ASN1_STRING_length(serial);
    if (n < 1 || n > 20 || ASN1_STRING_type(serial) != V_ASN1_INTEGER || (n == 1 && p[0] == 0))
        return false;
    for (int i = 0; i < n; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * n] = '\0';
    return true;
}

bool bp_certificate_is_same_authority(const X509 *a, const X509 *b)
{
    const EVP_PKEY *key_a = X509_get0_pubkey(a), *key_b = X509_get0_pubkey(b);
    return X509_NAME_cmp(X509_get_subject_name(a), X509_get_subject_name(b)) == 0 &&
           key_a != NULL && key_b != NULL && EVP_PKEY_eq(key_a, key_b) == 1;
}

bool bp_time_of_asn1(const ASN1_TIME *t, int64_t *unix_ns)
{
    struct tm tm;
    int64_t s;
    if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
        return false;
    s = (int64_t)timegm(&tm);
    if (s >= INT64_MAX / BP_NS_PER_S)
        *unix_ns = INT64_MAX;
    else if (s <= INT64_MIN / BP_NS_PER_S)
        *unix_ns = INT64_MIN;
    else
        *unix_ns = s * BP_NS_PER_S;
    return true;
}

#include "authority.h"

#include <unistd.h>

#include <openssl/pem.h>

#include "clock.h"
#include "file.h"
#include "keys.h"

char *bp_authority_path(const char *dir, const char *folder, const char *file)
{
    char *in = bp_path_join(dir, folder);
    char *path = in != NULL ? bp_path_join(in, file) : NULL;
    free(in);
    return path;
}

bp_status bp_authority_open(const char *dir, bool for_writing, struct bp_authority *out,
                            struct bp_err *err)
{
    struct bp_authority a = {.dir = bp_str_dup(bp_str(dir))};
    char *data = bp_authority_path(dir, "ledger", "data.mdb");
    char *ledger = bp_path_join(dir, "ledger");
    bp_status st;

    if (a.dir == NULL || data == NULL || ledger == NULL)
        st = bp_fail(err, BP_ENOMEM, "out of memory");
    else if (access(data, F_OK) != 0)
        st = bp_fail(err, BP_ENOENT, "%s: is not the folder of a CA; berbagi-ca init makes one",
                     dir);
    else
        st = bp_ledger_open(ledger, for_writing, &a.ledger, err);
    free(data);
    free(ledger);
    if (st == BP_OK)
        *out = a;
    else
        bp_authority_close(&a);
    return st;
}

bp_status bp_authority_create(const char *dir, const char *trust_domain, bool is_development,
                              struct bp_authority *out, struct bp_err *err)
{
    struct bp_authority a = {.dir = bp_str_dup(bp_str(dir))};
    char *ledger = bp_path_join(dir, "ledger");
    bp_status st;

    if (a.dir == NULL || ledger == NULL)
        st = bp_fail(err, BP_ENOMEM, "out of memory");
    else if ((st = bp_dir_make(ledger, 0700, err)) == BP_OK)
        st = bp_ledger_create(ledger, trust_domain, is_development, &a.ledger, err);
    free(ledger);
    if (st == BP_OK)
        *out = a;
    else
        bp_authority_close(&a);
    return st;
}

bp_status bp_authority_record(struct bp_authority *a, enum bp_ca issuer, const char *name,
                              const X509 *cert, struct bp_err *err)
{
    struct bp_record r = {.issuer = issuer, .issued_s = bp_now_s()};
    unsigned char *der = NULL;
    int64_t not_after_ns;
    char serial[48];
    bp_status st;
    const int n = i2d_X509(cert, &der);

    if (n <= 0)
        return bp_fail(err, BP_ENOMEM, "out of memory");
    if (!bp_serial_format(X509_get0_serialNumber(cert), serial) ||
        !bp_serial_parse(bp_str(serial), r.serial) ||
        !bp_time_of_asn1(X509_get0_notAfter(cert), &not_after_ns) ||
        !bp_str_copy(r.name, sizeof(r.name), bp_str(name))) {
        st = bp_fail(err, BP_EINVAL, "the certificate does not fit the ledger");
    } else {
        r.not_after_s = not_after_ns / BP_NS_PER_S;
        r.der = bp_str_of(der, (size_t)n);
        st = bp_ledger_add(a->ledger, &r, err);
    }
    OPENSSL_free(der);
    return st;
}

void bp_authority_close(struct bp_authority *a)
{
    bp_ledger_close(a->ledger);
    free(a->dir);
    *a = (struct bp_authority){0};
}

static bp_status load_cert(const char *path, X509 **out, struct bp_err *err)
{
    struct bp_buf text = {0};
    bp_status st = bp_file_read(path, BP_PEM_MOST_BYTES, &text, err);
    if (st == BP_OK && (st = bp_certificate_parse(bp_buf_str(&text), out, err)) != BP_OK)
        bp_fail_in(err, st, "%s", path);
    bp_buf_fini(&text);
    return st;
}

bp_status bp_issuer_load_cert(const char *dir, enum bp_ca ca, X509 **out, struct bp_err *err)
{
    char *path = bp_authority_path(dir, bp_ca_name(ca), "cert.pem");
    bp_status st =
        path != NULL ? load_cert(path, out, err) : bp_fail(err, BP_ENOMEM, "out of memory");
    free(path);
    return st;
}

bp_status bp_issuer_load(const char *dir, enum bp_ca ca, struct bp_issuer *out, struct bp_err *err)
{
    struct bp_issuer issuer = {0};
    char *path = bp_authority_path(dir, bp_ca_name(ca), "key.pem");
    bp_status st = path != NULL ? bp_issuer_load_cert(dir, ca, &issuer.cert, err)
                                : bp_fail(err, BP_ENOMEM, "out of memory");
    if (st == BP_OK)
        st = bp_key_load(path, &issuer.key, err);
    if (st == BP_OK && X509_check_private_key(issuer.cert, issuer.key) != 1)
        st = bp_fail(err, BP_EINVAL, "%s: is not the key of the certificate beside it", path);
    free(path);
    if (st == BP_OK)
        *out = issuer;
    else
        bp_issuer_fini(&issuer);
    return st;
}

bp_status bp_issuer_save(const char *dir, enum bp_ca ca, const struct bp_issuer *issuer,
                         struct bp_err *err)
{
    struct bp_buf text = {0};
    char *folder = bp_path_join(dir, bp_ca_name(ca));
    char *cert = bp_authority_path(dir, bp_ca_name(ca), "cert.pem");
    char *key = bp_authority_path(dir, bp_ca_name(ca), "key.pem");
    bp_status st;

    if (folder == NULL || cert == NULL || key == NULL)
        st = bp_fail(err, BP_ENOMEM, "out of memory");
    else if ((st = bp_dir_make(folder, 0700, err)) == BP_OK &&
             (st = bp_key_save(issuer->key, key, err)) == BP_OK &&
             (st = bp_cert_pem(issuer->cert, &text, err)) == BP_OK)
        st = bp_file_write(cert, text.p, text.n, 0644, err);
    bp_buf_fini(&text);
    free(folder);
    free(cert);
    free(key);
    return st;
}

void bp_issuer_fini(struct bp_issuer *issuer)
{
    X509_free(issuer->cert);
    EVP_PKEY_free(issuer->key);
    *issuer = (struct bp_issuer){0};
}

#include "recipient.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

const char *recipient_path(const char *folder, const char *name, const char *what)
{
    static char paths[8][256];
    static unsigned turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s.%s", folder, name, what);
    return path;
}

static EVP_PKEY *key_of(const char *kind)
{
    if (strcmp(kind, "RSA") == 0)
        return EVP_RSA_gen(3072);
    if (strcmp(kind, "ED25519") == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return EVP_EC_gen(kind);
}

void recipient_make(const char *folder, const char *name, const char *kind)
{
    EVP_PKEY *key = key_of(kind);
    X509 *cert = X509_new();
    assert_true(key != NULL && cert != NULL);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 7);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    assert_true(X509_sign(cert, key, strcmp(kind, "ED25519") == 0 ? NULL : EVP_sha256()) > 0);
    FILE *f = fopen(recipient_path(folder, name, "pem"), "w");
    assert_true(f != NULL && PEM_write_X509(f, cert) == 1 && fclose(f) == 0);
    mode_t before = umask(077);
    f = fopen(recipient_path(folder, name, "key"), "w");
    assert_true(f != NULL && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1 &&
                fclose(f) == 0);
    umask(before);
    X509_free(cert);
    EVP_PKEY_free(key);
}

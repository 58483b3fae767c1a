/* The cost of scrypt is 16 MiB and some 0.2 s for each guess: as much memory as every OpenSSL
 * grants when it reads a key, and five passes over it. */
#include "sealed_key.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include "digest.h"

#define SCRYPT_N 16384
#define SCRYPT_R 8
#define SCRYPT_P 5
#define SALT_BYTES 16

static X509_SIG *seal(const EVP_PKEY *key, const struct bp_secret *passphrase)
{
    PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(key);
    uint8_t salt[SALT_BYTES];
    X509_ALGOR *how;
    X509_SIG *sealed = NULL;

    bp_random(salt, sizeof(salt));
    how = PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), salt, sizeof(salt), NULL, SCRYPT_N, SCRYPT_R,
                                SCRYPT_P);
    if (plain != NULL && how != NULL)
        sealed = PKCS8_set0_pbe(passphrase->text, (int)passphrase->n, plain, how);
    if (sealed == NULL)
        X509_ALGOR_free(how); /* else sealed has it */
    PKCS8_PRIV_KEY_INFO_free(plain);
    return sealed;
}

static bool write_sealed(BIO *bio, const EVP_PKEY *key, const struct bp_secret *passphrase)
{
    X509_SIG *sealed = seal(key, passphrase);
    const bool ok = sealed != NULL && PEM_write_bio_PKCS8(bio, sealed) == 1;
    X509_SIG_free(sealed);
    return ok;
}

bp_status bp_sealed_key_encode(const EVP_PKEY *key, const struct bp_secret *passphrase,
                               struct bp_buf *out, struct bp_err *err)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    char *text = NULL;
    long n = 0;
    bp_status st = BP_OK;
    const bool ok = bio != NULL &&
                    (passphrase != NULL
                         ? write_sealed(bio, key, passphrase)
                         : PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
    if (!ok || (n = BIO_get_mem_data(bio, &text)) <= 0)
        st = bp_fail(err, BP_EIO, "the key cannot be encoded: %s", bp_openssl_reason());
    else
        bp_buf_add(out, text, (size_t)n);
    if (text != NULL)
        bp_wipe(text, (size_t)n);
    BIO_free(bio);
    return st == BP_OK && out->failed ? bp_fail(err, BP_ENOMEM, "out of memory") : st;
}

bool bp_sealed_key_is_sealed(struct bp_str pem)
{
    static const char mark[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
    return pem.n != 0 && memmem(pem.p, pem.n, mark, sizeof(mark) - 1) != NULL;
}

static int give_passphrase(char *buffer, int size, int is_write, void *context)
{
    const struct bp_secret *passphrase = context;
    (void)is_write;
    if (size < 0 || passphrase->n > (size_t)size)
        return -1;
    memcpy(buffer, passphrase->text, passphrase->n);
    return (int)passphrase->n;
}

bp_status bp_sealed_key_decode(struct bp_str pem, const struct bp_secret *passphrase,
                               EVP_PKEY **out, struct bp_err *err)
{
    EVP_PKEY *key = NULL;
    BIO *bio;
    if (!bp_sealed_key_is_sealed(pem))
        return bp_private_key_parse(pem, out, err);
    ERR_set_mark();
    if ((bio = BIO_new_mem_buf(pem.p, (int)pem.n)) != NULL)
        key = PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, (void *)(uintptr_t)passphrase);
    BIO_free(bio);
    ERR_pop_to_mark();
    if (key == NULL)
        return bp_fail(err, BP_EAUTH, "this passphrase does not open it");
    *out = key;
    return BP_OK;
}

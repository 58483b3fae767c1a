#include "keys.h"

#include <openssl/ec.h>
#include <openssl/pem.h>

#include "digest.h"
#include "file.h"

bp_status bp_key_make(EVP_PKEY **out, struct bp_err *err)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    if (key == NULL)
        return bp_fail(err, BP_EIO, "no key can be made: %s", bp_openssl_reason());
    *out = key;
    return BP_OK;
}

bp_status bp_key_load(const char *path, EVP_PKEY **out, struct bp_err *err)
{
    struct bp_buf text = {0};
    EVP_PKEY *key = NULL;
    bp_status st = bp_secret_read(path, &text, err);

    if (st == BP_OK) {
        if ((st = bp_private_key_parse(bp_buf_str(&text), &key, err)) == BP_OK)
            st = bp_key_check(key, err);
        if (st != BP_OK)
            bp_fail_in(err, st, "%s", path);
    }
    bp_secret_fini(&text);
    if (st == BP_OK)
        *out = key;
    else
        EVP_PKEY_free(key);
    return st;
}

/* So much is reserved at once, so that no growing leaves a copy of the key behind. */
#define KEY_PEM_MOST 16384

bp_status bp_key_pem(const EVP_PKEY *key, struct bp_buf *out, struct bp_err *err)
{
    char *text = NULL;
    BIO *bio = BIO_new(BIO_s_secmem());
    const bool ok =
        bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;
    const long n = ok ? BIO_get_mem_data(bio, &text) : 0;
    bp_status st = BP_OK;
    if (n <= 0 || n > KEY_PEM_MOST)
        st = bp_fail(err, BP_EIO, "the key cannot be encoded: %s", bp_openssl_reason());
    else if (bp_buf_reserve(out, KEY_PEM_MOST) == NULL)
        st = bp_fail(err, BP_ENOMEM, "out of memory");
    else
        bp_buf_add(out, text, (size_t)n);
    if (text != NULL)
        bp_wipe(text, (size_t)n);
    BIO_free(bio);
    return st;
}

bp_status bp_key_save(const EVP_PKEY *key, const char *path, struct bp_err *err)
{
    struct bp_buf text = {0};
    bp_status st = bp_key_pem(key, &text, err);
    if (st == BP_OK)
        st = bp_file_write(path, text.p, text.n, 0600, err);
    else
        bp_fail_in(err, st, "%s", path);
    bp_secret_fini(&text);
    return st;
}

bp_status bp_key_obtain(const char *path, EVP_PKEY **out, bool *is_new, struct bp_err *err)
{
    bp_status st = bp_key_load(path, out, err);
    *is_new = st == BP_ENOENT;
    if (st != BP_ENOENT)
        return st;
    if ((st = bp_key_make(out, err)) != BP_OK)
        return st;
    if ((st = bp_key_save(*out, path, err)) != BP_OK) {
        EVP_PKEY_free(*out);
        *out = NULL;
    }
    return st;
}

const EVP_MD *bp_key_digest(const EVP_PKEY *key)
{
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();
}

/* Takes bio, into which the object was written if ok. */
static bp_status take_text(BIO *bio, bool ok, struct bp_buf *out, struct bp_err *err)
{
    char *text;
    const long n = ok ? BIO_get_mem_data(bio, &text) : 0;
    if (n > 0)
        bp_buf_add(out, text, (size_t)n);
    BIO_free(bio);
    return n > 0 && !out->failed ? BP_OK : bp_fail(err, BP_ENOMEM, "out of memory");
}

bp_status bp_request_pem(const X509_REQ *request, struct bp_buf *out, struct bp_err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    return take_text(bio, bio != NULL && PEM_write_bio_X509_REQ(bio, request) == 1, out, err);
}

bp_status bp_crl_pem(const X509_CRL *crl, struct bp_buf *out, struct bp_err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    return take_text(bio, bio != NULL && PEM_write_bio_X509_CRL(bio, crl) == 1, out, err);
}

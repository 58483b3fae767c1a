#include "sealer.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "certificate.h"
#include "file.h"
#include "page_cipher.h"

struct bp_sealer {
    struct page_cipher cipher;
};

/* PKCS #1 v1.5, OpenSSL's default for RSA, has been broken too often. */
static bool set_padding(CMS_RecipientInfo *recipient, const EVP_PKEY *key)
{
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
        return true;
    EVP_PKEY_CTX *context = CMS_RecipientInfo_get0_pkey_ctx(recipient);
    return context != NULL && EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) > 0;
}

/* Appends the key, enveloped for the certificate. */
static bool envelop(X509 *recipient, const uint8_t *key, struct bp_buf *out)
{
    unsigned flags = CMS_BINARY | CMS_PARTIAL | CMS_STREAM;
    bool is_done = false;
    BIO *content = BIO_new_mem_buf(key, PAGE_KEY_BYTES);
    CMS_ContentInfo *cms = CMS_encrypt(NULL, NULL, EVP_aes_256_gcm(), flags);
    CMS_RecipientInfo *who =
        cms == NULL ? NULL : CMS_add1_recipient_cert(cms, recipient, CMS_KEY_PARAM);
    if (content != NULL && who != NULL && set_padding(who, X509_get0_pubkey(recipient)) &&
        CMS_final(cms, content, NULL, flags) == 1) {
        uint8_t *der = NULL;
        int n = i2d_CMS_ContentInfo(cms, &der);
        if (n > 0)
            bp_buf_add(out, der, (size_t)n);
        is_done = n > 0 && !out->failed;
        OPENSSL_free(der);
    }
    CMS_ContentInfo_free(cms);
    BIO_free(content);
    return is_done;
}

static bp_status check_recipient(const char *path, X509 *recipient, struct bp_err *err)
{
    struct bp_err why;
    const EVP_PKEY *key = X509_get0_pubkey(recipient);
    if (key == NULL || bp_key_check(key, &why) != BP_OK)
        return bp_fail(err, BP_EINVAL, "%s: %s", path, key == NULL ? "unknown key" : why.text);
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519)
        return bp_fail(err, BP_EINVAL,
                       "%s: nothing can be encrypted for an Ed25519 key; take P-256, P-384 or RSA",
                       path);
    return BP_OK;
}

static bp_status load_recipient(const char *path, X509 **out, struct bp_err *err)
{
    struct bp_buf pem = {0};
    struct bp_err why;
    bp_status st = bp_file_read(path, BP_PEM_MOST_BYTES, &pem, err);
    if (st == BP_OK && (st = bp_certificate_parse(bp_buf_str(&pem), out, &why)) != BP_OK)
        st = bp_fail(err, st, "%s: %s", path, why.text);
    bp_buf_fini(&pem);
    if (st == BP_OK && (st = check_recipient(path, *out, err)) != BP_OK)
        X509_free(*out);
    return st;
}

static bp_status put_header(struct bp_sealer *s, X509 *recipient, struct bp_buf *out)
{
    struct bp_buf body = {0};
    struct bp_sealed_piece header;
    size_t begin = out->n;
    bp_buf_add_str(&body, SEALED_MAGIC);
    bool is_done = envelop(recipient, s->cipher.key, &body);
    if (is_done)
        bp_sealed_piece_put(out, BP_SEALED_HEADER, bp_buf_str(&body));
    bp_buf_fini(&body);
    if (!is_done || out->failed)
        return is_done ? BP_ENOMEM : BP_EIO;
    BP_ASSERT(bp_sealed_piece_check(bp_str_of(out->p + begin, out->n - begin), &header) == BP_OK);
    memcpy(s->cipher.header, header.digest, sizeof(header.digest));
    return BP_OK;
}

bp_status bp_sealer_create(const char *recipient_path, struct bp_buf *out,
                           struct bp_sealer **sealer, struct bp_err *err)
{
    X509 *recipient = NULL;
    bp_status st = load_recipient(recipient_path, &recipient, err);
    if (st != BP_OK)
        return st;
    struct bp_sealer *s = calloc(1, sizeof(*s));
    (void)ERR_set_mark();
    if (s == NULL || (s->cipher.context = EVP_CIPHER_CTX_new()) == NULL) {
        st = bp_fail(err, BP_ENOMEM, "sealing: out of memory");
    } else {
        bp_random(s->cipher.key, sizeof(s->cipher.key));
        st = put_header(s, recipient, out);
        if (st != BP_OK)
            (void)bp_fail(err, st, "%s: cannot seal for it: %s", recipient_path,
                          bp_openssl_reason());
    }
    (void)ERR_pop_to_mark();
    X509_free(recipient);
    if (st == BP_OK)
        *sealer = s;
    else
        bp_sealer_destroy(s);
    return st;
}

void bp_sealer_destroy(struct bp_sealer *s)
{
    if (s == NULL)
        return;
    EVP_CIPHER_CTX_free(s->cipher.context);
    bp_wipe(s->cipher.key, sizeof(s->cipher.key));
    free(s);
}

/* Content and tag, to `to`, which has room for both. */
static bool seal(struct page_cipher *c, enum bp_sealed_kind kind, struct bp_str content,
                 uint8_t *to)
{
    int n = 0, rest = 0;
    return page_cipher_begin(c, kind, 1) &&
           EVP_CipherUpdate(c->context, to, &n, (const uint8_t *)content.p, (int)content.n) == 1 &&
           EVP_CipherFinal_ex(c->context, to + n, &rest) == 1 &&
           EVP_CIPHER_CTX_ctrl(c->context, EVP_CTRL_GCM_GET_TAG, PAGE_TAG_BYTES, to + content.n) ==
               1;
}

bp_status bp_sealer_page(struct bp_sealer *s, struct bp_str content, bool is_last,
                         struct bp_buf *out)
{
    enum bp_sealed_kind kind = is_last ? BP_SEALED_LAST : BP_SEALED_PAGE;
    struct bp_buf body = {0};
    BP_ASSERT(!s->cipher.is_complete);
    if (content.n > BP_SEALED_PAGE_MAX)
        return BP_ETOOLARGE;
    uint8_t *to = bp_buf_reserve(&body, content.n + PAGE_TAG_BYTES);
    if (to == NULL)
        return BP_ENOMEM;
    bool is_sealed = seal(&s->cipher, kind, content, to);
    body.n = content.n + PAGE_TAG_BYTES;
    if (is_sealed)
        bp_sealed_piece_put(out, kind, bp_buf_str(&body));
    bp_buf_fini(&body);
    if (!is_sealed || out->failed)
        return is_sealed ? BP_ENOMEM : BP_EIO;
    s->cipher.page++;
    s->cipher.is_complete = is_last;
    return BP_OK;
}

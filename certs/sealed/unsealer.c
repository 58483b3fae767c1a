#include "unsealer.h"

#include <openssl/cms.h>
#include <openssl/err.h>

#include "certificate.h"
#include "page_cipher.h"

struct bp_unsealer {
    struct page_cipher cipher;
};

static bp_status load_key(const char *path, EVP_PKEY **out, struct bp_err *err)
{
    struct bp_buf pem = {0};
    struct bp_err why;
    bp_status st = bp_secret_read(path, &pem, err);
    if (st == BP_OK && (st = bp_private_key_parse(bp_buf_str(&pem), out, &why)) != BP_OK)
        st = bp_fail(err, st, "%s: %s", path, why.text);
    if (pem.p != NULL)
        bp_wipe(pem.p, pem.n);
    bp_buf_fini(&pem);
    return st;
}

/* The 32 bytes enveloped in der; false: for another key, or not these. */
static bool open_envelope(struct bp_str der, EVP_PKEY *key, uint8_t out[PAGE_KEY_BYTES])
{
    const uint8_t *p = (const uint8_t *)der.p;
    char *opened = NULL;
    bool is_open = false;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)der.n);
    BIO *content = BIO_new(BIO_s_mem());
    if (cms != NULL && content != NULL &&
        CMS_decrypt(cms, key, NULL, NULL, content, CMS_BINARY) == 1) {
        is_open = BIO_get_mem_data(content, &opened) == PAGE_KEY_BYTES;
        if (is_open)
            memcpy(out, opened, PAGE_KEY_BYTES);
        if (opened != NULL)
            bp_wipe(opened, (size_t)BIO_pending(content));
    }
    BIO_free(content);
    CMS_ContentInfo_free(cms);
    return is_open;
}

static bp_status open_header(struct bp_unsealer *u, struct bp_str body, const char *key_path,
                             struct bp_err *err)
{
    EVP_PKEY *key = NULL;
    bp_status st = load_key(key_path, &key, err);
    if (st != BP_OK)
        return st;
    struct bp_str envelope = bp_str_of(body.p + SEALED_MAGIC.n, body.n - SEALED_MAGIC.n);
    (void)ERR_set_mark();
    bool is_open = open_envelope(envelope, key, u->cipher.key);
    (void)ERR_pop_to_mark();
    EVP_PKEY_free(key);
    return is_open ? BP_OK
                   : bp_fail(err, BP_EAUTH, "%s: the file is sealed for another key", key_path);
}

bp_status bp_unsealer_create(const struct bp_sealed_piece *header, const char *key_path,
                             struct bp_unsealer **out, struct bp_err *err)
{
    struct bp_str magic = SEALED_MAGIC;
    if (header->kind != BP_SEALED_HEADER || header->body.n < magic.n ||
        memcmp(header->body.p, magic.p, magic.n) != 0)
        return bp_fail(err, BP_EINVAL, "not a sealed file, or of a newer version");
    struct bp_unsealer *u = calloc(1, sizeof(*u));
    if (u == NULL || (u->cipher.context = EVP_CIPHER_CTX_new()) == NULL) {
        bp_unsealer_destroy(u);
        return bp_fail(err, BP_ENOMEM, "opening a sealed file: out of memory");
    }
    memcpy(u->cipher.header, header->digest, sizeof(header->digest));
    bp_status st = open_header(u, header->body, key_path, err);
    if (st == BP_OK)
        *out = u;
    else
        bp_unsealer_destroy(u);
    return st;
}

void bp_unsealer_destroy(struct bp_unsealer *u)
{
    if (u == NULL)
        return;
    EVP_CIPHER_CTX_free(u->cipher.context);
    bp_wipe(u->cipher.key, sizeof(u->cipher.key));
    free(u);
}

static bool unseal(struct page_cipher *c, enum bp_sealed_kind kind, struct bp_str body, uint8_t *to)
{
    int n = 0, rest = 0;
    size_t content = body.n - PAGE_TAG_BYTES;
    const uint8_t *p = (const uint8_t *)body.p;
    return page_cipher_begin(c, kind, 0) &&
           EVP_CipherUpdate(c->context, to, &n, p, (int)content) == 1 &&
           EVP_CIPHER_CTX_ctrl(c->context, EVP_CTRL_GCM_SET_TAG, PAGE_TAG_BYTES,
                               (void *)(uintptr_t)(p + content)) == 1 &&
           EVP_CipherFinal_ex(c->context, to + n, &rest) == 1;
}

bp_status bp_unsealer_page(struct bp_unsealer *u, const struct bp_sealed_piece *piece,
                           struct bp_buf *out)
{
    struct bp_str body = piece->body;
    bp_buf_clear(out);
    if (u->cipher.is_complete || piece->kind == BP_SEALED_HEADER || body.n < PAGE_TAG_BYTES)
        return BP_ECORRUPT;
    uint8_t *to = bp_buf_reserve(out, body.n);
    if (to == NULL)
        return BP_ENOMEM;
    if (!unseal(&u->cipher, piece->kind, body, to))
        return BP_ECORRUPT;
    out->n = body.n - PAGE_TAG_BYTES;
    u->cipher.page++;
    u->cipher.is_complete = piece->kind == BP_SEALED_LAST;
    return BP_OK;
}

bool bp_unsealer_is_complete(const struct bp_unsealer *u)
{
    return u->cipher.is_complete;
}

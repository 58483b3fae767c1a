/* What sealing and unsealing have in common: how a page is bound to its file and place. */
#ifndef BERBAGI_PAGE_CIPHER_H
#define BERBAGI_PAGE_CIPHER_H

#include <endian.h>
#include <openssl/evp.h>

#include "sealed_piece.h"

#define SEALED_MAGIC BP_STR("BERBAGI SEALED 1")
#define PAGE_KEY_BYTES 32
#define PAGE_NONCE_BYTES 12
#define PAGE_TAG_BYTES 16

struct page_cipher {
    EVP_CIPHER_CTX *context;
    uint8_t key[PAGE_KEY_BYTES];
    uint8_t header[BP_SHA256_BYTES]; /* its digest */
    uint64_t page;                   /* number of the next one, from 0 */
    bool is_complete;                /* the last one is done */
};

/* Sets the cipher to the next page: key, nonce and what is authenticated besides. */
static inline bool page_cipher_begin(struct page_cipher *c, enum bp_sealed_kind kind, int encrypts)
{
    uint8_t nonce[PAGE_NONCE_BYTES] = {0}, kind_byte = (uint8_t)kind;
    uint64_t number = htobe64(c->page);
    int n;
    memcpy(nonce + 4, &number, sizeof(number));
    return EVP_CipherInit_ex(c->context, EVP_aes_256_gcm(), NULL, c->key, nonce, encrypts) == 1 &&
           EVP_CipherUpdate(c->context, NULL, &n, c->header, sizeof(c->header)) == 1 &&
           EVP_CipherUpdate(c->context, NULL, &n, &kind_byte, 1) == 1;
}

#endif

#include "digest.h"

#include <errno.h>
#include <pthread.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

static EVP_MD *fetched;

static void fetch(void)
{
    fetched = EVP_MD_fetch(NULL, "SHA2-256", NULL);
    BP_ASSERT(fetched != NULL);
}

/* EVP_sha256() would have the provider looked for with every hash, for as long as a short text takes.
 * Never freed: until the end of the process somebody may hash. */
static const EVP_MD *sha256(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, fetch);
    return fetched;
}

void bp_sha256(const void *p, size_t n, uint8_t out[BP_SHA256_BYTES])
{
    BP_ASSERT(EVP_Digest(p, n, out, NULL, sha256(), NULL) == 1);
}

/* RFC 2104 over EVP_Digest: a context for each hash costs less than fetching an EVP_MAC. */
void bp_hmac_sha256(const void *key, size_t key_n, const struct bp_str *parts, size_t n,
                    uint8_t out[BP_SHA256_BYTES])
{
    uint8_t block[64] = {0}, pad[64], inner[BP_SHA256_BYTES];
    if (key_n > sizeof(block))
        bp_sha256(key, key_n, block);
    else if (key_n != 0)
        memcpy(block, key, key_n);

    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    BP_ASSERT(hash != NULL);
    for (size_t i = 0; i < sizeof(pad); i++)
        pad[i] = block[i] ^ 0x36;
    BP_ASSERT(EVP_DigestInit_ex(hash, sha256(), NULL) == 1 &&
              EVP_DigestUpdate(hash, pad, sizeof(pad)) == 1);
    for (size_t i = 0; i < n; i++)
        BP_ASSERT(EVP_DigestUpdate(hash, parts[i].p, parts[i].n) == 1);
    BP_ASSERT(EVP_DigestFinal_ex(hash, inner, NULL) == 1);

    for (size_t i = 0; i < sizeof(pad); i++)
        pad[i] = block[i] ^ 0x5C;
    BP_ASSERT(EVP_DigestInit_ex(hash, sha256(), NULL) == 1 &&
              EVP_DigestUpdate(hash, pad, sizeof(pad)) == 1 &&
              EVP_DigestUpdate(hash, inner, sizeof(inner)) == 1 &&
              EVP_DigestFinal_ex(hash, out, NULL) == 1);
    EVP_MD_CTX_free(hash);
    bp_wipe(block, sizeof(block));
    bp_wipe(pad, sizeof(pad));
}

void bp_random(void *out, size_t n)
{
    uint8_t *p = out;
    while (n != 0) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        BP_ASSERT(got > 0);
        p += got;
        n -= (size_t)got;
    }
}

bool bp_equal_in_constant_time(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}

void bp_wipe(void *p, size_t n)
{
    OPENSSL_cleanse(p, n);
}

void bp_base32_crockford(const uint8_t *p, size_t chars, char *out)
{
    static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    for (size_t i = 0; i < chars; i++) {
        size_t bit = i * 5, byte = bit / 8, shift = bit % 8;
        unsigned window = (unsigned)p[byte] << 8;
        if (shift > 3) /* the five bits run into the next byte */
            window |= p[byte + 1];
        out[i] = alphabet[window >> (11 - shift) & 31];
    }
    out[chars] = '\0';
}

void bp_hex(const uint8_t *p, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * n] = '\0';
}

void bp_uuid_v8(const uint8_t p[16], char out[37])
{
    uint8_t b[16];
    char hex[33];
    memcpy(b, p, sizeof(b));
    b[6] = (uint8_t)((b[6] & 0x0F) | 0x80);
    b[8] = (uint8_t)((b[8] & 0x3F) | 0x80);
    bp_hex(b, sizeof(b), hex);
    size_t n = 0;
    for (size_t i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            out[n++] = '-';
        out[n++] = hex[i];
    }
    out[n] = '\0';
}

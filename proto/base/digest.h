/* SHA-256, HMAC-SHA-256 (RFC 2104), random bytes and the text forms made of them. OpenSSL does the
 * work; none of its types shows. Any thread. */
#ifndef BERBAGI_DIGEST_H
#define BERBAGI_DIGEST_H

#include "error.h"
#include "text.h"

#define BP_SHA256_BYTES 32

void bp_sha256(const void *p, size_t n, uint8_t out[BP_SHA256_BYTES]);

/* Hash of the n parts, one behind the other; a key of key_n bytes. */
void bp_hmac_sha256(const void *key, size_t key_n, const struct bp_str *parts, size_t n,
                    uint8_t out[BP_SHA256_BYTES]);

/* From the operating system's generator. Aborts if there is none: nothing here may go on without.
 */
void bp_random(void *out, size_t n);

/* Equal in a time that depends on n alone. */
bool bp_equal_in_constant_time(const void *a, const void *b, size_t n);

/* Overwrites in a way that no optimizer removes. */
void bp_wipe(void *p, size_t n);

/* Crockford's base 32 in capitals: the first 5 bits of p first; chars characters and a NUL. p holds
 * at least chars * 5 / 8 bytes, rounded up. */
void bp_base32_crockford(const uint8_t *p, size_t chars, char *out);

/* Lower-case hexadecimal, 2n characters and a NUL. */
void bp_hex(const uint8_t *p, size_t n, char *out);

/* A UUID of version 8 (RFC 9562, custom: a hash) made of 16 bytes: 36 characters and a NUL. */
void bp_uuid_v8(const uint8_t p[16], char out[37]);

#endif

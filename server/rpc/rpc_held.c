/* gRPC offers no hook between the handshake and the first call; a context of OpenSSL can be given what
 * verifies instead of X509_verify_cert. */
#include "rpc_held.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <string.h>

#include "clock.h"

/* Where more are held at a time, the one that is over first goes. */
#define HELD 64

struct held {
    unsigned char digest[EVP_MAX_MD_SIZE];
    int64_t until_ms; /* of the system's monotonic clock; 0: free */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards held; a leaf */
static struct held held[HELD];

static bool digest_of(const X509 *cert, unsigned char out[EVP_MAX_MD_SIZE])
{
    memset(out, 0, EVP_MAX_MD_SIZE);
    return X509_digest(cert, EVP_sha256(), out, NULL) == 1;
}

static bool is_held(const unsigned char digest[EVP_MAX_MD_SIZE])
{
    bool found = false;
    int64_t now_ms = bp_monotonic_ms(&bp_system_clock);
    (void)pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < HELD && !found; i++)
        found = held[i].until_ms > now_ms && memcmp(held[i].digest, digest, EVP_MAX_MD_SIZE) == 0;
    (void)pthread_mutex_unlock(&lock);
    return found;
}

static int verify(X509_STORE_CTX *context, void *unused)
{
    (void)unused;
    unsigned char digest[EVP_MAX_MD_SIZE];
    const X509 *cert = X509_STORE_CTX_get0_cert(context);
    if (cert == NULL || !digest_of(cert, digest) || !is_held(digest))
        return X509_verify_cert(context);
    X509_STORE_CTX_set_error(context, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

void bp_rpc_held_ask(struct ssl_ctx_st *context)
{
    SSL_CTX_set_cert_verify_callback(context, verify, NULL);
}

static void hold(const unsigned char digest[EVP_MAX_MD_SIZE])
{
    struct held *at = &held[0];
    (void)pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < HELD; i++) {
        if (memcmp(held[i].digest, digest, EVP_MAX_MD_SIZE) == 0) {
            at = &held[i];
            break;
        }
        if (held[i].until_ms < at->until_ms)
            at = &held[i];
    }
    memcpy(at->digest, digest, EVP_MAX_MD_SIZE);
    at->until_ms = bp_monotonic_ms(&bp_system_clock) + BP_RPC_HELD_MS;
    (void)pthread_mutex_unlock(&lock);
}

void bp_rpc_hold(struct bp_str pem)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
    X509 *cert = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    if (cert != NULL && digest_of(cert, digest))
        hold(digest);
    X509_free(cert);
    BIO_free(bio);
}

/* TLS for the whole process (bp_rpc_init) and for a listener. gRPC fixes the least version at
 * TLS 1.2 and offers no setting for it; OpenSSL's own configuration, applied to every SSL_CTX at
 * its birth, does. */
#include "rpc_tls.h"

#include <grpc/grpc.h>
#include <openssl/conf.h>
#include <openssl/ssl.h>

#include "abseil.h"
#include "rpc.h"
#include "rpc_accept.h"
#include "rpc_held.h"
#include "rpc_log.h"

static const char openssl_settings[] = "berbagi = modules\n"
                                       "[modules]\n"
                                       "ssl_conf = contexts\n"
                                       "[contexts]\n"
                                       "system_default = every_context\n"
                                       "[every_context]\n"
                                       "Protocol = -TLSv1.2\n"
                                       "Options = -SessionTicket\n";

static bool settings_load(void)
{
    CONF *conf = NCONF_new(NULL);
    BIO *text = BIO_new_mem_buf(openssl_settings, -1);
    long line = 0;
    bool ok = conf != NULL && text != NULL && NCONF_load_bio(conf, text, &line) > 0 &&
              CONF_modules_load(conf, "berbagi", 0) > 0;
    BIO_free(text);
    NCONF_free(conf);
    return ok;
}

/* Looks at what a new context would do, so that a change in the library cannot open TLS 1.2 unseen.
 */
static bool settings_hold(void)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    if (ctx == NULL)
        return false;
    uint64_t options = SSL_CTX_get_options(ctx);
    SSL_CTX_free(ctx);
    return (options & SSL_OP_NO_TLSv1_2) != 0 && (options & SSL_OP_NO_TICKET) != 0;
}

/* The system's configuration is never loaded: it could say otherwise, and loaded first it leaves
 * OpenSSL's end without what it is to free. */
bp_status bp_rpc_restrict_tls(struct bp_err *err)
{
    static bool is_done;
    if (is_done)
        return BP_OK;
    if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
        return bp_fail(err, BP_EIO, "OpenSSL does not start");
    if (!settings_load() || !settings_hold())
        return bp_fail(err, BP_EIO, "OpenSSL does not take the restriction to TLS 1.3");
    is_done = true;
    return BP_OK;
}

/* Called by OpenSSL in SSL_CTX_new, on any thread. Neither gRPC nor OpenSSL's configuration has a
 * setting for what is done here. A connection with nothing under way keeps no record buffers, which are
 * 33 KB. */
static void on_new_context(void *context, void *data, CRYPTO_EX_DATA *slots, int slot, long number,
                           void *pointer)
{
    (void)data;
    (void)slots;
    (void)slot;
    (void)number;
    (void)pointer;
    (void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    bp_rpc_held_ask(context);
}

/* OpenSSL tells of a new context whoever reserves a place in it for data of his own. */
static bool hear_of_contexts(void)
{
    return CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL_CTX, 0, NULL, on_new_context, NULL, NULL) >=
           0;
}

bp_status bp_rpc_init(struct bp_err *err)
{
    bp_status st = bp_rpc_restrict_tls(err);
    if (st != BP_OK)
        return st;
    if ((st = bp_rpc_keep_descriptor(err)) != BP_OK)
        return st;
    if (!hear_of_contexts())
        return bp_fail(err, BP_ENOMEM, "OpenSSL: out of memory");
    bp_rpc_log_install();
    (void)bp_abseil_stop_deadlock_search();
    grpc_init();
    return BP_OK;
}

void bp_rpc_fini(void)
{
    grpc_shutdown_blocking();
}

void bp_rpc_tls_init(struct bp_rpc_tls *tls, const struct bp_credentials *credentials)
{
    pthread_mutex_init(&tls->lock, NULL);
    tls->current = credentials;
    tls->fetched = false;
}

void bp_rpc_tls_fini(struct bp_rpc_tls *tls)
{
    pthread_mutex_destroy(&tls->lock);
}

void bp_rpc_tls_set(struct bp_rpc_tls *tls, const struct bp_credentials *credentials)
{
    pthread_mutex_lock(&tls->lock);
    tls->current = credentials;
    tls->fetched = false;
    pthread_mutex_unlock(&tls->lock);
}

static grpc_ssl_server_certificate_config *config_of(const struct bp_credentials *credentials)
{
    grpc_ssl_pem_key_cert_pair pair = {
        .private_key = bp_credentials_key_pem(credentials),
        .cert_chain = bp_credentials_cert_pem(credentials),
    };
    return grpc_ssl_server_certificate_config_create(bp_credentials_ca_pem(credentials), &pair, 1);
}

static grpc_ssl_certificate_config_reload_status fetch(void *context,
                                                       grpc_ssl_server_certificate_config **config)
{
    struct bp_rpc_tls *tls = context;
    grpc_ssl_certificate_config_reload_status status = GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    pthread_mutex_lock(&tls->lock);
    if (!tls->fetched) {
        *config = config_of(tls->current);
        tls->fetched = true;
        status = GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
    }
    pthread_mutex_unlock(&tls->lock);
    return status;
}

grpc_server_credentials *bp_rpc_tls_server_credentials(struct bp_rpc_tls *tls)
{
    return grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(
            GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY, fetch, tls));
}

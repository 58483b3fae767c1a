/* The proof that a set of credentials serves: a gRPC listener made as the server's is, with a
 * fetcher of its own, and OpenSSL as the client. That is the code and the settings that a
 * connection of tomorrow meets; a handshake of OpenSSL with itself would leave out what gRPC makes
 * of the same files. The listener is on an abstract socket under a random name, so no port is
 * opened, and it has no methods.
 *
 * One thread does both sides in turn, as gRPC moves only while somebody waits on its queue. A
 * client certificate cannot be shown, because there is none that serves as one: the client's side
 * of the handshake is over before the server asks for its, and by then the server has shown its
 * certificate, proved the key, chosen TLS 1.3 and HTTP/2, and named the CAs it accepts. What the
 * client would say last is not sent, so that the server sees a connection closed and not a client
 * without a certificate, which it would log. */
#include "rpc_internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "digest.h"
#include "rpc_log.h"

#define PROOF_MS 5000
#define TURN_MS 5

/* --- the server's side --- */

struct listener {
    struct bp_rpc_tls tls;
    grpc_completion_queue *queue;
    grpc_server *server;
    char name[48];
};

static gpr_timespec in_ms(int ms)
{
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(ms, GPR_TIMESPAN));
}

static bool listener_open(struct listener *l, const struct bp_credentials *credentials)
{
    uint64_t random[2];
    char address[80];
    bp_random(random, sizeof(random));
    (void)snprintf(l->name, sizeof(l->name), "berbagid-%016llx%016llx",
                   (unsigned long long)random[0], (unsigned long long)random[1]);
    (void)snprintf(address, sizeof(address), "unix-abstract:%s", l->name);
    bp_rpc_tls_init(&l->tls, credentials);
    l->queue = grpc_completion_queue_create_for_next(NULL);
    l->server = grpc_server_create(NULL, NULL);
    grpc_server_register_completion_queue(l->server, l->queue, NULL);
    grpc_server_credentials *c = bp_rpc_tls_server_credentials(&l->tls);
    bool bound = grpc_server_add_http2_port(l->server, address, c) > 0;
    grpc_server_credentials_release(c);
    grpc_server_start(l->server);
    return bound;
}

static void listener_close(struct listener *l)
{
    grpc_server_shutdown_and_notify(l->server, l->queue, l);
    grpc_server_cancel_all_calls(l->server);
    while (grpc_completion_queue_next(l->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL).tag != l)
        ;
    grpc_server_destroy(l->server);
    grpc_completion_queue_shutdown(l->queue);
    while (grpc_completion_queue_next(l->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL).type !=
           GRPC_QUEUE_SHUTDOWN)
        ;
    grpc_completion_queue_destroy(l->queue);
    bp_rpc_tls_fini(&l->tls);
}

/* --- the client's side --- */

struct client {
    SSL_CTX *ctx;
    SSL *ssl; /* owns both below: its bytes pass through our hands */
    BIO *in, *out;
    int fd;
};

/* Adds every CA of the bundle to what the client believes; returns their number, -1 on failure. */
static int believe(SSL_CTX *ctx, const char *ca_pem)
{
    int n = 0;
    BIO *bio = BIO_new_mem_buf(ca_pem, -1);
    X509 *ca;
    while (bio != NULL && n >= 0 && (ca = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        n = X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca) == 1 ? n + 1 : -1;
        X509_free(ca);
    }
    BIO_free(bio);
    return n;
}

static bool client_connect(struct client *c, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t n = strlen(name);
    memcpy(address.sun_path + 1, name, n);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return c->fd >= 0 && connect(c->fd, (const struct sockaddr *)&address,
                                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n)) == 0;
}

static bp_status client_open(struct client *c, const char *name, const char *ca_pem,
                             struct bp_err *err)
{
    static const unsigned char protocols[] = {2, 'h', '2'};
    if (!client_connect(c, name))
        return bp_fail(err, BP_EIO, "the proof of the new set: no connection to itself");
    if ((c->ctx = SSL_CTX_new(TLS_client_method())) == NULL || believe(c->ctx, ca_pem) <= 0 ||
        SSL_CTX_set_min_proto_version(c->ctx, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_alpn_protos(c->ctx, protocols, sizeof(protocols)) != 0)
        return bp_fail(err, BP_ENOMEM, "the proof of the new set: out of memory");
    SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
    c->ssl = SSL_new(c->ctx);
    c->in = BIO_new(BIO_s_mem());
    c->out = BIO_new(BIO_s_mem());
    if (c->ssl == NULL || c->in == NULL || c->out == NULL) {
        BIO_free(c->in);
        BIO_free(c->out);
        return bp_fail(err, BP_ENOMEM, "the proof of the new set: out of memory");
    }
    SSL_set_bio(c->ssl, c->in, c->out);
    SSL_set_connect_state(c->ssl);
    return BP_OK;
}

/* What OpenSSL wants to say, to the server. A handshake's first flight fits into any socket. */
static bool client_say(struct client *c)
{
    char *p = NULL;
    long n = BIO_get_mem_data(c->out, &p);
    ssize_t sent = n > 0 ? send(c->fd, p, (size_t)n, MSG_NOSIGNAL) : 0;
    (void)BIO_reset(c->out);
    return sent == n;
}

/* What the server said, to OpenSSL. False: it closed the connection. */
static bool client_hear(struct client *c)
{
    char bytes[16384];
    ssize_t n = recv(c->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (n > 0)
        return BIO_write(c->in, bytes, (int)n) == n;
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

static void client_close(struct client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->ctx);
    if (c->fd >= 0)
        (void)close(c->fd);
}

static bp_status fail_handshake(const SSL *ssl, struct bp_err *err)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    long verdict = SSL_get_verify_result(ssl);
    if (verdict != X509_V_OK)
        reason = X509_verify_cert_error_string(verdict);
    return bp_fail(err, BP_EINVAL, "a handshake with the new set fails: %s",
                   reason != NULL ? reason : "the server closes the connection");
}

/* Turn by turn until the client's side is done. */
static bp_status shake_hands(struct listener *l, struct client *c, struct bp_err *err)
{
    gpr_timespec end = in_ms(PROOF_MS);
    for (;;) {
        ERR_clear_error();
        int done = SSL_do_handshake(c->ssl);
        if (done == 1)
            return BP_OK;
        if (SSL_get_error(c->ssl, done) != SSL_ERROR_WANT_READ || !client_say(c) || !client_hear(c))
            return fail_handshake(c->ssl, err);
        if (gpr_time_cmp(gpr_now(GPR_CLOCK_MONOTONIC), end) > 0)
            return bp_fail(err, BP_EIO, "a handshake with the new set was not over in %d s",
                           PROOF_MS / 1000);
        (void)grpc_completion_queue_next(l->queue, in_ms(TURN_MS), NULL);
    }
}

static bool shows(const SSL *ssl, const char *cert_pem)
{
    BIO *bio = BIO_new_mem_buf(cert_pem, -1);
    X509 *own = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    const X509 *shown = SSL_get0_peer_certificate(ssl);
    bool same = own != NULL && shown != NULL && X509_cmp(own, shown) == 0;
    X509_free(own);
    BIO_free(bio);
    return same;
}

/* Is each CA of the bundle among those the server takes client certificates of? */
static bool asks_for(const SSL *ssl, const char *ca_pem)
{
    const STACK_OF(X509_NAME) *asked = SSL_get0_peer_CA_list(ssl);
    BIO *bio = BIO_new_mem_buf(ca_pem, -1);
    bool all = bio != NULL;
    X509 *ca;
    while (all && (ca = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        bool found = false;
        for (int i = 0; i < sk_X509_NAME_num(asked) && !found; i++)
            found = X509_NAME_cmp(sk_X509_NAME_value(asked, i), X509_get_subject_name(ca)) == 0;
        X509_free(ca);
        all = found;
    }
    BIO_free(bio);
    return all;
}

static bp_status look_at(const SSL *ssl, const struct bp_credentials *credentials,
                         struct bp_err *err)
{
    const unsigned char *protocol = NULL;
    unsigned n = 0;
    SSL_get0_alpn_selected(ssl, &protocol, &n);
    if (SSL_version(ssl) != TLS1_3_VERSION || n != 2 || memcmp(protocol, "h2", 2) != 0)
        return bp_fail(err, BP_EINVAL, "a handshake with the new set is not TLS 1.3 with HTTP/2");
    if (!shows(ssl, bp_credentials_cert_pem(credentials)))
        return bp_fail(err, BP_EINVAL, "a handshake with the new set shows another certificate");
    if (!asks_for(ssl, bp_credentials_ca_pem(credentials)))
        return bp_fail(err, BP_EINVAL,
                       "a handshake with the new set asks for clients of other authorities");
    return BP_OK;
}

bp_status bp_rpc_prove(const struct bp_credentials *credentials, struct bp_err *err)
{
    struct listener l = {.server = NULL};
    struct client c = {.fd = -1};
    bp_status st;
    ERR_set_mark();
    bp_rpc_log_quiet(true); /* what is wrong is returned */
    if (!listener_open(&l, credentials))
        st = bp_fail(err, BP_EINVAL, "gRPC does not take the new set");
    else
        st = client_open(&c, l.name, bp_credentials_ca_pem(credentials), err);
    if (st == BP_OK)
        st = shake_hands(&l, &c, err);
    if (st == BP_OK)
        st = look_at(c.ssl, credentials, err);
    client_close(&c);
    listener_close(&l);
    bp_rpc_log_quiet(false);
    ERR_pop_to_mark();
    return st;
}

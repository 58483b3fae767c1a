/* Who may call, looked at for every call and, once it is open, again and again. Deny by default:
 * what cannot be read is refused. */
#include "rpc_internal.h"

#include <grpc/support/alloc.h>

#include "log.h"
#include "rpc_held.h"
#include "rpc_intake.h"
#include "rpc_payload.h"

/* The certificate of the other side as gRPC verified it; empty if there is not exactly one. Lives
 * as long as the context. */
static struct bp_str certificate_pem(const grpc_auth_context *context)
{
    grpc_auth_property_iterator it =
        grpc_auth_context_find_properties_by_name(context, GRPC_X509_PEM_CERT_PROPERTY_NAME);
    const grpc_auth_property *only = grpc_auth_property_iterator_next(&it);
    if (only == NULL || grpc_auth_property_iterator_next(&it) != NULL)
        return BP_STR("");
    return bp_str_of(only->value, only->value_length);
}

static struct bp_rpc_certificate *find_certificate(struct bp_rpc_call *c)
{
    grpc_auth_context *context = grpc_call_auth_context(c->grpc);
    if (context == NULL)
        return NULL;
    struct bp_str pem = certificate_pem(context);
    struct bp_rpc_certificate *found = NULL;
    if (grpc_auth_context_peer_is_authenticated(context) && pem.n != 0)
        found = bp_rpc_peers_take(&c->server->peers, pem);
    grpc_auth_context_release(context);
    return found;
}

static void read_address(struct bp_rpc_call *c)
{
    char *address = grpc_call_get_peer(c->grpc);
    (void)bp_str_copy(c->peer.address, sizeof(c->peer.address), bp_str(address));
    gpr_free(address);
}

static void log_refused(const char *event, const struct bp_rpc_call *c,
                        const struct bp_rpc_status *status)
{
    static struct bp_log_limit limit = {.most = 10, .interval_ms = 1000};
    char words[300];
    if (bp_log_admit(&limit))
        bp_log(BP_LOG_WARN, event, "call=%llu method=%s serial=%s reason=%s message=%s",
               (unsigned long long)c->id, c->route->method->path,
               c->certificate != NULL && c->certificate->is_known ? c->certificate->identity.serial
                                                                  : "-",
               bp_rpc_reason_name(status->reason),
               bp_log_quote(words, sizeof(words), bp_str(status->message)));
}

/* Calls that are over for gRPC and not yet for us. */
#define CALLS_ENDING 200

/* gRPC holds a client to the number of streams only once it has acknowledged it. */
static bool has_too_many_calls(const struct bp_rpc_call *c)
{
    return c->connection->calls > c->server->config.most_streams_per_connection + CALLS_ENDING;
}

/* Why the connection of a call is to be closed; NULL: it is not. */
static const char *harm_of(const struct bp_rpc_call *c, int64_t now_ms)
{
    if (bp_rpc_peer_floods(c->certificate, now_ms))
        return "calls_given_up";
    if (has_too_many_calls(c))
        return "too_many_calls";
    return bp_rpc_intake_is_closed(c->connection->account) ? "bytes_without_calls" : NULL;
}

static void close_connection(struct bp_rpc_call *c, int64_t now_ms, const char *why)
{
    static struct bp_log_limit limit = {.most = 10, .interval_ms = 1000};
    const struct bp_rpc_certificate *certificate = c->certificate;
    if (bp_log_admit(&limit))
        bp_log(BP_LOG_WARN, "rpc.connection_closed", "serial=%s why=%s",
               certificate->is_known ? certificate->identity.serial : "-", why);
    bp_rpc_connections_end(&c->server->connections, c->connection, now_ms);
    bp_rpc_hold(bp_str_of(certificate->pem, certificate->pem_n));
    (void)bp_rpc_sockets_shut(c->server->port, c->connection->address);
}

bool bp_rpc_close_harmful(struct bp_rpc_call *c)
{
    int64_t now_ms = bp_monotonic_ms(&bp_system_clock);
    if (c->connection == NULL)
        return false;
    const char *why = harm_of(c, now_ms);
    if (why == NULL)
        return false;
    if (c->connection->end_by_ms == 0)
        close_connection(c, now_ms, why);
    return true;
}

/* The verdict on the certificate, told once for each connection, and on the connection. */
static bool judge(struct bp_rpc_call *c, struct bp_rpc_status *status)
{
    struct bp_rpc_server *s = c->server;
    bool is_new, stands;
    int64_t now_ns = bp_now_ns(s->config.clock);
    c->connection =
        bp_rpc_connections_take(&s->connections, c->peer.address, c->certificate, now_ns, &is_new);
    if (c->connection != NULL)
        bp_rpc_intake_accept(c->connection->account, BP_RPC_METADATA_BYTES);
    stands = bp_rpc_peers_judge(&s->peers, c->certificate, now_ns, status);
    if (is_new && s->config.connected != NULL)
        s->config.connected(s->config.context, stands ? BP_REASON_NONE : status->reason);
    if (!stands || c->connection == NULL)
        return stands;
    if (!bp_rpc_close_harmful(c) && c->connection->end_by_ms == 0)
        return true;
    *status = bp_rpc_status(BP_REASON_DISCONNECTED, NULL);
    return false;
}

static bool identify(struct bp_rpc_call *c, struct bp_rpc_status *status)
{
    c->certificate = find_certificate(c);
    read_address(c);
    if (c->certificate == NULL) {
        *status = bp_rpc_status(BP_REASON_BAD_CERTIFICATE, NULL);
    } else if (judge(c, status)) {
        c->peer.identity = c->certificate->identity;
        return true;
    }
    log_refused("rpc.call_refused", c, status);
    return false;
}

static bool is_admitted_above(const struct bp_rpc_call *c, struct bp_rpc_status *status)
{
    const struct bp_rpc_config *config = &c->server->config;
    return config->admit == NULL ||
           config->admit(config->context, &c->peer, c->route->method, status);
}

bool bp_rpc_request_is_fit(const struct bp_rpc_call *c, struct bp_rpc_status *status)
{
    size_t most = c->route->method->most_request_bytes;
    most = most != 0 ? most : BP_RPC_DEFAULT_REQUEST_BYTES;
    size_t size = bp_rpc_payload_size(c->request);
    if (!bp_rpc_payload_is_plain(c->request)) {
        *status = bp_rpc_status(BP_REASON_MALFORMED_REQUEST, "compressed messages are not taken");
        return false;
    }
    if (size > most) {
        *status = bp_rpc_status(BP_REASON_MESSAGE_TOO_LARGE,
                                "a request of %zu bytes; this method takes up to %zu", size, most);
        return false;
    }
    return true;
}

bool bp_rpc_admit(struct bp_rpc_call *c, struct bp_rpc_status *status)
{
    *status = bp_rpc_stopping_status();
    if (c->server->stopping || !identify(c, status))
        return false;
    if (c->route->registered == NULL) {
        *status = bp_rpc_status(BP_REASON_UNKNOWN_METHOD, NULL);
        return false;
    }
    *status = bp_rpc_status(BP_REASON_INTERNAL_ERROR, NULL);
    return is_admitted_above(c, status);
}

void bp_rpc_call_cut(struct bp_rpc_call *c, const struct bp_rpc_status *why)
{
    const struct bp_rpc_config *config = &c->server->config;
    log_refused("rpc.call_cut", c, why);
    if (config->cut != NULL)
        config->cut(config->context, why->reason);
    bp_rpc_call_finish(c, why);
}

/* Calls are many and certificates few, so the certificates are looked at first. */
unsigned bp_rpc_expel(struct bp_rpc_server *s)
{
    unsigned n = 0;
    int64_t now_ns = bp_now_ns(s->config.clock);
    if (bp_rpc_peers_all_stand(&s->peers, now_ns))
        return 0;
    /* A call leaves the list in a completion alone, so ending one here does not disturb the walk.
     */
    for (struct bp_rpc_call *c = s->calls; c != NULL; c = c->next) {
        struct bp_rpc_status why;
        if (c->certificate == NULL || bp_rpc_call_is_over(c) ||
            bp_rpc_peers_judge(&s->peers, c->certificate, now_ns, &why))
            continue;
        bp_rpc_call_cut(c, &why);
        n++;
    }
    return n;
}

unsigned bp_rpc_server_would_cut(const struct bp_rpc_server *s,
                                 const struct bp_credentials *credentials)
{
    unsigned n = 0;
    int64_t now_ns = bp_now_ns(s->config.clock);
    for (const struct bp_rpc_call *c = s->calls; c != NULL; c = c->next) {
        if (c->certificate == NULL || bp_rpc_call_is_over(c))
            continue;
        struct bp_str pem = bp_str_of(c->certificate->pem, c->certificate->pem_n);
        n += bp_credentials_check_revocation(credentials, pem, now_ns, NULL) != BP_OK;
    }
    return n;
}

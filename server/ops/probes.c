#include "probes.h"

#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

#include <microhttpd.h>

#include "metrics.h"

#define CONNECTIONS_MAX 32
#define IDLE_SECONDS 10

struct bp_probes {
    struct bp_probes_config config;
    struct MHD_Daemon *daemon;
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned code, const char *type,
                              struct bp_buf *body)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body->n, body->p, MHD_RESPMEM_MUST_COPY);
    bp_buf_fini(body);
    if (response == NULL)
        return MHD_NO;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    enum MHD_Result result = MHD_queue_response(connection, code, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **request)
{
    struct bp_probes *p = context;
    struct bp_buf body = {0};
    (void)version, (void)upload, (void)upload_size, (void)request;

    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        bp_buf_add_text(&body, "GET and HEAD alone\n");
        return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", &body);
    }
    if (strcmp(url, "/healthz") == 0) {
        bp_buf_add_text(&body, "ok\n");
        return answer(connection, MHD_HTTP_OK, "text/plain", &body);
    }
    if (strcmp(url, "/readyz") == 0) {
        struct bp_err why = {""};
        bool ready = p->config.is_ready(p->config.context, &why);
        bp_buf_printf(&body, "%s\n", ready ? "ready" : why.text);
        return answer(connection, ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, "text/plain",
                      &body);
    }
    if (strcmp(url, "/metrics") == 0) {
        p->config.refresh(p->config.context);
        bp_metrics_print(&body);
        return answer(connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", &body);
    }
    bp_buf_add_text(&body, "there are /healthz, /readyz and /metrics\n");
    return answer(connection, MHD_HTTP_NOT_FOUND, "text/plain", &body);
}

/* An address as bp_address_split takes it, as a socket address. */
static bp_status resolve(const char *listen, struct addrinfo **out, struct bp_err *err)
{
    struct bp_str name;
    unsigned number;
    char host[256], port[8];
    if (!bp_address_split(bp_str(listen), &name, &number) ||
        !bp_str_copy(host, sizeof(host), name.n != 0 ? name : BP_STR("127.0.0.1")))
        return bp_fail(err, BP_EINVAL, "http %s: ADDR:PORT is expected", listen);
    (void)snprintf(port, sizeof(port), "%u", number);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
    int code = getaddrinfo(host, port, &hints, out);
    if (code != 0)
        return bp_fail(err, BP_EINVAL, "http %s: %s", listen, gai_strerror(code));
    return BP_OK;
}

bp_status bp_probes_start(const struct bp_probes_config *config, struct bp_probes **out,
                          unsigned *port, struct bp_err *err)
{
    struct addrinfo *address = NULL;
    bp_status st = resolve(config->listen, &address, err);
    if (st != BP_OK)
        return st;
    struct bp_probes *p = calloc(1, sizeof(*p));
    if (p == NULL) {
        freeaddrinfo(address);
        return bp_fail(err, BP_ENOMEM, "http %s: out of memory", config->listen);
    }
    p->config = *config;
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO;
    if (address->ai_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    p->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, p, MHD_OPTION_SOCK_ADDR,
                                 address->ai_addr, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
                                 MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, MHD_OPTION_END);
    freeaddrinfo(address);
    if (p->daemon == NULL) {
        free(p);
        return bp_fail(err, BP_EIO, "http %s: can't listen there; is the port in use?",
                       config->listen);
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(p->daemon, MHD_DAEMON_INFO_BIND_PORT);
    *port = info != NULL ? info->port : 0;
    *out = p;
    return BP_OK;
}

void bp_probes_stop(struct bp_probes *p)
{
    if (p == NULL)
        return;
    MHD_stop_daemon(p->daemon);
    free(p);
}

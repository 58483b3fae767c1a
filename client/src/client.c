/* The client object: options copied, files checked once so that a mistake shows at once. */
#include <stdlib.h>

#include "client_internal.h"

#define CONNECT_TIMEOUT_MS 10000

const char *berbagi_identity(const struct berbagi_client *client)
{
    return client->identity;
}

static bool copy(char **out, const char *text)
{
    *out = text != NULL ? strdup(text) : NULL;
    return text == NULL || *out != NULL;
}

static berbagi_status check(const struct berbagi_options *o, struct berbagi_error *error)
{
    if (o->server == NULL || strchr(o->server, ':') == NULL || strstr(o->server, "//") != NULL)
        return bp_client_fail(error, BERBAGI_EINVAL,
                              "the server is named as ADDRESS:PORT, for example "
                              "exchange.example:7443");
    if (o->cert == NULL || o->key == NULL || o->ca == NULL)
        return bp_client_fail(error, BERBAGI_EINVAL,
                              "certificate, key and CA bundle must all be named");
    return BERBAGI_OK;
}

static berbagi_status fill(struct berbagi_client *c, const struct berbagi_options *o,
                           struct berbagi_error *error)
{
    c->connect_timeout_ms = o->connect_timeout_ms != 0 ? o->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    c->patience_ms = o->patience_ms;
    c->notice = o->notice;
    c->context = o->context;
    if (!copy(&c->server, o->server) || !copy(&c->server_name, o->server_name) ||
        !copy(&c->cert, o->cert) || !copy(&c->key, o->key) || !copy(&c->ca, o->ca))
        return bp_client_fail(error, BERBAGI_ENOMEM, "out of memory");
    berbagi_status status = bp_client_check_files(c, c->identity, error);
    if (status != BERBAGI_OK)
        return status;
    grpc_init();
    c->holds_grpc = true;
    return bp_client_channel(c, &c->channel, error);
}

berbagi_status berbagi_open(const struct berbagi_options *options, struct berbagi_client **out,
                            struct berbagi_error *error)
{
    berbagi_status status = check(options, error);
    if (status != BERBAGI_OK)
        return status;
    struct berbagi_client *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return bp_client_fail(error, BERBAGI_ENOMEM, "out of memory");
    status = fill(c, options, error);
    if (status != BERBAGI_OK) {
        berbagi_close(c);
        return status;
    }
    *out = c;
    return BERBAGI_OK;
}

void berbagi_close(struct berbagi_client *c)
{
    if (c == NULL)
        return;
    if (c->channel != NULL)
        grpc_channel_destroy(c->channel);
    if (c->holds_grpc)
        grpc_shutdown_blocking(); /* so that nothing of gRPC runs on when the program ends */
    free(c->server);
    free(c->server_name);
    free(c->cert);
    free(c->key);
    free(c->ca);
    free(c);
}

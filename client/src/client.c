/* The client object: options copied, files checked once so that a mistake shows at once. */
#include <stdlib.h>

#include "abseil.h"
#include "client_internal.h"

#define CONNECT_TIMEOUT_MS 10000

const char *berbagi_identity(const struct berbagi_client *client)
{
    return client->files.identity.name;
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
    if (o->cert == NULL || o->ca == NULL)
        return bp_client_fail(error, BERBAGI_EINVAL, "certificate and CA bundle must be named");
    return BERBAGI_OK;
}

static berbagi_status fill(struct berbagi_client *c, const struct berbagi_options *o,
                           struct berbagi_error *error)
{
    c->connect_timeout_ms = o->connect_timeout_ms != 0 ? o->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    c->patience_ms = o->patience_ms;
    c->notice = o->notice;
    c->warning = o->warning;
    c->context = o->context;
    struct bp_err err = {{0}};
    bp_status st = bp_files_init(&c->files, o->cert, o->key, o->ca, &err);
    if (st != BP_OK)
        return bp_client_fail_of(error, st, &err);
    if (!copy(&c->server, o->server) || !copy(&c->server_name, o->server_name))
        return bp_client_fail(error, BERBAGI_ENOMEM, "out of memory");
    (void)bp_abseil_stop_deadlock_search();
    grpc_init();
    c->holds_grpc = true;
    return bp_client_channel(c, &c->channel, &c->channel_mark, error);
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
    (void)pthread_mutex_init(&c->channel_lock, NULL);
    status = fill(c, options, error);
    if (status != BERBAGI_OK) {
        berbagi_close(c);
        return status;
    }
    bp_client_warn_of_end(c);
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
    bp_files_fini(&c->files);
    (void)pthread_mutex_destroy(&c->channel_lock);
    free(c);
}

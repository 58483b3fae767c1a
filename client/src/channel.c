/* Mutual TLS over gRPC: PEM files to a channel. */
#include <stdlib.h>

#include <grpc/grpc_security.h>

#include "client_internal.h"
#include "clock.h"

/* What the exchange may send ahead of the reader: 100 MB/s over 40 ms of round trip. */
#define LOOKAHEAD_BYTES (4 << 20)

static grpc_arg integer(const char *key, int value)
{
    return (grpc_arg){
        .type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key, .value.integer = value};
}

static grpc_arg text(const char *key, const char *value)
{
    return (grpc_arg){.type = GRPC_ARG_STRING,
                      .key = (char *)(uintptr_t)key,
                      .value.string = (char *)(uintptr_t)value};
}

static grpc_channel *make(const struct berbagi_client *client,
                          grpc_channel_credentials *credentials)
{
    grpc_arg list[12];
    size_t n = 0;
    list[n++] = integer(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, CLIENT_RECEIVE_MAX);
    list[n++] = integer(GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, CLIENT_RECEIVE_MAX);
    list[n++] = integer(GRPC_ARG_ENABLE_RETRIES, 0); /* what may be sent again is ours to know */
    /* A connection of its own: without this, channels to one server share it, and its backoff. */
    list[n++] = integer(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    list[n++] = integer(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
    list[n++] = integer(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5000);
    list[n++] = integer(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
    /* A window of its own size, instead of a ping at every message to find one. */
    list[n++] = integer(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    list[n++] = integer(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, LOOKAHEAD_BYTES);
    if (client->server_name != NULL) {
        list[n++] = text(GRPC_SSL_TARGET_NAME_OVERRIDE_ARG, client->server_name);
        list[n++] = text(GRPC_ARG_DEFAULT_AUTHORITY, client->server_name);
    }
    grpc_channel_args args = {n, list};
    return grpc_channel_create(client->server, credentials, &args);
}

berbagi_status bp_client_channel(struct berbagi_client *client, grpc_channel **out,
                                 struct bp_files_mark *mark, struct berbagi_error *error)
{
    struct bp_credentials *files = NULL;
    struct bp_err err = {{0}};
    bp_status st = bp_files_load(&client->files, bp_now_ns(&bp_system_clock), &files, mark, &err);
    if (st != BP_OK)
        return bp_client_fail_of(error, st, &err);
    grpc_ssl_pem_key_cert_pair pair = {bp_credentials_key_pem(files),
                                       bp_credentials_cert_pem(files)};
    grpc_channel_credentials *credentials =
        grpc_ssl_credentials_create(bp_credentials_ca_pem(files), &pair, NULL, NULL);
    if (credentials != NULL)
        *out = make(client, credentials);
    grpc_channel_credentials_release(credentials);
    bp_credentials_destroy(files);
    if (credentials == NULL)
        return bp_client_fail(error, BERBAGI_ELOCAL, "%s: gRPC does not take it",
                              client->files.cert);
    return BERBAGI_OK;
}

/* Files that cannot be used, perhaps because they are just being renewed, change nothing: what the
 * channel was made with holds on. A channel that is destroyed lives on in its calls. */
static void follow_files_locked(struct berbagi_client *client)
{
    const struct bp_files_mark now = bp_files_mark_of(&client->files);
    grpc_channel *renewed = NULL;
    if (bp_files_mark_is(&now, &client->channel_mark) ||
        bp_client_channel(client, &renewed, &client->channel_mark, NULL) != BERBAGI_OK)
        return;
    grpc_channel_destroy(client->channel);
    client->channel = renewed;
}

grpc_call *bp_client_start_call(struct berbagi_client *client, const char *path, int64_t until_ms,
                                grpc_completion_queue *queue)
{
    (void)pthread_mutex_lock(&client->channel_lock);
    follow_files_locked(client);
    grpc_call *call = grpc_channel_create_call(client->channel, NULL, GRPC_PROPAGATE_DEFAULTS,
                                               queue, grpc_slice_from_static_string(path), NULL,
                                               bp_client_deadline(until_ms), NULL);
    (void)pthread_mutex_unlock(&client->channel_lock);
    return call;
}

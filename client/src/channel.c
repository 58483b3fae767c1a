/* Mutual TLS over gRPC: PEM files to a channel. */
#include <stdlib.h>

#include <grpc/grpc_security.h>

#include "client_internal.h"
#include "clock.h"

static berbagi_status load(const struct berbagi_client *client, struct bp_credentials **out,
                           struct berbagi_error *error)
{
    struct bp_err err = {{0}};
    const struct bp_credential_files files = {
        .cert = client->cert, .key = client->key, .ca = client->ca};
    bp_status st = bp_credentials_load(&files, false, bp_now_ns(&bp_system_clock), out, &err);
    return st == BP_OK ? BERBAGI_OK : bp_client_fail_of(error, st, &err);
}

berbagi_status bp_client_check_files(const struct berbagi_client *client, char identity[65],
                                     struct berbagi_error *error)
{
    struct bp_credentials *credentials = NULL;
    berbagi_status status = load(client, &credentials, error);
    if (status != BERBAGI_OK)
        return status;
    struct bp_identity id;
    struct bp_err err = {{0}};
    bp_status st = bp_identity_of_pem(bp_str(bp_credentials_cert_pem(credentials)), NULL,
                                      bp_now_ns(&bp_system_clock), &id, &err);
    bp_credentials_destroy(credentials);
    if (st != BP_OK) {
        (void)bp_fail_in(&err, st, "%s", client->cert);
        return bp_client_fail_of(error, st, &err);
    }
    memcpy(identity, id.name, sizeof(id.name));
    return BERBAGI_OK;
}

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
    grpc_arg list[10];
    size_t n = 0;
    list[n++] = integer(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, CLIENT_RECEIVE_MAX);
    list[n++] = integer(GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, CLIENT_RECEIVE_MAX);
    list[n++] = integer(GRPC_ARG_ENABLE_RETRIES, 0); /* what may be sent again is ours to know */
    /* A connection of its own: without this, channels to one server share it, and its backoff. */
    list[n++] = integer(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    list[n++] = integer(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
    list[n++] = integer(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5000);
    list[n++] = integer(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
    if (client->server_name != NULL) {
        list[n++] = text(GRPC_SSL_TARGET_NAME_OVERRIDE_ARG, client->server_name);
        list[n++] = text(GRPC_ARG_DEFAULT_AUTHORITY, client->server_name);
    }
    grpc_channel_args args = {n, list};
    return grpc_channel_create(client->server, credentials, &args);
}

berbagi_status bp_client_channel(const struct berbagi_client *client, grpc_channel **out,
                                 struct berbagi_error *error)
{
    struct bp_credentials *files = NULL;
    berbagi_status status = load(client, &files, error);
    if (status != BERBAGI_OK)
        return status;
    grpc_ssl_pem_key_cert_pair pair = {bp_credentials_key_pem(files),
                                       bp_credentials_cert_pem(files)};
    grpc_channel_credentials *credentials =
        grpc_ssl_credentials_create(bp_credentials_ca_pem(files), &pair, NULL, NULL);
    if (credentials != NULL)
        *out = make(client, credentials);
    grpc_channel_credentials_release(credentials);
    bp_credentials_destroy(files);
    if (credentials == NULL)
        return bp_client_fail(error, BERBAGI_ELOCAL, "%s: gRPC does not take it", client->cert);
    return BERBAGI_OK;
}

#include "client.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/time.h>
#include <stdio.h>

#include "check.h"

static gpr_timespec in_ms(int ms)
{
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(ms, GPR_TIMESPAN));
}

static grpc_channel_credentials *credentials(const struct pki *pki, const char *name,
                                             const char *ca)
{
    char cert_name[64], key_name[64];
    char *ca_pem = pki_text(pki, ca), *cert = NULL, *key = NULL;
    if (name != NULL) {
        (void)snprintf(cert_name, sizeof(cert_name), "%s.pem", name);
        (void)snprintf(key_name, sizeof(key_name), "%s.key", name);
        cert = pki_text(pki, cert_name);
        key = pki_text(pki, key_name);
    }
    grpc_ssl_pem_key_cert_pair pair = {key, cert};
    grpc_channel_credentials *c =
        grpc_ssl_credentials_create(ca_pem, name != NULL ? &pair : NULL, NULL, NULL);
    free(ca_pem);
    free(cert);
    free(key);
    return c;
}

static void open_as(struct client *c, const struct pki *pki, unsigned port, const char *name,
                    const char *ca)
{
    char target[64];
    char pool[] = GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL;
    char compression[] = GRPC_COMPRESSION_CHANNEL_DEFAULT_ALGORITHM;
    /* A pool of its own: else two clients of the same address may share a connection. */
    grpc_arg arg[] = {{.type = GRPC_ARG_INTEGER, .key = pool, .value.integer = 1},
                      {.type = GRPC_ARG_INTEGER,
                       .key = compression,
                       .value.integer = c->compresses ? GRPC_COMPRESS_GZIP : GRPC_COMPRESS_NONE}};
    grpc_channel_args args = {2, arg};
    (void)snprintf(target, sizeof(target), "127.0.0.1:%u", port);
    grpc_channel_credentials *secret = credentials(pki, name, ca);
    c->channel = grpc_channel_create(target, secret, &args);
    grpc_channel_credentials_release(secret);
    c->queue = grpc_completion_queue_create_for_pluck(NULL);
}

void client_open(struct client *c, const struct pki *pki, unsigned port, const char *name,
                 const char *ca)
{
    c->compresses = false;
    open_as(c, pki, port, name, ca);
}

void client_open_gzip(struct client *c, const struct pki *pki, unsigned port, const char *name,
                      const char *ca)
{
    c->compresses = true;
    open_as(c, pki, port, name, ca);
}

void client_close(struct client *c)
{
    grpc_channel_destroy(c->channel);
    grpc_completion_queue_shutdown(c->queue);
    grpc_completion_queue_destroy(c->queue);
}

static bool run(struct call *call, grpc_op *ops, size_t n)
{
    assert_int_equal(grpc_call_start_batch(call->grpc, ops, n, call, NULL), GRPC_CALL_OK);
    grpc_event event = grpc_completion_queue_pluck(call->client->queue, call, in_ms(30000), NULL);
    assert_int_equal(event.type, GRPC_OP_COMPLETE);
    return event.success != 0;
}

void call_open(struct call *call, struct client *client, const char *path, int timeout_ms)
{
    memset(call, 0, sizeof(*call));
    call->client = client;
    grpc_metadata_array_init(&call->initial);
    grpc_metadata_array_init(&call->trailing);
    call->message_slice = grpc_empty_slice();
    grpc_slice method = grpc_slice_from_copied_string(path);
    call->grpc =
        grpc_channel_create_call(client->channel, NULL, GRPC_PROPAGATE_DEFAULTS, client->queue,
                                 method, NULL, in_ms(timeout_ms > 0 ? timeout_ms : 30000), NULL);
    grpc_slice_unref(method);
    grpc_op op = {.op = GRPC_OP_SEND_INITIAL_METADATA};
    (void)run(call, &op, 1);
}

void call_send(struct call *call, struct bp_str message)
{
    grpc_slice slice = grpc_slice_from_copied_buffer(message.p, message.n);
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};
    op.data.send_message.send_message = buffer;
    (void)run(call, &op, 1);
    grpc_byte_buffer_destroy(buffer);
    grpc_slice_unref(slice);
}

void call_half_close(struct call *call)
{
    grpc_op op = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};
    (void)run(call, &op, 1);
}

static void keep_received(struct call *call, grpc_byte_buffer *buffer)
{
    grpc_byte_buffer_reader reader;
    assert_true(grpc_byte_buffer_reader_init(&reader, buffer));
    grpc_slice all = grpc_byte_buffer_reader_readall(&reader);
    bp_buf_clear(&call->received);
    bp_buf_add(&call->received, GRPC_SLICE_START_PTR(all), GRPC_SLICE_LENGTH(all));
    grpc_slice_unref(all);
    grpc_byte_buffer_reader_destroy(&reader);
    grpc_byte_buffer_destroy(buffer);
}

/* Messages and status wait inside gRPC until the initial metadata were asked for, once. */
static size_t put_initial(struct call *call, grpc_op *op)
{
    if (call->asked_initial)
        return 0;
    call->asked_initial = true;
    *op = (grpc_op){.op = GRPC_OP_RECV_INITIAL_METADATA};
    op->data.recv_initial_metadata.recv_initial_metadata = &call->initial;
    return 1;
}

bool call_receive(struct call *call)
{
    grpc_byte_buffer *buffer = NULL;
    grpc_op ops[2] = {{.op = GRPC_OP_RECV_MESSAGE}};
    ops[0].data.recv_message.recv_message = &buffer;
    (void)run(call, ops, 1 + put_initial(call, ops + 1));
    if (buffer == NULL)
        return false;
    keep_received(call, buffer);
    return true;
}

static void keep_details(struct call *call)
{
    for (size_t i = 0; i < call->trailing.count; i++) {
        const grpc_metadata *m = &call->trailing.metadata[i];
        if (grpc_slice_str_cmp(m->key, "grpc-status-details-bin") != 0)
            continue;
        size_t n = GRPC_SLICE_LENGTH(m->value);
        assert_true(n < sizeof(call->details));
        for (size_t k = 0; k < n; k++) {
            char byte = (char)GRPC_SLICE_START_PTR(m->value)[k];
            call->details[k] = (char)(byte != '\0' ? byte : '.');
        }
    }
}

int call_status(struct call *call)
{
    grpc_op ops[2] = {{.op = GRPC_OP_RECV_STATUS_ON_CLIENT}};
    ops[0].data.recv_status_on_client.trailing_metadata = &call->trailing;
    ops[0].data.recv_status_on_client.status = &call->code;
    ops[0].data.recv_status_on_client.status_details = &call->message_slice;
    (void)run(call, ops, 1 + put_initial(call, ops + 1));
    (void)bp_str_copy(call->message, sizeof(call->message),
                      bp_str_of(GRPC_SLICE_START_PTR(call->message_slice),
                                GRPC_SLICE_LENGTH(call->message_slice)));
    keep_details(call);
    return (int)call->code;
}

void call_cancel(struct call *call)
{
    (void)grpc_call_cancel(call->grpc, NULL);
}

void call_close(struct call *call)
{
    grpc_call_unref(call->grpc);
    grpc_metadata_array_destroy(&call->initial);
    grpc_metadata_array_destroy(&call->trailing);
    grpc_slice_unref(call->message_slice);
    bp_buf_fini(&call->received);
}

int call_unary(struct call *call, struct client *client, const char *path, struct bp_str request,
               int timeout_ms)
{
    call_open(call, client, path, timeout_ms);
    call_send(call, request);
    call_half_close(call);
    (void)call_receive(call);
    return call_status(call);
}

int unary(struct client *client, const char *path, const char *request)
{
    struct call call;
    int code = call_unary(&call, client, path, bp_str(request), 0);
    call_close(&call);
    return code;
}

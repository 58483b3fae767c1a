/* A single call: sent, and sent again where the connection failed before an answer, for as long as
 * the client's connect timeout allows. Every method called this way may be sent twice: reads, a
 * delete, ApplyPolicy, which expected_version guards, and an approval, which happens once. */
#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>

#include "backoff.h"
#include "client_internal.h"
#include "digest.h"

struct call {
    grpc_call *call; /* owns what trailing points to */
    grpc_metadata_array initial, trailing;
    grpc_byte_buffer *request, *answer;
    grpc_status_code code;
    grpc_slice details;
};

static grpc_byte_buffer *buffer_of(const struct bp_buf *b)
{
    grpc_slice slice = grpc_slice_from_copied_buffer((const char *)b->p, b->n);
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    return buffer;
}

static void run(struct berbagi_client *client, const char *path, int64_t until_ms, struct call *c)
{
    grpc_completion_queue *queue = grpc_completion_queue_create_for_pluck(NULL);
    c->call = bp_client_start_call(client, path, until_ms, queue);
    grpc_op ops[6] = {
        {.op = GRPC_OP_SEND_INITIAL_METADATA},  {.op = GRPC_OP_SEND_MESSAGE},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT}, {.op = GRPC_OP_RECV_INITIAL_METADATA},
        {.op = GRPC_OP_RECV_MESSAGE},           {.op = GRPC_OP_RECV_STATUS_ON_CLIENT}};
    ops[1].data.send_message.send_message = c->request;
    ops[3].data.recv_initial_metadata.recv_initial_metadata = &c->initial;
    ops[4].data.recv_message.recv_message = &c->answer;
    ops[5].data.recv_status_on_client.trailing_metadata = &c->trailing;
    ops[5].data.recv_status_on_client.status = &c->code;
    ops[5].data.recv_status_on_client.status_details = &c->details;
    grpc_call_error e = grpc_call_start_batch(c->call, ops, 6, c, NULL);
    BP_ASSERT(e == GRPC_CALL_OK);
    (void)grpc_completion_queue_pluck(queue, c, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    grpc_completion_queue_shutdown(queue);
    grpc_completion_queue_destroy(queue);
}

static struct bp_str slice_text(const grpc_slice *s)
{
    return bp_str_of(GRPC_SLICE_START_PTR(*s), GRPC_SLICE_LENGTH(*s));
}

static bool read_answer(const struct call *c, struct bp_buf *out)
{
    grpc_byte_buffer_reader reader;
    if (c->answer == NULL || !grpc_byte_buffer_reader_init(&reader, c->answer))
        return false;
    grpc_slice slice = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    bp_buf_clear(out);
    bp_buf_add_str(out, slice_text(&slice));
    grpc_slice_unref(slice);
    return true;
}

static void read_error(const struct call *c, struct berbagi_error *out)
{
    struct bp_str details = {0};
    for (size_t i = 0; i < c->trailing.count; i++) {
        if (bp_str_is(slice_text(&c->trailing.metadata[i].key), "grpc-status-details-bin"))
            details = slice_text(&c->trailing.metadata[i].value);
    }
    bp_client_rpc_error((int)c->code, slice_text(&c->details), details, out);
}

/* One try. *error is filled unless it went well. */
static berbagi_status try_once(struct berbagi_client *client, const char *path,
                               const struct bp_buf *request, int64_t until_ms,
                               struct bp_buf *response, struct berbagi_error *error)
{
    struct call c = {.request = buffer_of(request), .details = grpc_empty_slice()};
    grpc_metadata_array_init(&c.initial);
    grpc_metadata_array_init(&c.trailing);
    run(client, path, until_ms, &c);
    berbagi_status status = BERBAGI_OK;
    if (c.code != GRPC_STATUS_OK) {
        read_error(&c, error);
        status = bp_client_may_pass(error) ? BERBAGI_EUNREACHABLE : BERBAGI_EREFUSED;
    } else if (!read_answer(&c, response)) {
        status = bp_client_fail(error, BERBAGI_EPROTOCOL, "the answer holds no message");
    } else if (response->failed) {
        status = bp_client_fail(error, BERBAGI_ENOMEM, "out of memory");
    }
    grpc_call_unref(c.call);
    grpc_byte_buffer_destroy(c.request);
    if (c.answer != NULL)
        grpc_byte_buffer_destroy(c.answer);
    grpc_slice_unref(c.details);
    grpc_metadata_array_destroy(&c.initial);
    grpc_metadata_array_destroy(&c.trailing);
    return status;
}

berbagi_status bp_client_call(struct berbagi_client *client, const char *path,
                              const struct bp_buf *request, int timeout_ms, struct bp_buf *response,
                              struct berbagi_error *error)
{
    if (request->failed)
        return bp_client_fail(error, BERBAGI_ENOMEM, "out of memory");
    const int64_t give_up_ms = bp_client_now_ms() + client->connect_timeout_ms;
    struct bp_backoff backoff = {0};
    for (;;) {
        struct berbagi_error why = {0};
        berbagi_status status =
            try_once(client, path, request, bp_client_until_ms(timeout_ms), response, &why);
        uint32_t random;
        bp_random(&random, sizeof(random));
        int64_t wait = bp_backoff_next_ms(&backoff, why.retry_after_ms, random);
        if (status != BERBAGI_EUNREACHABLE || bp_client_now_ms() + wait > give_up_ms) {
            if (status == BERBAGI_EUNREACHABLE && why.reason[0] == '\0')
                bp_client_add_hint(&why);
            if (status != BERBAGI_OK)
                bp_client_copy_error(error, &why);
            return status;
        }
        if (bp_client_is_worth_telling(backoff.failures, wait))
            bp_client_notice(client, "%s: %s; trying again", client->server, why.message);
        bp_client_wait_until(bp_client_now_ms() + wait);
    }
}

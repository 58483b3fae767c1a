/* Three operations at most are under way: a write (the first carries the initial metadata), a read
 * and, from the start, the wait for the final status. The link has ended when the status is there
 * and the other two have come back. */
#include "link.h"

#include <stdlib.h>

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/slice.h>

enum op { OP_WRITE = 1, OP_READ = 2, OP_STATUS = 4 }; /* bits of under_way; the tags too */

struct bp_link {
    const struct berbagi_client *client;
    grpc_channel *channel;
    struct bp_files_mark files; /* it was made with */
    grpc_completion_queue *queue;
    grpc_call *call;
    unsigned under_way;
    bool half_closed;
    bool read_over; /* no message follows */
    bool ended;
    grpc_metadata_array initial, trailing;
    grpc_byte_buffer *incoming;
    struct bp_buf message; /* keeps its memory from one to the next: they are large, and many */
    grpc_status_code code;
    grpc_slice details;
    const char *given_up; /* NULL: was not */
    struct berbagi_error error;
};

static void start(struct bp_link *l, const grpc_op *ops, size_t n, enum op op)
{
    grpc_call_error e = grpc_call_start_batch(l->call, ops, n, (void *)(uintptr_t)op, NULL);
    BP_ASSERT(e == GRPC_CALL_OK); /* anything else is a misuse of ours */
    l->under_way |= op;
}

static void start_read(struct bp_link *l, bool first)
{
    grpc_op ops[2] = {{.op = GRPC_OP_RECV_MESSAGE}, {.op = GRPC_OP_RECV_INITIAL_METADATA}};
    ops[0].data.recv_message.recv_message = &l->incoming;
    ops[1].data.recv_initial_metadata.recv_initial_metadata = &l->initial;
    start(l, ops, first ? 2 : 1, OP_READ);
}

static void start_call(struct bp_link *l)
{
    grpc_op status = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};
    status.data.recv_status_on_client.trailing_metadata = &l->trailing;
    status.data.recv_status_on_client.status = &l->code;
    status.data.recv_status_on_client.status_details = &l->details;
    start(l, &status, 1, OP_STATUS);
    const grpc_op begin = {.op = GRPC_OP_SEND_INITIAL_METADATA};
    start(l, &begin, 1, OP_WRITE);
    start_read(l, true);
}

berbagi_status bp_link_open(struct berbagi_client *client, const char *path, struct bp_link **out,
                            struct berbagi_error *error)
{
    struct bp_link *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return bp_client_fail(error, BERBAGI_ENOMEM, "out of memory");
    grpc_metadata_array_init(&l->initial);
    grpc_metadata_array_init(&l->trailing);
    l->details = grpc_empty_slice();
    l->client = client;
    berbagi_status status = bp_client_channel(client, &l->channel, &l->files, error);
    if (status != BERBAGI_OK) {
        bp_link_close(l);
        return status;
    }
    l->queue = grpc_completion_queue_create_for_next(NULL);
    l->call = grpc_channel_create_call(l->channel, NULL, GRPC_PROPAGATE_DEFAULTS, l->queue,
                                       grpc_slice_from_static_string(path), NULL,
                                       gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    start_call(l);
    *out = l;
    return BERBAGI_OK;
}

/* Waits out what is under way, so that no tag outlives the link. */
static void drain(struct bp_link *l)
{
    grpc_completion_queue_shutdown(l->queue);
    while (grpc_completion_queue_next(l->queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL).type !=
           GRPC_QUEUE_SHUTDOWN)
        ;
    grpc_completion_queue_destroy(l->queue);
}

void bp_link_close(struct bp_link *l)
{
    if (l == NULL)
        return;
    if (l->call != NULL) {
        (void)grpc_call_cancel(l->call, NULL);
        drain(l);
        grpc_call_unref(l->call);
    }
    if (l->channel != NULL)
        grpc_channel_destroy(l->channel);
    if (l->incoming != NULL)
        grpc_byte_buffer_destroy(l->incoming);
    bp_buf_fini(&l->message);
    grpc_slice_unref(l->details);
    grpc_metadata_array_destroy(&l->initial);
    grpc_metadata_array_destroy(&l->trailing);
    free(l);
}

bool bp_link_is_outdated(const struct bp_link *l)
{
    const struct bp_files_mark now = bp_files_mark_of(&l->client->files);
    return !bp_files_mark_is(&l->files, &now);
}

bool bp_link_is_writable(const struct bp_link *l)
{
    return (l->under_way & OP_WRITE) == 0 && !l->half_closed && !l->ended &&
           (l->under_way & OP_STATUS) != 0;
}

static grpc_slice join(const struct bp_str *parts, size_t n)
{
    size_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += parts[i].n;
    grpc_slice slice = grpc_slice_malloc(total);
    uint8_t *at = GRPC_SLICE_START_PTR(slice);
    for (size_t i = 0; i < n; at += parts[i++].n) {
        if (parts[i].n != 0)
            memcpy(at, parts[i].p, parts[i].n);
    }
    return slice;
}

void bp_link_write(struct bp_link *l, const struct bp_str *parts, size_t n)
{
    grpc_slice slice = join(parts, n);
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE};
    op.data.send_message.send_message = buffer;
    start(l, &op, 1, OP_WRITE);
    grpc_byte_buffer_destroy(buffer);
    grpc_slice_unref(slice);
}

void bp_link_half_close(struct bp_link *l)
{
    const grpc_op op = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};
    start(l, &op, 1, OP_WRITE);
    l->half_closed = true;
}

struct bp_str bp_link_message(const struct bp_link *l)
{
    return bp_buf_str(&l->message);
}

const struct berbagi_error *bp_link_error(const struct bp_link *l)
{
    return &l->error;
}

void bp_link_give_up(struct bp_link *l, const char *words)
{
    l->given_up = words;
    (void)grpc_call_cancel(l->call, NULL);
}

/* Joins the pieces that it came in. Why it could not be read, or NULL. */
static const char *join_incoming(struct bp_link *l)
{
    grpc_byte_buffer_reader reader;
    grpc_slice *piece;
    if (!grpc_byte_buffer_reader_init(&reader, l->incoming))
        return "a compressed message cannot be read";
    bp_buf_clear(&l->message);
    while (grpc_byte_buffer_reader_peek(&reader, &piece))
        bp_buf_add(&l->message, GRPC_SLICE_START_PTR(*piece), GRPC_SLICE_LENGTH(*piece));
    grpc_byte_buffer_reader_destroy(&reader);
    return l->message.failed ? "out of memory" : NULL;
}

static bool take_message(struct bp_link *l)
{
    if (l->incoming == NULL) {
        l->read_over = true;
        return false;
    }
    const char *why = join_incoming(l);
    grpc_byte_buffer_destroy(l->incoming);
    l->incoming = NULL;
    if (why != NULL)
        bp_link_give_up(l, why);
    return why == NULL;
}

static struct bp_str slice_text(const grpc_slice *s)
{
    return bp_str_of(GRPC_SLICE_START_PTR(*s), GRPC_SLICE_LENGTH(*s));
}

static void read_status(struct bp_link *l)
{
    struct bp_str details = {0};
    for (size_t i = 0; i < l->trailing.count; i++) {
        if (bp_str_is(slice_text(&l->trailing.metadata[i].key), "grpc-status-details-bin"))
            details = slice_text(&l->trailing.metadata[i].value);
    }
    if (l->given_up != NULL)
        bp_client_rpc_error(GRPC_STATUS_UNAVAILABLE, bp_str(l->given_up), (struct bp_str){0},
                            &l->error);
    else
        bp_client_rpc_error((int)l->code, slice_text(&l->details), details, &l->error);
}

/* What one completion means for the owner; LINK_NOTHING: nothing. */
static enum bp_link_event complete(struct bp_link *l, enum op op, bool success)
{
    l->under_way &= ~(unsigned)op;
    if (op == OP_READ && take_message(l))
        return LINK_MESSAGE;
    if (op == OP_STATUS)
        read_status(l);
    if (l->under_way == 0 && l->read_over) {
        l->ended = true;
        return LINK_ENDED;
    }
    return op == OP_WRITE && success && bp_link_is_writable(l) ? LINK_WRITABLE : LINK_NOTHING;
}

enum bp_link_event bp_link_next(struct bp_link *l, int64_t until_ms)
{
    if (l->ended)
        return LINK_ENDED;
    if ((l->under_way & OP_READ) == 0 && !l->read_over)
        start_read(l, false);
    const gpr_timespec deadline = bp_client_deadline(until_ms);
    for (;;) {
        grpc_event e = grpc_completion_queue_next(l->queue, deadline, NULL);
        if (e.type != GRPC_OP_COMPLETE)
            return LINK_NOTHING;
        enum bp_link_event event = complete(l, (enum op)(uintptr_t)e.tag, e.success != 0);
        if (event != LINK_NOTHING)
            return event;
    }
}

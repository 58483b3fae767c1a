/* The batches of a call. Each counts in ops_in_flight until its completion, which records the
 * result in the call and runs the machine; nothing more. */
#include "rpc_internal.h"

#include <grpc/slice.h>

static void start(struct bp_rpc_call *c, const grpc_op *ops, size_t n, struct bp_rpc_op *op)
{
    c->ops_in_flight++;
    BP_RPC_TSAN_RELEASE(op);
    grpc_call_error error = grpc_call_start_batch(c->grpc, ops, n, op, NULL);
    BP_ASSERT(error == GRPC_CALL_OK);
}

static void completed(struct bp_rpc_call *c)
{
    c->ops_in_flight--;
    bp_rpc_call_run(c);
}

static void arrived(struct bp_rpc_op *op, bool ok)
{
    struct bp_rpc_call *c = BP_RPC_OWNER(struct bp_rpc_call, arrive_op, op);
    c->route->slots--;
    if (!ok)
        c->grpc = NULL; /* the server is stopping */
    completed(c);
}

/* Without a message the read failed, or the other side closed its half. A stream that broke is told
 * by its close, not by a half-close that never was. */
static void end_read(struct bp_rpc_call *c)
{
    c->reading = false;
    /* gRPC may write `incoming` long before; the machine looks at `request` alone. */
    c->request = c->incoming;
    c->incoming = NULL;
    bool broke = c->route->method->client_streams && grpc_call_failed_before_recv_message(c->grpc);
    c->read_ended = c->request == NULL && !broke;
}

static void read_done(struct bp_rpc_op *op, bool ok)
{
    (void)ok;
    struct bp_rpc_call *c = BP_RPC_OWNER(struct bp_rpc_call, read_op, op);
    end_read(c);
    completed(c);
}

static void write_done(struct bp_rpc_op *op, bool ok)
{
    struct bp_rpc_call *c = BP_RPC_OWNER(struct bp_rpc_call, write_op, op);
    c->writing = false;
    c->sent = ok;
    completed(c);
}

static void turn_done(struct bp_rpc_op *op, bool ok)
{
    (void)ok;
    struct bp_rpc_call *c = BP_RPC_OWNER(struct bp_rpc_call, turn_op, op);
    c->turning = c->writing = false;
    end_read(c);
    completed(c);
}

static void close_done(struct bp_rpc_op *op, bool ok)
{
    (void)ok;
    struct bp_rpc_call *c = BP_RPC_OWNER(struct bp_rpc_call, close_op, op);
    c->closed = true;
    completed(c);
}

void bp_rpc_batch_init(struct bp_rpc_call *c)
{
    c->arrive_op.done = arrived;
    c->read_op.done = read_done;
    c->write_op.done = write_done;
    c->turn_op.done = turn_done;
    c->close_op.done = close_done;
}

static grpc_call_error request_unknown(struct bp_rpc_call *c)
{
    struct bp_rpc_server *s = c->server;
    return grpc_server_request_call(s->grpc, &c->grpc, &c->details, &c->metadata, s->queue,
                                    s->queue, &c->arrive_op);
}

static grpc_call_error request_registered(struct bp_rpc_call *c)
{
    struct bp_rpc_server *s = c->server;
    return grpc_server_request_registered_call(s->grpc, c->route->registered, &c->grpc,
                                               &c->deadline, &c->metadata, NULL, s->queue, s->queue,
                                               &c->arrive_op);
}

bool bp_rpc_batch_arrive(struct bp_rpc_call *c)
{
    c->ops_in_flight++;
    BP_RPC_TSAN_RELEASE(&c->arrive_op);
    grpc_call_error error =
        c->route->registered == NULL ? request_unknown(c) : request_registered(c);
    if (error == GRPC_CALL_OK)
        return true;
    c->ops_in_flight--;
    return false;
}

static size_t put_read(struct bp_rpc_call *c, grpc_op *op)
{
    *op = (grpc_op){.op = GRPC_OP_RECV_MESSAGE};
    op->data.recv_message.recv_message = &c->incoming;
    c->reading = true;
    return 1;
}

void bp_rpc_batch_read(struct bp_rpc_call *c)
{
    grpc_op op;
    start(c, &op, put_read(c, &op), &c->read_op);
}

static size_t put_initial(struct bp_rpc_call *c, grpc_op *op)
{
    if (c->initial_sent)
        return 0;
    c->initial_sent = true;
    *op = (grpc_op){.op = GRPC_OP_SEND_INITIAL_METADATA};
    return 1;
}

static size_t put_message(grpc_byte_buffer *message, grpc_op *op)
{
    if (message == NULL)
        return 0;
    *op = (grpc_op){.op = GRPC_OP_SEND_MESSAGE};
    op->data.send_message.send_message = message;
    return 1;
}

static size_t put_close(struct bp_rpc_call *c, grpc_op *op)
{
    if (c->close_started)
        return 0;
    c->close_started = true;
    *op = (grpc_op){.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
    op->data.recv_close_on_server.cancelled = &c->cancelled;
    return 1;
}

void bp_rpc_batch_send(struct bp_rpc_call *c, grpc_byte_buffer *message)
{
    grpc_op ops[2];
    size_t n = put_initial(c, ops);
    n += put_message(message, ops + n);
    c->writing = true;
    start(c, ops, n, &c->write_op);
    grpc_byte_buffer_destroy(message); /* its slices belong to the batch now */
}

void bp_rpc_batch_turn(struct bp_rpc_call *c, grpc_byte_buffer *message)
{
    grpc_op ops[3];
    size_t n = put_initial(c, ops);
    n += put_message(message, ops + n);
    n += put_read(c, ops + n);
    c->turning = c->writing = true;
    start(c, ops, n, &c->turn_op);
    grpc_byte_buffer_destroy(message);
}

void bp_rpc_batch_close(struct bp_rpc_call *c)
{
    grpc_op op;
    if (put_close(c, &op) != 0)
        start(c, &op, 1, &c->close_op);
}

void bp_rpc_batch_status(struct bp_rpc_call *c)
{
    grpc_op ops[4];
    size_t n = put_initial(c, ops);
    n += put_message(c->end.response, ops + n);
    n += put_close(c, ops + n);

    grpc_metadata details = {.key = grpc_slice_from_static_string("grpc-status-details-bin"),
                             .value = c->end.details};
    ops[n] = (grpc_op){.op = GRPC_OP_SEND_STATUS_FROM_SERVER};
    ops[n].data.send_status_from_server.status = (grpc_status_code)c->end.code;
    ops[n].data.send_status_from_server.status_details = &c->end.message;
    ops[n].data.send_status_from_server.trailing_metadata = &details;
    ops[n].data.send_status_from_server.trailing_metadata_count =
        GRPC_SLICE_LENGTH(c->end.details) != 0 ? 1 : 0;
    n++;

    c->writing = true;
    start(c, ops, n, &c->write_op);
    if (c->end.response != NULL)
        grpc_byte_buffer_destroy(c->end.response);
    c->end.response = NULL;
}

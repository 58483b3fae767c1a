#include "operator_service.h"

#include "answer.h"
#include "wire.h"

#define WARNINGS_MAX 12
#define SOON_NS (INT64_C(14) * 86400 * BP_NS_PER_S)

size_t bp_exchange_warnings(struct bp_exchange *x, const char **out, size_t most)
{
    int64_t now = bp_now_ns(x->clock);
    bp_status health = bp_sequencer_health(x->sequencer);
    bp_status index = bp_index_health(x->index);
    (void)pthread_mutex_lock(&x->lock);
    int64_t not_after = x->certificate_not_after_ns, next_update = x->crl_next_update_ns;
    (void)pthread_mutex_unlock(&x->lock);
    uint64_t version;
    bp_blob_unref(bp_exchange_policy_source(x, &version));
    const struct {
        bool is_so;
        const char *words;
    } all[] = {
        {version == 0, "no policy was applied yet: nobody may publish or read"},
        {health == BP_ENOSPC, "the disk reserve is reached: nothing is stored"},
        {health != BP_OK && health != BP_ENOSPC, "storing failed: nothing is stored"},
        {index == BP_EAGAIN, "the index is catching up: publishing waits for it"},
        {index == BP_ECORRUPT,
         "a damaged record keeps the index from catching up: nothing is stored"},
        {index != BP_OK && index != BP_EAGAIN && index != BP_ECORRUPT,
         "the index can't be written"},
        {not_after - now < SOON_NS, "the server's certificate ends within 14 days"},
        {next_update < now, "a revocation list is past its next update"},
    };
    size_t n = 0;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && n < most; i++) {
        if (all[i].is_so)
            out[n++] = all[i].words;
    }
    return n;
}

static void begin(struct bp_rpc_call *call, void *service)
{
    bp_rpc_call_set_state(call, service);
}

static void over(struct bp_rpc_call *call)
{
    (void)call;
}

/* Field numbers of GetStatusResponse. */
static void put_status(struct bp_exchange *x, struct bp_buf *out)
{
    const char *warnings[WARNINGS_MAX];
    struct bp_log_id id = bp_journal_log_id(x->journal);
    char log_id[33];
    uint64_t version, free_bytes = 0;
    bp_blob_unref(bp_exchange_policy_source(x, &version));
    if (bp_journal_disk_free(x->journal, &free_bytes) != BP_OK)
        free_bytes = 0;
    (void)pthread_mutex_lock(&x->lock);
    int64_t not_after = x->certificate_not_after_ns, next_update = x->crl_next_update_ns;
    (void)pthread_mutex_unlock(&x->lock);
    bp_log_id_format(&id, log_id);
    bp_wire_put_bytes(out, 1, BP_STR(BERBAGI_VERSION));
    bp_wire_put_time(out, 2, x->started_ns);
    bp_wire_put_uint(out, 3, bp_journal_head(x->journal));
    bp_wire_put_uint(out, 4, bp_index_position(x->index));
    bp_wire_put_uint(out, 5, version);
    bp_wire_put_uint(out, 6, bp_journal_disk_bytes(x->journal));
    bp_wire_put_uint(out, 7, free_bytes);
    bp_wire_put_uint(out, 8, bp_rpc_server_connections(x->rpc));
    bp_wire_put_uint(out, 9, bp_rpc_server_streams(x->rpc));
    bp_wire_put_time(out, 10, not_after);
    if (next_update != INT64_MAX)
        bp_wire_put_time(out, 11, next_update);
    size_t n = bp_exchange_warnings(x, warnings, WARNINGS_MAX);
    for (size_t i = 0; i < n; i++)
        bp_wire_put_bytes(out, 12, bp_str(warnings[i]));
    bp_wire_put_bytes(out, 13, bp_str(log_id));
}

static void status_message(struct bp_rpc_call *call, struct bp_str request)
{
    struct bp_exchange *x = bp_rpc_call_state(call);
    struct bp_rpc_status status;
    struct bp_buf out = {0};
    (void)request; /* GetStatusRequest has no fields */
    if (!bp_exchange_has_role(x, bp_rpc_call_peer(call), BERBAGI__V1__OPERATOR__ROLE__ROLE_VIEWER,
                              &status)) {
        bp_refuse(call, status);
        return;
    }
    put_status(x, &out);
    bp_answer(call, &out);
}

static const struct bp_rpc_method get_status = {
    .path = "/berbagi.v1.OperatorService/GetStatus",
    .callers = BP_RPC_FOR_OPERATORS,
    .most_request_bytes = BP_RPC_SMALL_REQUEST,
    .begin = begin,
    .message = status_message,
    .over = over,
};

bp_status bp_operator_service_add(struct bp_exchange *x, struct bp_err *err)
{
    bp_status st = bp_rpc_server_add(x->rpc, &get_status, x);
    return st == BP_OK ? st : bp_fail(err, st, "operator service: can't be registered");
}

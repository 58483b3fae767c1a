/* GetStatus, and what the methods share. */
#include "operator_service.h"

#include <stdio.h>

#include "operator_internal.h"
#include "rotation.h"
#include "rpc_answer.h"
#include "wire.h"

#define HOLDERS_MS 2000 /* between counts of who is connected */
#define SOON_NS (INT64_C(14) * 86400 * BP_NS_PER_S)

static void warn(struct bp_warnings *w, bool is_so, const char *words)
{
    if (is_so && w->n < BP_WARNINGS_MAX)
        (void)bp_str_copy(w->text[w->n++], sizeof(w->text[0]), bp_str(words));
}

static void warn_of_certificates(struct bp_exchange *x, struct bp_warnings *w)
{
    struct bp_rotation_state r;
    char words[640], time[36];
    int64_t now = bp_now_ns(x->clock);
    bp_rotation_state(x->rotation, &r);
    (void)snprintf(words, sizeof(words), "nobody is let in where revocation is unknown: %s",
                   r.lists.text);
    warn(w, r.lists.text[0] != '\0', words);
    bp_time_format(r.refused_ns, time);
    (void)snprintf(
        words, sizeof(words),
        "the certificates in place were refused at %s, those before them are in force: %s", time,
        r.refused.text);
    warn(w, r.refused_ns != 0, words);
    warn(w, r.facts.not_after_ns - now < SOON_NS, "the server's certificate ends within 14 days");
    warn(w, r.facts.crl_next_update_ns < now && r.lists.text[0] == '\0',
         "a revocation list is past its next update");
    warn(w, r.facts.crl_next_update_ns == INT64_MAX && r.lists.text[0] == '\0',
         "no revocation lists are configured: revoked certificates are let in");
}

void bp_exchange_warnings(struct bp_exchange *x, struct bp_warnings *out)
{
    bp_status health = bp_sequencer_health(x->sequencer);
    bp_status index = bp_index_health(x->index);
    uint64_t version;
    bp_blob_unref(bp_exchange_policy_source(x, &version));
    out->n = 0;
    warn(out, version == 0, "no policy was applied yet: nobody may publish or read");
    warn(out, health == BP_ENOSPC, "the disk reserve is reached: nothing is stored");
    warn(out, health != BP_OK && health != BP_ENOSPC, "storing failed: nothing is stored");
    warn(out, index == BP_EAGAIN, "the index is catching up: publishing waits for it");
    warn(out, index == BP_ECORRUPT,
         "a damaged record keeps the index from catching up: nothing is stored");
    warn(out, index != BP_OK && index != BP_EAGAIN && index != BP_ECORRUPT,
         "the index can't be written");
    warn_of_certificates(x, out);
}

void bp_operator_begin(struct bp_rpc_call *call, void *service)
{
    bp_rpc_call_set_state(call, service);
}

void bp_operator_over(struct bp_rpc_call *call)
{
    (void)call;
}

struct bp_exchange *bp_operator_exchange(const struct bp_rpc_call *call)
{
    const struct bp_operator_service *s = bp_rpc_call_state(call);
    return s->x;
}

bool bp_operator_may(struct bp_rpc_call *call, int role)
{
    struct bp_rpc_status status;
    if (bp_exchange_has_role(bp_operator_exchange(call), bp_rpc_call_peer(call), role, &status))
        return true;
    bp_refuse(call, status);
    return false;
}

/* Field numbers of GetStatusResponse. */
static void put_status(struct bp_exchange *x, struct bp_buf *out)
{
    struct bp_warnings warnings;
    struct bp_rotation_state rotation;
    struct bp_log_id id = bp_journal_log_id(x->journal);
    char log_id[33];
    uint64_t version, free_bytes = 0;
    bp_blob_unref(bp_exchange_policy_source(x, &version));
    if (bp_journal_disk_free(x->journal, &free_bytes) != BP_OK)
        free_bytes = 0;
    bp_rotation_state(x->rotation, &rotation);
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
    bp_wire_put_time(out, 10, rotation.facts.not_after_ns);
    if (rotation.facts.crl_next_update_ns != INT64_MAX)
        bp_wire_put_time(out, 11, rotation.facts.crl_next_update_ns);
    bp_exchange_warnings(x, &warnings);
    for (size_t i = 0; i < warnings.n; i++)
        bp_wire_put_bytes(out, 12, bp_str(warnings.text[i]));
    bp_wire_put_bytes(out, 13, bp_str(log_id));
}

static void status_message(struct bp_rpc_call *call, struct bp_str request)
{
    struct bp_buf out = {0};
    (void)request; /* GetStatusRequest has no fields */
    if (!bp_operator_may(call, BERBAGI__V1__OPERATOR__ROLE__ROLE_VIEWER))
        return;
    put_status(bp_operator_exchange(call), &out);
    bp_answer(call, &out);
}

static const struct bp_rpc_method get_status = {
    .path = "/berbagi.v1.OperatorService/GetStatus",
    .callers = BP_RPC_FOR_OPERATORS,
    .most_request_bytes = BP_RPC_SMALL_REQUEST,
    .begin = bp_operator_begin,
    .message = status_message,
    .over = bp_operator_over,
};

bp_status bp_operator_service_create(struct bp_exchange *x, struct bp_operator_service **out,
                                     struct bp_err *err)
{
    static const struct bp_rpc_method *const methods[] = {&get_status, &bp_operator_list_method,
                                                          &bp_operator_disconnect_method,
                                                          &bp_operator_reload_method};
    struct bp_operator_service *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return bp_fail(err, BP_ENOMEM, "operator service: out of memory");
    s->x = x;
    bp_returns_init(&s->returns, x->rpc, bp_operator_reloaded);
    bp_status st = BP_OK;
    for (size_t i = 0; st == BP_OK && i < sizeof(methods) / sizeof(methods[0]); i++)
        st = bp_rpc_server_add(x->rpc, methods[i], s);
    if (st != BP_OK) {
        bp_operator_service_destroy(s);
        return bp_fail(err, st, "operator service: can't be registered");
    }
    bp_rpc_server_every(x->rpc, HOLDERS_MS, bp_operator_count_holders, x);
    *out = s;
    return BP_OK;
}

void bp_operator_service_destroy(struct bp_operator_service *s)
{
    if (s == NULL)
        return;
    bp_returns_fini(&s->returns);
    free(s);
}

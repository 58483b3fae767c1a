/* Backup: a call that goes to and fro between the queue's thread and the worker, a piece at a time.
 *
 *   worker: make a piece -> queue: send it -> (it has left) -> worker: make the next -> ...
 *
 * So one piece is in memory, a reader that is slow holds up itself alone, and every piece is sent
 * by the rights of that moment. One backup at a time: each reads the whole log. */
#include "backup_service.h"

#include "backup.h"
#include "log.h"
#include "returns.h"
#include "rpc_answer.h"
#include "usage.h"
#include "wire.h"
#include "worker.h"

/* Field numbers of BackupChunk. */
enum { CHUNK_DATA = 1, CHUNK_DONE, CHUNK_TOTAL };

struct bp_backup_service {
    struct bp_exchange *x;
    const char *recipient; /* NULL: no backups */
    struct bp_returns returns;
    bool is_busy; /* the queue's thread */
};

struct backup_call {
    struct bp_mail mail; /* first */
    struct bp_job job;
    struct bp_backup_service *service;
    struct bp_rpc_call *call; /* a reference */
    bool is_over;
    bool is_running; /* the worker has it */
    bool has_turn;   /* it is the one that is under way */
    bool is_last;    /* the piece at hand, or sent, is */
    struct bp_backup *work;
    struct bp_buf piece;
    struct bp_rpc_status status;
};

static void release_if_done(struct backup_call *c)
{
    if (!c->is_over || c->is_running)
        return;
    if (c->has_turn)
        c->service->is_busy = false;
    bp_backup_destroy(c->work);
    bp_buf_fini(&c->piece);
    bp_rpc_call_unref(c->call);
    free(c);
}

/* --- on the worker --- */

static bp_status make_piece(struct backup_call *c, struct bp_err *err)
{
    struct bp_exchange *x = c->service->x;
    const struct bp_backup_config config = {x->journal, x->sequencer, x->clock,
                                            c->service->recipient};
    bp_status st = c->work != NULL ? BP_OK : bp_backup_create(&config, &c->work, err);
    return st == BP_OK ? bp_backup_next(c->work, &c->piece, &c->is_last, err) : st;
}

static void run(struct bp_job *job)
{
    struct backup_call *c = (struct backup_call *)((char *)job - offsetof(struct backup_call, job));
    struct bp_err err = {""};
    char words[sizeof(err.text) * 2];
    bp_status st = make_piece(c, &err);
    if (st != BP_OK) {
        c->status = st == BP_ECORRUPT ? bp_rpc_status(BP_REASON_DATA_CORRUPT, "%s", err.text)
                                      : bp_rpc_status_of(st, NULL);
        bp_log(BP_LOG_ERROR, "backup.failed", "why=%s",
               bp_log_quote(words, sizeof(words), bp_str(err.text)));
    }
    bp_returns_push(&c->service->returns, &c->mail);
}

/* --- on the queue's thread --- */

static bool may_back_up(struct backup_call *c)
{
    struct bp_rpc_status status;
    if (bp_exchange_has_role(c->service->x, bp_rpc_call_peer(c->call),
                             BERBAGI__V1__OPERATOR__ROLE__ROLE_BACKUP, &status))
        return true;
    bp_refuse(c->call, status);
    return false;
}

static void send_piece(struct backup_call *c)
{
    struct bp_buf out = {0};
    uint64_t done, total;
    bp_backup_progress(c->work, &done, &total);
    bp_wire_put_bytes(&out, CHUNK_DATA, bp_buf_str(&c->piece));
    bp_wire_put_uint(&out, CHUNK_DONE, done);
    bp_wire_put_uint(&out, CHUNK_TOTAL, total);
    struct bp_blob *blob = bp_blob_take(&out);
    bp_buf_fini(&out);
    if (blob == NULL) {
        bp_refuse(c->call, bp_rpc_status_of(BP_ENOMEM, NULL));
        return;
    }
    bp_rpc_call_send(c->call, &blob, 1);
    if (c->is_last) {
        bp_log(BP_LOG_INFO, "backup.made", "entries=%llu", (unsigned long long)total);
        bp_refuse(c->call, BP_RPC_STATUS_OK); /* behind the piece */
    }
}

static void handle_return(struct bp_mail *mail)
{
    struct backup_call *c = (struct backup_call *)mail;
    c->is_running = false;
    if (c->is_over)
        release_if_done(c);
    else if (c->status.code != BP_RPC_OK)
        bp_refuse(c->call, c->status);
    else if (may_back_up(c))
        send_piece(c);
}

static void make_next(struct backup_call *c)
{
    c->is_running = bp_worker_submit(c->service->x->worker, &c->job);
    if (!c->is_running)
        bp_refuse(c->call, bp_rpc_status(BP_REASON_SHUTTING_DOWN, NULL));
}

static void begin(struct bp_rpc_call *call, void *service)
{
    struct backup_call *c = bp_new_state(call, sizeof(*c));
    if (c == NULL)
        return;
    c->job.run = run;
    c->service = service;
    c->call = bp_rpc_call_ref(call);
    c->status = BP_RPC_STATUS_OK;
}

static void message(struct bp_rpc_call *call, struct bp_str request)
{
    struct backup_call *c = bp_rpc_call_state(call);
    (void)request; /* BackupRequest has no fields */
    if (c == NULL || !may_back_up(c))
        return;
    if (c->service->recipient == NULL) {
        bp_refuse(call, bp_rpc_status(BP_REASON_NO_BACKUP_RECIPIENT, NULL));
        return;
    }
    if (c->service->is_busy) {
        struct bp_rpc_status status = bp_rpc_status(BP_REASON_BUSY, "another backup is under way");
        status.retry_after_ms = 5000;
        bp_refuse(call, status);
        return;
    }
    c->has_turn = c->service->is_busy = true;
    bp_usage_record_act(c->service->x, BP_AUDIT_BACKUP, bp_rpc_call_peer(call), NULL,
                        bp_journal_head(c->service->x->journal), false);
    make_next(c);
}

static void sent(struct bp_rpc_call *call)
{
    struct backup_call *c = bp_rpc_call_state(call);
    if (!c->is_last)
        make_next(c);
}

static void over(struct bp_rpc_call *call)
{
    struct backup_call *c = bp_rpc_call_state(call);
    if (c == NULL)
        return;
    c->is_over = true;
    release_if_done(c);
}

static const struct bp_rpc_method backup = {
    .path = "/berbagi.v1.OperatorService/Backup",
    .callers = BP_RPC_FOR_OPERATORS,
    .server_streams = true,
    .most_request_bytes = BP_RPC_SMALL_REQUEST,
    .begin = begin,
    .message = message,
    .sent = sent,
    .over = over,
};

/* A backup is made and thrown away, so that a recipient that is none is told at the start. */
static bp_status check_recipient(struct bp_exchange *x, const char *recipient, struct bp_err *err)
{
    const struct bp_backup_config config = {x->journal, x->sequencer, x->clock, recipient};
    struct bp_backup *probe = NULL;
    bp_status st = recipient == NULL ? BP_OK : bp_backup_create(&config, &probe, err);
    bp_backup_destroy(probe);
    return st;
}

bp_status bp_backup_service_create(struct bp_exchange *x, const char *recipient,
                                   struct bp_backup_service **out, struct bp_err *err)
{
    bp_status st = check_recipient(x, recipient, err);
    if (st != BP_OK)
        return st;
    struct bp_backup_service *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return bp_fail(err, BP_ENOMEM, "backup service: out of memory");
    s->x = x;
    s->recipient = recipient;
    bp_returns_init(&s->returns, x->rpc, handle_return);
    *out = s;
    st = bp_rpc_server_add(x->rpc, &backup, s);
    return st == BP_OK ? st : bp_fail(err, st, "backup service: Backup can't be registered");
}

void bp_backup_service_destroy(struct bp_backup_service *s)
{
    if (s == NULL)
        return;
    bp_returns_fini(&s->returns);
    free(s);
}

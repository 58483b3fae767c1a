/* A job belongs to its call and to the worker, and is freed by whoever lets go of it last:
 *
 *     message ── bounds ── mailbox ──▶ worker: open, decide, commit, close ── wake ──▶ woken: answer
 */
#include "renewals.h"

#include <pthread.h>
#include <stdlib.h>

#include "file.h"
#include "log.h"
#include "mailbox.h"
#include "rpc_answer.h"
#include "visitors.h"
#include "wire.h"

#define REQUEST_MOST 16384
#define JOBS_MOST 64
#define BUSY_WAIT_MS 5000
#define RECORDED_REFUSALS_AN_HOUR 60
#define WAIT_MOST_MS INT64_C(86400000)

struct bp_renewals {
    struct bp_renewals_config config;
    struct bp_mailbox mailbox;
    pthread_t worker;
    bool has_worker;
    /* of the queue's thread */
    struct bp_visitors visitors;
    struct bp_allowance all, refusals;
};

struct job {
    struct bp_mail mail; /* first */
    atomic_uint refs;
    struct bp_rpc_call *call; /* the worker's reference */
    struct bp_peer peer;
    struct bp_buf request;
    bool records_refusal;
    atomic_bool is_done; /* what follows is written */
    bp_status st;
    struct bp_online_answer answer;
    struct bp_buf authorities;
    int64_t renew_after_ns;
};

static void job_unref(struct job *j)
{
    if (j == NULL || atomic_fetch_sub(&j->refs, 1) != 1)
        return;
    bp_buf_fini(&j->request);
    bp_online_answer_fini(&j->answer);
    bp_buf_fini(&j->authorities);
    free(j);
}

/* --- the worker --- */

static bp_status open_and_renew(struct bp_renewals *r, struct job *j, struct bp_err *err)
{
    const struct bp_online_request request = {.held = &j->peer.identity,
                                              .pem = bp_buf_str(&j->request),
                                              .address = j->peer.address,
                                              .records_refusal = j->records_refusal};
    struct bp_authority a = {0};
    bp_status st = bp_authority_open(r->config.dir, BP_FOR_WRITING, r->config.keys, &a, err);
    if (st == BP_OK)
        st = bp_online_renew(&a, &r->config.policy, &request, &j->answer, err);
    bp_authority_close(&a);
    return st;
}

/* What the answer says beside the certificate. */
static bp_status describe(const struct bp_renewals *r, struct job *j, struct bp_err *err)
{
    struct bp_identity id;
    char *bundle = bp_path_join(r->config.dir, "ca.pem");
    bp_status st = bundle != NULL ? bp_file_read(bundle, BP_PEM_MOST_BYTES, &j->authorities, err)
                                  : bp_fail(err, BP_ENOMEM, "out of memory");
    free(bundle);
    if (st == BP_OK && (st = bp_identity_of_pem(bp_buf_str(&j->answer.granted.pem), NULL,
                                                bp_now_ns(r->config.clock), &id, err)) == BP_OK)
        j->renew_after_ns = bp_identity_renewal_ns(&id);
    return st;
}

static void log_outcome(const struct job *j, const struct bp_err *err)
{
    static struct bp_log_limit limit = {.most = 10, .interval_ms = 1000};
    const struct bp_identity *held = &j->peer.identity;
    char words[300];
    if (j->st != BP_OK)
        bp_log(BP_LOG_ERROR, "renewal.failed", "agency=%s held=%s why=%s", held->name, held->serial,
               bp_log_quote(words, sizeof(words), bp_str(err->text)));
    else if (j->answer.outcome == BP_ONLINE_GRANTED)
        bp_log(BP_LOG_INFO, "renewal.granted", "agency=%s held=%s serial=%s peer=%s", held->name,
               held->serial, j->answer.granted.serial, j->peer.address);
    else if (bp_log_admit(&limit))
        bp_log(BP_LOG_WARN, "renewal.refused", "agency=%s held=%s peer=%s why=%s", held->name,
               held->serial, j->peer.address,
               bp_log_quote(words, sizeof(words), bp_str(j->answer.why.text)));
}

static void work_on(struct bp_renewals *r, struct job *j)
{
    struct bp_err err = {""};
    j->st = open_and_renew(r, j, &err);
    if (j->st == BP_OK && j->answer.outcome == BP_ONLINE_GRANTED)
        j->st = describe(r, j, &err);
    log_outcome(j, &err);
    atomic_store(&j->is_done, true);
    bp_rpc_call_wake(j->call);
    bp_rpc_call_unref(j->call);
    job_unref(j);
}

static void *work(void *context)
{
    struct bp_renewals *r = context;
    for (;;) {
        struct bp_mail *mail = bp_mailbox_take(&r->mailbox, -1);
        if (mail == NULL && bp_mailbox_is_closed(&r->mailbox))
            return NULL;
        for (struct bp_mail *next; mail != NULL; mail = next) {
            next = mail->next;
            work_on(r, (struct job *)mail);
        }
    }
}

/* --- the queue's thread --- */

/* RenewRequest.request; false where it is none. */
static bool read_request(struct bp_str message, struct bp_str *out)
{
    struct bp_wire w = bp_wire_of(message);
    struct bp_wire_field f;
    *out = (struct bp_str){0};
    while (bp_wire_next(&w, &f)) {
        if (f.number == 1 && f.type == BP_WIRE_LEN)
            *out = f.bytes;
    }
    return !w.malformed && out->n != 0 && out->n <= REQUEST_MOST;
}

static struct bp_rpc_status over_quota(const char *words, int64_t wait_ms)
{
    struct bp_rpc_status status = bp_rpc_status(BP_REASON_OVER_QUOTA, "%s", words);
    status.retry_after_ms = wait_ms < WAIT_MOST_MS ? wait_ms : WAIT_MOST_MS;
    return status;
}

static bool is_admitted(struct bp_renewals *r, const struct bp_peer *peer,
                        struct bp_rpc_status *why)
{
    const int64_t now_ms = bp_monotonic_ms(r->config.clock);
    int64_t wait_ms;
    if (!bp_visitors_admit(&r->visitors, peer->identity.name, now_ms, &wait_ms)) {
        *why = over_quota("this agency asks too often", wait_ms);
        return false;
    }
    if (!bp_allowance_take(&r->all, now_ms, &wait_ms)) {
        *why = over_quota("the service has as much to do as it may", wait_ms);
        return false;
    }
    return true;
}

/* Held off before the ledger was looked at, so it is in the log alone. */
static void hold_off(struct bp_rpc_call *call, struct bp_rpc_status why)
{
    static struct bp_log_limit limit = {.most = 10, .interval_ms = 1000};
    const struct bp_peer *peer = bp_rpc_call_peer(call);
    char words[300];
    if (bp_log_admit(&limit))
        bp_log(BP_LOG_WARN, "renewal.held_off", "agency=%s held=%s peer=%s why=%s",
               peer->identity.name, peer->identity.serial, peer->address,
               bp_log_quote(words, sizeof(words), bp_str(why.message)));
    bp_refuse(call, why);
}

static bool submit(struct bp_renewals *r, struct bp_rpc_call *call, struct bp_str pem)
{
    int64_t ignored;
    struct job *j = calloc(1, sizeof(*j));
    if (j == NULL)
        return false;
    j->mail.bytes = 1;
    atomic_init(&j->refs, 2);
    j->peer = *bp_rpc_call_peer(call);
    j->records_refusal =
        bp_allowance_take(&r->refusals, bp_monotonic_ms(r->config.clock), &ignored);
    bp_buf_add_str(&j->request, pem);
    j->call = bp_rpc_call_ref(call);
    if (!j->request.failed && bp_mailbox_push(&r->mailbox, &j->mail)) {
        bp_rpc_call_set_state(call, j);
        return true;
    }
    bp_rpc_call_unref(j->call);
    atomic_store(&j->refs, 1);
    job_unref(j);
    return false;
}

static void message(struct bp_rpc_call *call, struct bp_str bytes)
{
    struct bp_renewals *r = bp_rpc_call_service(call);
    struct bp_rpc_status why;
    struct bp_str pem;
    if (!is_admitted(r, bp_rpc_call_peer(call), &why)) {
        hold_off(call, why);
    } else if (!read_request(bytes, &pem)) {
        bp_refuse(call, bp_malformed_field("request", "a request of 1 to 16384 bytes is expected"));
    } else if (!submit(r, call, pem)) {
        why = bp_rpc_status(BP_REASON_BUSY, "too many ask at once");
        why.retry_after_ms = BUSY_WAIT_MS;
        hold_off(call, why);
    }
}

static void answer(struct bp_rpc_call *call, const struct job *j)
{
    struct bp_buf out = {0};
    bp_wire_put_bytes(&out, 1, bp_buf_str(&j->answer.granted.pem));
    bp_wire_put_bytes(&out, 2, bp_buf_str(&j->authorities));
    bp_wire_put_time(&out, 3, j->answer.granted.not_after_s * BP_NS_PER_S);
    bp_wire_put_time(&out, 4, j->renew_after_ns);
    bp_answer(call, &out);
}

static struct bp_rpc_status refusal(const struct bp_online_answer *a)
{
    switch (a->outcome) {
    case BP_ONLINE_MALFORMED:
        return bp_malformed_field("request", a->why.text);
    case BP_ONLINE_REVOKED:
        return bp_rpc_status(BP_REASON_CERTIFICATE_REVOKED, "%s", a->why.text);
    case BP_ONLINE_OVER:
        return bp_rpc_status(BP_REASON_CERTIFICATE_EXPIRED, "%s", a->why.text);
    case BP_ONLINE_NOT_REGISTERED:
        return bp_rpc_status(BP_REASON_UNKNOWN_AGENCY, "%s", a->why.text);
    case BP_ONLINE_NOT_OURS:
        return bp_rpc_status(BP_REASON_BAD_CERTIFICATE, "%s", a->why.text);
    case BP_ONLINE_TOO_MANY:
        return over_quota(a->why.text, a->retry_after_s * 1000);
    case BP_ONLINE_GRANTED:
        break;
    }
    return bp_rpc_status(BP_REASON_INTERNAL_ERROR, NULL);
}

static void woken(struct bp_rpc_call *call)
{
    const struct job *j = bp_rpc_call_state(call);
    if (j == NULL || !atomic_load(&j->is_done))
        return;
    if (j->st != BP_OK)
        bp_refuse(call, bp_rpc_status(BP_REASON_INTERNAL_ERROR, NULL));
    else if (j->answer.outcome == BP_ONLINE_GRANTED)
        answer(call, j);
    else
        bp_refuse(call, refusal(&j->answer));
}

static void begin(struct bp_rpc_call *call, void *service)
{
    (void)call;
    (void)service;
}

static void over(struct bp_rpc_call *call)
{
    job_unref(bp_rpc_call_state(call));
    bp_rpc_call_set_state(call, NULL);
}

static const struct bp_rpc_method renew = {
    .path = "/berbagi.ca.v1.RenewalService/Renew",
    .callers = BP_RPC_FOR_AGENCIES,
    .most_request_bytes = REQUEST_MOST + 64,
    .begin = begin,
    .message = message,
    .woken = woken,
    .over = over,
};

bp_status bp_renewals_start(const struct bp_renewals_config *config, struct bp_rpc_server *rpc,
                            struct bp_renewals **out, struct bp_err *err)
{
    struct bp_renewals *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return bp_fail(err, BP_ENOMEM, "out of memory");
    r->config = *config;
    r->all = (struct bp_allowance){config->most_an_hour, config->most_an_hour, 0};
    r->refusals = (struct bp_allowance){RECORDED_REFUSALS_AN_HOUR, RECORDED_REFUSALS_AN_HOUR, 0};
    bp_mailbox_init(&r->mailbox, JOBS_MOST);
    bp_status st = bp_rpc_server_add(rpc, &renew, r);
    if (st != BP_OK)
        bp_fail(err, st, "the renewal service cannot be registered");
    else if (pthread_create(&r->worker, NULL, work, r) != 0)
        st = bp_fail(err, BP_EIO, "no thread can be started");
    else
        r->has_worker = true;
    if (st == BP_OK)
        *out = r;
    else
        bp_renewals_stop(r);
    return st;
}

void bp_renewals_stop(struct bp_renewals *r)
{
    if (r == NULL)
        return;
    bp_mailbox_close(&r->mailbox);
    if (r->has_worker)
        (void)pthread_join(r->worker, NULL);
    bp_mailbox_fini(&r->mailbox);
    bp_visitors_fini(&r->visitors);
    free(r);
}

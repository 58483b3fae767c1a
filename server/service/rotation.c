/* Three threads meet here. The rotation's thread does all that takes time and alone writes the
 * state; the queue's thread swaps, because calls are judged there, while the rotation's waits for
 * it: so `current` needs no lock. Others read the state under its lock. */
#include "rotation.h"

#include <pthread.h>
#include <stdlib.h>

#include "file_watch.h"
#include "log.h"
#include "metrics.h"

/* A set may be refused for what time mends: it is not valid yet. */
#define RETRY_MS 60000

struct bp_rotation {
    const struct bp_credential_files *files;
    const struct bp_clock *clock;
    struct bp_rpc_server *rpc;
    struct bp_credentials *current;
    struct bp_mailbox mailbox;
    struct bp_file_watch watch;
    pthread_t thread;
    bool started;
    int64_t retry_at_ms; /* 0: nothing to retry */

    pthread_mutex_t lock; /* guards state and turn.done; a leaf */
    pthread_cond_t turned;
    struct bp_rotation_state state;
    struct turn {
        struct bp_rpc_task task; /* first */
        struct bp_rotation *rotation;
        struct bp_credentials *fresh; /* left there unless they are to be swapped in */
        bool dry_run;
        unsigned cut;
        bool done;
    } turn; /* what the queue's thread is asked to do */
};

/* --- facts and state --- */

static void tell_facts(const struct bp_credentials *c, struct bp_rotation_facts *out)
{
    (void)bp_str_copy(out->serial, sizeof(out->serial), bp_str(bp_credentials_serial(c)));
    out->not_after_ns = bp_credentials_not_after_ns(c);
    out->crl_next_update_ns = bp_credentials_crl_next_update_ns(c);
    out->authorities = bp_credentials_authorities(c);
    out->revoked = bp_credentials_revoked(c);
}

static void note_in_force(struct bp_rotation *r)
{
    int64_t now_ns = bp_now_ns(r->clock);
    (void)pthread_mutex_lock(&r->lock);
    tell_facts(r->current, &r->state.facts);
    r->state.taken_ns = now_ns;
    r->state.refused_ns = 0;
    r->state.refused.text[0] = '\0';
    (void)pthread_mutex_unlock(&r->lock);
    r->retry_at_ms = 0;
    bp_metric_set(BP_METRIC_RELOAD_TAKEN_AT, (uint64_t)(now_ns / BP_NS_PER_S));
    bp_metric_set(BP_METRIC_RELOAD_REFUSED, 0);
}

/* A refusal that a retry meets again is no news. */
static void note_refused(struct bp_rotation *r, const struct bp_err *why)
{
    char words[sizeof(why->text) * 2];
    bool is_news = strcmp(r->state.refused.text, why->text) != 0 || r->retry_at_ms == 0;
    (void)pthread_mutex_lock(&r->lock);
    r->state.refused_ns = bp_now_ns(r->clock);
    r->state.refused = *why;
    (void)pthread_mutex_unlock(&r->lock);
    r->retry_at_ms = bp_monotonic_ms(r->clock) + RETRY_MS;
    bp_metric_set(BP_METRIC_RELOAD_REFUSED, 1);
    if (!is_news)
        return;
    bp_metric_add(BP_METRIC_RELOADS_REFUSED, 1);
    bp_log(BP_LOG_ERROR, "server.reload_refused", "why=%s",
           bp_log_quote(words, sizeof(words), bp_str(why->text)));
}

/* Lists run out by themselves. */
static void look_at_lists(struct bp_rotation *r)
{
    struct bp_err why = {""};
    char words[sizeof(why.text) * 2];
    bool is_shut = bp_credentials_check_lists(r->current, bp_now_ns(r->clock), &why) != BP_OK;
    if (strcmp(r->state.lists.text, why.text) == 0)
        return;
    (void)pthread_mutex_lock(&r->lock);
    r->state.lists = why;
    (void)pthread_mutex_unlock(&r->lock);
    bp_metric_set(BP_METRIC_REVOCATION_UNKNOWN, is_shut);
    if (is_shut)
        bp_log(BP_LOG_ERROR, "server.revocation_unknown", "why=%s",
               bp_log_quote(words, sizeof(words), bp_str(why.text)));
    else
        bp_log(BP_LOG_INFO, "server.revocation_known", "serial=%s", r->state.facts.serial);
}

void bp_rotation_state(struct bp_rotation *r, struct bp_rotation_state *out)
{
    (void)pthread_mutex_lock(&r->lock);
    *out = r->state;
    (void)pthread_mutex_unlock(&r->lock);
}

/* --- on the queue's thread --- */

static void take_turn(struct bp_rpc_task *task)
{
    struct turn *turn = (struct turn *)task;
    struct bp_rotation *r = turn->rotation;
    if (turn->dry_run) {
        turn->cut = bp_rpc_server_would_cut(r->rpc, turn->fresh);
    } else {
        struct bp_credentials *before = r->current;
        turn->cut = bp_rpc_server_set_credentials(r->rpc, turn->fresh);
        r->current = turn->fresh;
        turn->fresh = NULL;
        bp_credentials_destroy(before);
    }
    (void)pthread_mutex_lock(&r->lock);
    turn->done = true;
    (void)pthread_cond_signal(&r->turned);
    (void)pthread_mutex_unlock(&r->lock);
}

/* --- on the rotation's thread --- */

static unsigned wait_for_turn(struct bp_rotation *r, struct bp_credentials *fresh, bool dry_run)
{
    r->turn.fresh = fresh;
    r->turn.dry_run = dry_run;
    r->turn.done = false;
    bp_rpc_post(r->rpc, &r->turn.task);
    (void)pthread_mutex_lock(&r->lock);
    while (!r->turn.done)
        (void)pthread_cond_wait(&r->turned, &r->lock);
    (void)pthread_mutex_unlock(&r->lock);
    bp_credentials_destroy(r->turn.fresh);
    return r->turn.cut;
}

/* Loads the files in place and judges them. What makes the handshakes that are made now was proved
 * when it was taken: a new list is in force a handshake sooner. */
static bp_status prepare(const struct bp_rotation *r, struct bp_credentials **out,
                         struct bp_err *err)
{
    struct bp_credentials *fresh = NULL;
    bp_status st = bp_credentials_load(r->files, true, bp_now_ns(r->clock), &fresh, err);
    if (st != BP_OK)
        return st;
    if ((st = bp_credentials_check_names(fresh, r->current, err)) != BP_OK)
        (void)bp_fail_in(err, st, "%s", r->files->cert);
    else if (!bp_credentials_shows_same(fresh, r->current))
        st = bp_rpc_prove(fresh, err);
    if (st != BP_OK)
        bp_credentials_destroy(fresh);
    else
        *out = fresh;
    return st;
}

static void log_taken(const struct bp_rotation *r, unsigned cut)
{
    const struct bp_rotation_facts *f = &r->state.facts;
    char not_after[36];
    bp_time_format(f->not_after_ns, not_after);
    bp_log(BP_LOG_INFO, "server.credentials_reloaded",
           "serial=%s not_after=%s authorities=%zu revoked=%zu calls_cut=%u", f->serial, not_after,
           f->authorities, f->revoked, cut);
}

static void answer(struct bp_rotation *r, struct bp_rotation_request *request)
{
    struct bp_credentials *fresh = NULL;
    request->err.text[0] = '\0';
    request->st = prepare(r, &fresh, &request->err);
    if (request->st == BP_OK) {
        tell_facts(fresh, &request->facts);
        request->cut = wait_for_turn(r, fresh, request->dry_run);
    }
    if (request->dry_run)
        return;
    if (request->st != BP_OK) {
        note_refused(r, &request->err);
        return;
    }
    note_in_force(r);
    look_at_lists(r);
    bp_metric_add(BP_METRIC_RELOADS_TAKEN, 1);
    log_taken(r, request->cut);
}

/* Files that say what is in force already (touched, or broken and mended) are no news. */
static bool is_in_force(const struct bp_rotation *r)
{
    struct bp_credentials *fresh = NULL;
    bp_status st = bp_credentials_load(r->files, true, bp_now_ns(r->clock), &fresh, NULL);
    bool is_same = st == BP_OK && bp_credentials_is_same(fresh, r->current);
    bp_credentials_destroy(fresh);
    return is_same && r->state.refused_ns == 0;
}

static void look_at_files(struct bp_rotation *r)
{
    struct bp_rotation_request request = {.dry_run = false};
    int64_t now_ms = bp_monotonic_ms(r->clock);
    bool is_changed = bp_file_watch_look(&r->watch, now_ms);
    bool is_retry = r->retry_at_ms != 0 && now_ms >= r->retry_at_ms;
    if (is_changed)
        r->retry_at_ms = 0; /* what it comes to is news */
    if (is_retry || (is_changed && !is_in_force(r)))
        answer(r, &request);
}

static void *run(void *context)
{
    struct bp_rotation *r = context;
    for (;;) {
        struct bp_mail *mail = bp_mailbox_take(&r->mailbox, BP_FILE_WATCH_LOOK_MS);
        if (mail == NULL && bp_mailbox_is_closed(&r->mailbox))
            return NULL;
        while (mail != NULL) {
            struct bp_rotation_request *request = (struct bp_rotation_request *)mail;
            mail = mail->next; /* done may free it */
            if (!request->dry_run)
                r->retry_at_ms = 0;
            answer(r, request);
            request->done(request);
        }
        look_at_files(r);
        look_at_lists(r);
    }
}

/* --- from outside --- */

static bp_status watch_all(struct bp_rotation *r, struct bp_err *err)
{
    const struct bp_credential_files *f = r->files;
    bool all = bp_file_watch_add(&r->watch, f->cert) && bp_file_watch_add(&r->watch, f->key) &&
               bp_file_watch_add(&r->watch, f->ca);
    for (size_t i = 0; all && i < BP_IDENTITY_KINDS; i++)
        all = bp_file_watch_add(&r->watch, f->issuers[i]);
    for (size_t i = 0; all && i < f->n_crls; i++)
        all = bp_file_watch_add(&r->watch, f->crls[i]);
    bp_file_watch_begin(&r->watch);
    return all ? BP_OK
               : bp_fail(err, BP_EINVAL, "--crl: together with the certificates at most %d files",
                         BP_FILE_WATCH_PATHS_MAX);
}

bp_status bp_rotation_create(const struct bp_credential_files *files, const struct bp_clock *clock,
                             struct bp_rotation **out, struct bp_err *err)
{
    struct bp_rotation *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return bp_fail(err, BP_ENOMEM, "certificates: out of memory");
    r->files = files;
    r->clock = clock;
    r->turn.task.run = take_turn;
    r->turn.rotation = r;
    BP_ASSERT(pthread_mutex_init(&r->lock, NULL) == 0);
    BP_ASSERT(pthread_cond_init(&r->turned, NULL) == 0);
    bp_mailbox_init(&r->mailbox, SIZE_MAX);
    bp_file_watch_init(&r->watch);
    bp_status st = watch_all(r, err);
    if (st == BP_OK)
        st = bp_credentials_load_barred(files, true, bp_now_ns(clock), &r->current, err);
    if (st == BP_OK && (st = bp_rpc_prove(r->current, err)) != BP_OK)
        (void)bp_fail_in(err, st, "%s", files->cert);
    if (st != BP_OK) {
        bp_rotation_destroy(r);
        return st;
    }
    note_in_force(r);
    look_at_lists(r);
    if (r->state.lists.text[0] != '\0')
        r->retry_at_ms = bp_monotonic_ms(clock) + RETRY_MS;
    *out = r;
    return BP_OK;
}

const struct bp_credentials *bp_rotation_credentials(const struct bp_rotation *r)
{
    return r->current;
}

bp_status bp_rotation_start(struct bp_rotation *r, struct bp_rpc_server *rpc, struct bp_err *err)
{
    r->rpc = rpc;
    if (pthread_create(&r->thread, NULL, run, r) != 0)
        return bp_fail(err, BP_EIO, "certificates: no thread can be started");
    r->started = true;
    return BP_OK;
}

void bp_rotation_stop(struct bp_rotation *r)
{
    if (r == NULL || !r->started)
        return;
    bp_mailbox_close(&r->mailbox);
    (void)pthread_join(r->thread, NULL);
    r->started = false;
}

void bp_rotation_destroy(struct bp_rotation *r)
{
    if (r == NULL)
        return;
    bp_credentials_destroy(r->current);
    bp_mailbox_fini(&r->mailbox);
    (void)pthread_cond_destroy(&r->turned);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
}

bool bp_rotation_ask(struct bp_rotation *r, struct bp_rotation_request *request)
{
    request->mail.bytes = 0;
    return bp_mailbox_push(&r->mailbox, &request->mail);
}

static void free_request(struct bp_rotation_request *request)
{
    free(request);
}

void bp_rotation_reload(struct bp_rotation *r)
{
    struct bp_rotation_request *request = calloc(1, sizeof(*request));
    if (request == NULL)
        return;
    request->done = free_request;
    if (!bp_rotation_ask(r, request))
        free(request);
}

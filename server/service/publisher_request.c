/* The way of a request between its arrival and its answer.
 *
 *     ARRIVED --small--> judged here --------+
 *        |                                   v
 *        +--> JUDGING --judged beside--> accounted --> STORING --done--> DECIDED
 *                                                         ^                 |
 *              back to the start, if the policy changed meanwhile ----------+
 *
 * A request is small when it is worth no more than a slice of the judge and its agency sends little;
 * that costs no change of threads. Behind one that is being judged beside, everything of its call is,
 * so the order of a stream is that of its hearings. The sequencer answers on its own thread, maybe
 * after the call is over, so answers come back through the publisher's mailboxes, and a call's state
 * lives until its last request is back. A request that failed as a whole raises the call's fence: the
 * sequencer stores nothing that was submitted behind it.
 *
 * Where NIKs were resolved, the audit record is written beside the storing, and the answer waits
 * for both: no pseudonym leaves before its use is on record. */
#include "publisher_internal.h"
#include "usage.h"

static void decide(struct bp_request *r)
{
    r->stage = BP_REQUEST_DECIDED;
    if (!r->is_in_lane)
        return;
    r->is_in_lane = false;
    bp_lane_remove(&r->call->lane, bp_publication_events(r->publication));
}

void bp_request_refuse(struct bp_request *r, struct bp_rpc_status status)
{
    r->refusal = status;
    r->call->is_refused = true;
    decide(r);
}

void bp_request_refuse_later(struct bp_request *r, struct bp_rpc_status status)
{
    struct bp_publisher *p = r->call->publisher;
    bool has_stored = bp_publication_has_stored(r->publication);
    r->refusal = has_stored ? bp_publication_refusal(BP_EIO) : status; /* some of it is stored */
    r->call->is_refused = true;
    r->call->n_away++;
    r->held_since_ms = bp_monotonic_ms(p->x->clock);
    r->next_held = p->held;
    p->held = r;
}

/* How long it has been held counts towards the wait it is told. */
static void tell_refused(struct bp_request *r, int64_t held_ms)
{
    int64_t left_ms = r->refusal.retry_after_ms - held_ms;
    r->refusal.retry_after_ms = left_ms > 0 ? left_ms : 1;
    r->call->n_away--;
    decide(r);
    bp_publish_call_moved(r->call);
}

static bool is_held(const struct bp_request *r, int64_t held_ms)
{
    return !r->call->is_over && held_ms < BP_REFUSED_HOLD_MS && held_ms < r->refusal.retry_after_ms;
}

void bp_publisher_tell_refused(void *context)
{
    struct bp_publisher *p = context;
    int64_t now_ms = bp_monotonic_ms(p->x->clock);
    struct bp_request *r = p->held, *next;
    p->held = NULL;
    for (; r != NULL; r = next) {
        int64_t held_ms = now_ms - r->held_since_ms;
        next = r->next_held;
        if (is_held(r, held_ms)) {
            r->next_held = p->held;
            p->held = r;
        } else {
            tell_refused(r, held_ms);
        }
    }
}

void bp_publisher_drop_refused(struct bp_publisher *p)
{
    while (p->held != NULL) {
        struct bp_request *r = p->held;
        p->held = r->next_held;
        tell_refused(r, 0);
    }
}

bool bp_request_is_decided(const struct bp_request *r)
{
    return r != NULL && r->stage == BP_REQUEST_DECIDED && !r->is_auditing;
}

static void refuse_as_busy(struct bp_request *r)
{
    struct bp_rpc_status status = bp_rpc_status(BP_REASON_BUSY, NULL);
    status.retry_after_ms = 100;
    bp_request_refuse_later(r, status);
}

/* --- on record --- */

/* On the audit thread. */
static void on_written(struct bp_audit_record *record, bp_status st)
{
    struct bp_request *r =
        (struct bp_request *)((char *)record - offsetof(struct bp_request, audit));
    r->audit_outcome = st;
    bp_returns_push(&r->call->publisher->audited, &r->audited);
}

/* Counts the pseudonyms that judging made, and puts that on record. false: refused. */
static bool account(struct bp_request *r)
{
    struct bp_publish_call *c = r->call;
    struct bp_exchange *x = c->publisher->x;
    const struct bp_identity *sender = &bp_rpc_call_peer(c->call)->identity;
    struct bp_rpc_status status;
    size_t n = bp_publication_take_resolves(r->publication);
    if (n == 0)
        return true;
    if (!bp_usage_take_resolves(x, sender->name, n, &status)) {
        bp_request_refuse_later(r, status);
        return false;
    }
    r->audit = (struct bp_audit_record){.kind = BP_AUDIT_RESOLVE,
                                        .time_ns = bp_now_ns(x->clock),
                                        .who = sender->name,
                                        .serial = sender->serial,
                                        .count = n,
                                        .is_dry_run = bp_publication_is_dry_run(r->publication),
                                        .done = on_written};
    if (!bp_audit_write(x->audit, &r->audit)) {
        refuse_as_busy(r);
        return false;
    }
    r->is_auditing = true;
    c->n_away++;
    return true;
}

/* What can't be put on record is not answered. */
void bp_request_on_audited(struct bp_mail *mail)
{
    struct bp_request *r =
        (struct bp_request *)((char *)mail - offsetof(struct bp_request, audited));
    r->is_auditing = false;
    r->call->n_away--;
    if (r->audit_outcome != BP_OK && r->refusal.code == BP_RPC_OK) {
        r->refusal = bp_publication_refusal(BP_EIO);
        r->call->is_refused = true;
    }
    bp_publish_call_moved(r->call);
}

/* --- storing --- */

static struct bp_part *part_of(struct bp_mail *mail)
{
    return (struct bp_part *)((char *)mail - offsetof(struct bp_part, mail));
}

/* On the sequencer's thread. */
static void on_done(struct bp_submission *submission, bp_status st)
{
    struct bp_part *part = (struct bp_part *)submission; /* it is its first member */
    struct bp_request *r = submission->context;
    part->outcome = st;
    bp_returns_push(&r->call->publisher->stored, &part->mail);
}

static void submit(struct bp_request *r, struct bp_part *parts, size_t n)
{
    struct bp_publish_call *c = r->call;
    for (size_t i = 0; i < n; i++) {
        parts[i].submission.done = on_done;
        parts[i].submission.context = r;
        parts[i].submission.fence = &c->fence;
        parts[i].submission.flow = bp_lane_store_flow(&c->lane);
    }
    if (!bp_sequencer_submit(c->publisher->x->sequencer, &parts->submission)) {
        refuse_as_busy(r);
        return;
    }
    r->stage = BP_REQUEST_STORING;
    r->n_parts = n;
    c->n_away += n;
}

/* Gives a judged request to the sequencer, or decides it where there is nothing to store. */
static void store(struct bp_request *r)
{
    struct bp_part *parts;
    size_t n;
    r->outcome = BP_OK;
    if (bp_publication_is_dry_run(r->publication))
        bp_publication_rehearse(r->publication, r->call->publisher->statuses);
    if (!bp_publication_wants_store(r->publication))
        decide(r);
    else if (bp_publication_divide(r->publication, &parts, &n) == BP_OK)
        submit(r, parts, n);
    else
        bp_request_refuse(r, bp_rpc_status_of(BP_ENOMEM, NULL));
}

/* Behind a part that failed, the fence lets nothing of the request be stored. What failed "with
 * nothing stored" did so for all of it, or it is not told. */
static void take_back(struct bp_request *r, const struct bp_part *part)
{
    bp_status st = part->outcome;
    if (st == BP_OK)
        bp_publication_keep(r->publication, part, r->call->publisher->statuses);
    else if (r->outcome == BP_OK)
        r->outcome = st == BP_ECONFLICT || !bp_publication_has_stored(r->publication) ? st : BP_EIO;
    if (--r->n_parts == 0)
        decide(r);
}

void bp_request_on_stored(struct bp_mail *mail)
{
    struct bp_part *part = part_of(mail);
    struct bp_request *r = part->submission.context;
    struct bp_publish_call *c = r->call;
    c->n_away--;
    take_back(r, part);
    bp_publish_call_moved(c);
}

/* --- judging --- */

/* On the judge's thread, as the next. */
static bp_status judge_slice(struct bp_hearing *hearing, size_t most, size_t *used)
{
    struct bp_request *r =
        (struct bp_request *)((char *)hearing - offsetof(struct bp_request, hearing));
    return bp_publication_judge_some(r->publication, most, used, &r->judges_refusal);
}

static void on_heard(struct bp_hearing *hearing)
{
    struct bp_request *r =
        (struct bp_request *)((char *)hearing - offsetof(struct bp_request, hearing));
    bp_returns_push(&r->call->publisher->judged, &hearing->mail);
}

/* Nothing behind it is answered, so nothing behind it may be stored. */
static bool is_behind_a_refusal(const struct bp_request *r)
{
    const struct bp_request *before = r->call->first;
    while (before != r && before->refusal.code == BP_RPC_OK)
        before = before->next;
    return before != r;
}

void bp_request_on_judged(struct bp_mail *mail)
{
    struct bp_request *r =
        (struct bp_request *)((char *)mail - offsetof(struct bp_request, hearing.mail));
    struct bp_publish_call *c = r->call;
    c->n_away--;
    c->n_hearings--;
    if (c->is_over || is_behind_a_refusal(r))
        decide(r);
    else if (r->hearing.outcome != BP_OK)
        bp_request_refuse(r, r->judges_refusal);
    else if (account(r))
        store(r);
    bp_publish_call_moved(c);
}

static void judge_here(struct bp_request *r)
{
    struct bp_rpc_status status;
    if (!bp_publication_judge(r->publication, &status))
        bp_request_refuse(r, status);
    else if (account(r))
        store(r);
}

static void judge_beside(struct bp_request *r)
{
    struct bp_publish_call *c = r->call;
    r->hearing = (struct bp_hearing){.mail.bytes = r->bytes,
                                     .flow = bp_lane_judge_flow(&c->lane),
                                     .judge = judge_slice,
                                     .done = on_heard};
    if (!bp_judge_submit(c->publisher->judge, &r->hearing)) {
        refuse_as_busy(r);
        return;
    }
    r->stage = BP_REQUEST_JUDGING;
    c->n_away++;
    c->n_hearings++;
}

void bp_request_abandon(struct bp_request *r)
{
    if (r->stage == BP_REQUEST_JUDGING)
        atomic_store(&r->hearing.is_abandoned, true);
}

static bool is_small(const struct bp_request *r)
{
    size_t n = bp_publication_events(r->publication);
    return r->bytes + n * BP_JUDGING_AN_EVENT <= BP_JUDGE_SLICE && bp_lane_is_light(&r->call->lane);
}

void bp_request_begin(struct bp_request *r)
{
    r->is_in_lane = true;
    bp_lane_add(&r->call->lane, bp_publication_events(r->publication));
    if (r->call->n_hearings == 0 && is_small(r))
        judge_here(r);
    else
        judge_beside(r);
}

void bp_publish_call_begin_again(struct bp_publish_call *c)
{
    c->fence = (struct bp_fence){BP_OK};
    for (struct bp_request *r = c->first; r != NULL && r->refusal.code == BP_RPC_OK; r = r->next) {
        if (r->outcome == BP_OK)
            continue;
        bp_request_begin(r);
        if (r->refusal.code != BP_RPC_OK)
            return;
    }
}

/* What the door does with what waits: admit (version, room, reserve), decide, append; then one
 * commit, and the answers. */
#include "decide.h"
#include "sequencer_internal.h"

/* How much a group takes. A lone flow's fits into a segment of the log, and beyond a few thousand
 * events there is nothing to gain. Where several flows send, a group is small, because everybody who
 * comes meanwhile waits for the whole; and for a while after, because who sends one event at a time
 * is seldom there when a group begins. */
#define GROUP_BYTES_MAX (2u << 20)
#define GROUP_EVENTS_MAX 4096u
#define SHARED_BYTES_MAX (96u << 10)
#define SHARED_EVENTS_MAX 256u
#define SHARED_FOR_MS 1000
#define POLICY_BYTES_MAX (64u << 20)

static struct bp_submission *submission_of(struct bp_mail *mail)
{
    return (struct bp_submission *)(void *)((char *)mail - offsetof(struct bp_submission, mail));
}

static struct bp_policy_submission *policy_of(struct bp_mail *mail)
{
    return (struct bp_policy_submission *)(void *)((char *)mail -
                                                   offsetof(struct bp_policy_submission, mail));
}

/* --- events --- */

static bp_status admit(struct bp_sequencer *s, const struct bp_submission *sub)
{
    if (sub->policy_version != s->group.policy_version)
        return BP_ECONFLICT;
    if (!s->ids->has_room(s->ids->context, sub->n + s->group_ids.n))
        return BP_EAGAIN;
    if (!bp_sequencer_has_reserve(s)) {
        bp_sequencer_set_health(s, BP_ENOSPC);
        return BP_ENOSPC;
    }
    for (size_t i = 0; i < sub->n; i++) {
        if (!sub->proposals[i].skip && bp_record_size(&sub->proposals[i].record) == 0)
            return BP_EINVAL;
    }
    return BP_OK;
}

static bp_status decide(struct bp_sequencer *s, struct bp_submission *sub)
{
    struct bp_decision decision = {0};
    bp_status st = bp_decide(sub, &s->group_ids, s->ids, s->group.head, bp_journal_head(s->journal),
                             &decision);
    sub->waits = decision.waits;
    return st == BP_OK || st == BP_EAGAIN || st == BP_ENOMEM ? st : BP_EIO;
}

static bp_status append_stored(struct bp_sequencer *s, struct bp_submission *sub)
{
    bp_status st = BP_OK;
    for (size_t i = 0; i < sub->n && st == BP_OK; i++) {
        if (sub->proposals[i].outcome == BP_OUTCOME_STORED)
            st = bp_group_add_event(&s->group, &sub->proposals[i].record);
    }
    return st;
}

static void raise_fence(const struct bp_submission *sub)
{
    if (sub->fence != NULL && sub->status != BP_OK)
        sub->fence->broken = sub->status;
}

/* What fails here fails the submission alone, unless it is returned: then it is the group's. */
static bp_status take_submission(struct bp_sequencer *s, struct bp_submission *sub)
{
    sub->status = sub->fence != NULL ? sub->fence->broken : BP_OK;
    if (sub->status == BP_OK)
        sub->status = admit(s, sub);
    if (sub->status == BP_OK)
        sub->status = decide(s, sub);
    raise_fence(sub);
    return sub->status == BP_OK ? append_stored(s, sub) : BP_OK;
}

static bool is_shared(struct bp_sequencer *s)
{
    int64_t now = bp_monotonic_ms(s->clock);
    if (bp_fair_queue_is_shared(&s->turns))
        s->shared_until_ms = now + SHARED_FOR_MS;
    return now < s->shared_until_ms;
}

/* Takes the first group out of the turns, as a list; at least one submission. */
static struct bp_mail *take_group(struct bp_sequencer *s)
{
    bool shared = is_shared(s);
    size_t most_bytes = shared ? SHARED_BYTES_MAX : GROUP_BYTES_MAX;
    size_t most_events = shared ? SHARED_EVENTS_MAX : GROUP_EVENTS_MAX;
    size_t bytes = 0, events = 0;
    struct bp_mail *list = NULL, **end = &list, *mail;
    while ((mail = bp_fair_queue_first(&s->turns)) != NULL) {
        bytes += mail->bytes;
        events += submission_of(mail)->n;
        if (list != NULL && (bytes > most_bytes || events > most_events))
            break;
        *end = bp_fair_queue_take(&s->turns, mail->bytes);
        mail->next = NULL;
        end = &mail->next;
    }
    return list;
}

static bp_status take_all(struct bp_sequencer *s, struct bp_mail *list)
{
    bp_status st = BP_OK;
    for (struct bp_mail *m = list; m != NULL && st == BP_OK; m = m->next)
        st = take_submission(s, submission_of(m));
    return st;
}

/* Answers that rest on what was stored before hold whatever became of the group. */
static void answer_all(struct bp_sequencer *s, struct bp_mail *list, bp_status committed)
{
    while (list != NULL) {
        struct bp_submission *sub = submission_of(list);
        bp_mailbox_give_back(&s->mail, list->bytes);
        list = list->next; /* done may free it */
        if (sub->status == BP_OK && sub->waits)
            sub->status = committed;
        if (sub->status != BP_OK)
            bp_decide_undo(sub);
        raise_fence(sub);
        sub->done(sub, sub->status);
    }
}

void bp_sequencer_line_up(struct bp_sequencer *s, struct bp_mail *list)
{
    while (list != NULL) {
        struct bp_mail *mail = list;
        struct bp_flow *flow = submission_of(mail)->flow;
        list = list->next;
        bp_fair_queue_add(&s->turns, flow != NULL ? flow : &s->nobodys, mail);
    }
}

void bp_sequencer_run_group(struct bp_sequencer *s)
{
    struct bp_mail *list = take_group(s);
    bp_status st = BP_EIO;
    if (list == NULL)
        return;
    for (struct bp_mail *m = list; m != NULL; m = m->next) {
        submission_of(m)->status = BP_OK;
        submission_of(m)->waits = true;
    }
    if (bp_sequencer_is_well(s)) {
        bp_sequencer_begin(s);
        st = take_all(s, list);
        st = bp_sequencer_commit(s, st);
    }
    answer_all(s, list, st);
    bp_sequencer_tell_head(s);
}

/* --- policies: each a group of its own, so that what fails events does not fail them --- */

/* A proposal never approved, and meant to replace what is in force. */
static bp_status admit_approval(struct bp_sequencer *s, uint64_t version)
{
    struct bp_policy_entry entry;
    bp_status st = bp_journal_policy_at(s->journal, version, &entry, NULL);
    if (st != BP_OK)
        return st == BP_ENOENT ? st : BP_EIO;
    if (!entry.is_proposal || entry.approver[0] != '\0')
        return BP_ENOENT;
    return entry.replaces == s->group.policy_version ? BP_OK : BP_ECONFLICT;
}

static bp_status admit_policy(struct bp_sequencer *s, struct bp_policy_submission *sub)
{
    if (sub->expected_version != s->group.policy_version)
        return BP_ECONFLICT;
    if (sub->act == BP_POLICY_APPROVE)
        return admit_approval(s, sub->version);
    uint64_t follows = s->group.newest_version + 1;
    if (sub->version != 0 && sub->version != follows)
        return BP_ECONFLICT;
    sub->version = follows;
    return BP_OK;
}

static bp_status take_policy(struct bp_sequencer *s, struct bp_policy_submission *sub)
{
    if (sub->content.n > POLICY_BYTES_MAX)
        return BP_ETOOLARGE;
    if (!bp_sequencer_is_well(s))
        return BP_EIO;
    bp_sequencer_begin(s);
    bp_status st = admit_policy(s, sub);
    if (st != BP_OK)
        return st;
    st = sub->act == BP_POLICY_APPROVE ? bp_group_add_approval(&s->group, sub->version, sub->actor)
                                       : bp_group_add_policy(&s->group, sub->content, sub->actor,
                                                             sub->act == BP_POLICY_PROPOSE);
    return st == BP_EINVAL ? st : bp_sequencer_commit(s, st);
}

void bp_sequencer_run_policies(struct bp_sequencer *s)
{
    struct bp_mail *list = bp_mailbox_take(&s->policies, 0);
    while (list != NULL) {
        struct bp_policy_submission *sub = policy_of(list);
        list = list->next;
        sub->done(sub, take_policy(s, sub));
        bp_sequencer_tell_head(s);
    }
}

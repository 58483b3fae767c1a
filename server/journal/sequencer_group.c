/* What the door does with what waits: admit (version, room, reserve), decide, append; then one
 * commit, and the answers. */
#include "decide.h"
#include "sequencer_internal.h"

#define GROUP_BYTES_MAX (16u << 20)
#define GROUP_EVENTS_MAX 16384u
#define POLICY_BYTES_MAX (64u << 20)
#define ROWS_RETRY_MS 1000

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

/* Cuts the first group off the list; returns the rest. */
static struct bp_mail *cut_group(struct bp_mail *list)
{
    size_t bytes = list->bytes, events = submission_of(list)->n;
    struct bp_mail *last = list;
    for (struct bp_mail *m = list->next; m != NULL; m = m->next) {
        bytes += m->bytes;
        events += submission_of(m)->n;
        if (bytes > GROUP_BYTES_MAX || events > GROUP_EVENTS_MAX)
            break;
        last = m;
    }
    struct bp_mail *rest = last->next;
    last->next = NULL;
    return rest;
}

static bp_status take_all(struct bp_sequencer *s, struct bp_mail *list)
{
    bp_status st = BP_OK;
    for (struct bp_mail *m = list; m != NULL && st == BP_OK; m = m->next)
        st = take_submission(s, submission_of(m));
    return st;
}

/* Answers that rest on what was stored before hold whatever became of the group. */
static void answer_all(struct bp_mail *list, bp_status committed)
{
    while (list != NULL) {
        struct bp_submission *sub = submission_of(list);
        list = list->next; /* done may free it */
        if (sub->status == BP_OK && sub->waits)
            sub->status = committed;
        if (sub->status != BP_OK)
            bp_decide_undo(sub);
        raise_fence(sub);
        sub->done(sub, sub->status);
    }
}

struct bp_mail *bp_sequencer_run_group(struct bp_sequencer *s, struct bp_mail *list)
{
    struct bp_mail *rest = cut_group(list);
    bp_status st = BP_EIO;
    for (struct bp_mail *m = list; m != NULL; m = m->next) {
        submission_of(m)->status = BP_OK;
        submission_of(m)->waits = true;
    }
    if (bp_sequencer_is_well(s)) {
        bp_sequencer_begin(s);
        st = take_all(s, list);
        st = bp_sequencer_commit(s, st);
    }
    answer_all(list, st);
    bp_sequencer_tell_head(s);
    return rest;
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

/* --- rows of subscriptions --- */

void bp_sequencer_run_rows(struct bp_sequencer *s, bool all)
{
    int64_t now = bp_monotonic_ms(s->clock);
    if (all)
        bp_subscriptions_hurry(&s->subscriptions, now);
    if (bp_subscriptions_wait_ms(&s->subscriptions, now) != 0)
        return;
    if (!bp_sequencer_is_well(s)) {
        bp_subscriptions_refuse(&s->subscriptions, BP_EIO, now + ROWS_RETRY_MS);
        return;
    }
    bp_sequencer_begin(s);
    if (bp_sequencer_commit(s, BP_OK) != BP_OK)
        return; /* who waits was told, and the rows are due again */
}

#include "decide.h"

#define TOGETHER 64u /* lookups at once */

void bp_decide_undo(struct bp_submission *submission)
{
    for (size_t i = 0; i < submission->n; i++) {
        submission->proposals[i].outcome = BP_OUTCOME_NONE;
        submission->proposals[i].position = 0;
    }
}

static void taken(struct bp_proposal *p, uint64_t position, const struct bp_content_digest *content)
{
    bool is_same = memcmp(content, &p->content, sizeof(*content)) == 0;
    p->outcome = is_same ? BP_OUTCOME_DUPLICATE : BP_OUTCOME_CONFLICT;
    p->position = is_same ? position : 0;
}

static bp_status decide_one(struct bp_proposal *p, struct bp_id_map *group,
                            const struct bp_id_lookup *known, uint64_t next_position)
{
    const struct bp_id_entry *here = bp_id_map_find(group, &p->id);
    if (here != NULL) {
        taken(p, here->position, &here->content);
        return BP_OK;
    }
    if (known->status == BP_OK)
        taken(p, known->position, &known->content);
    if (known->status != BP_ENOENT)
        return known->status;
    struct bp_id_entry entry = {.key = p->id, .content = p->content, .position = next_position};
    bp_status st = bp_id_map_add(group, &entry);
    if (st != BP_OK)
        return st;
    p->outcome = BP_OUTCOME_STORED;
    p->position = next_position;
    return BP_OK;
}

/* Asks the index for so many proposals together, skipped ones too, whose answers nobody reads. */
static void look_up(const struct bp_proposal *proposals, size_t n, const struct bp_id_index *ids,
                    struct bp_id_lookup *lookups)
{
    for (size_t i = 0; i < n; i++)
        lookups[i].key = proposals[i].skip ? (struct bp_id_key){{0}} : proposals[i].id;
    ids->find(ids->context, lookups, n);
}

/* All or nothing, and something is not sound: what would have been stored, and repetitions of it,
 * are aborted. Duplicates of events stored before stay what they are. */
static void abort_all(struct bp_submission *submission, uint64_t head)
{
    for (size_t i = 0; i < submission->n; i++) {
        struct bp_proposal *p = &submission->proposals[i];
        if (p->position > head) {
            p->outcome = BP_OUTCOME_ABORTED;
            p->position = 0;
        }
    }
}

bp_status bp_decide(struct bp_submission *submission, struct bp_id_map *group,
                    const struct bp_id_index *ids, uint64_t head, uint64_t durable_head,
                    struct bp_decision *out)
{
    size_t known = group->n;
    bool is_sound = true;
    struct bp_decision decision = {0};
    struct bp_id_lookup lookups[TOGETHER];
    bp_decide_undo(submission);
    for (size_t i = 0; i < submission->n; i++) {
        struct bp_proposal *p = &submission->proposals[i];
        if (i % TOGETHER == 0)
            look_up(p, submission->n - i < TOGETHER ? submission->n - i : TOGETHER, ids, lookups);
        bp_status st =
            p->skip ? BP_OK
                    : decide_one(p, group, &lookups[i % TOGETHER], head + decision.stored + 1);
        if (st != BP_OK) {
            bp_id_map_truncate(group, known);
            bp_decide_undo(submission);
            return st;
        }
        decision.stored += p->outcome == BP_OUTCOME_STORED;
        decision.waits |= p->position > durable_head;
        is_sound &= !p->skip && p->outcome != BP_OUTCOME_CONFLICT;
    }
    if (submission->all_or_nothing && !is_sound) {
        bp_id_map_truncate(group, known);
        abort_all(submission, head);
        decision.stored = 0;
        decision.waits = false;
        for (size_t i = 0; i < submission->n; i++)
            decision.waits |= submission->proposals[i].position > durable_head;
    }
    *out = decision;
    return BP_OK;
}

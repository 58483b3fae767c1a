/* The door's thread, and what others may ask of it. Flows take turns, a group at
 * a time; each group runs through the same steps:
 *
 *   take -> admit (version, room, reserve) -> decide -> append -> commit -> index -> answer -> tell
 * the head
 *                                                                   \-> failed: recover by reading
 * -> index -> answer
 */
#include "sequencer_internal.h"

#define MOST_WAITING_BYTES (64u << 20)
#define TURN_BYTES (64 << 10) /* some hundred events: a flow's turn where several wait */
#define POLICY_WAITING_BYTES (128u << 20)
#define UNWELL_CHECK_MS 250 /* how often something that is wrong is looked at again */

static int wait_ms(struct bp_sequencer *s)
{
    return bp_sequencer_health(s) != BP_OK ? UNWELL_CHECK_MS : -1;
}

static void *run(void *argument)
{
    struct bp_sequencer *s = argument;
    bool is_closed = false;
    while (!is_closed || !bp_fair_queue_is_empty(&s->turns)) {
        is_closed = bp_mailbox_is_closed(&s->mail); /* asked first: what is taken then is all */
        int wait = bp_fair_queue_is_empty(&s->turns) ? wait_ms(s) : 0;
        bp_sequencer_line_up(s, bp_mailbox_take(&s->mail, wait));
        bp_sequencer_run_policies(s);
        bp_sequencer_run_group(s);
        bp_sequencer_check_health(s);
    }
    return NULL;
}

static void sequencer_free(struct bp_sequencer *s)
{
    bp_group_fini(&s->group);
    bp_id_map_fini(&s->group_ids);
    bp_subscriptions_fini(&s->subscriptions);
    bp_mailbox_fini(&s->policies);
    bp_mailbox_fini(&s->mail);
    free(s);
}

bp_status bp_sequencer_start(const struct bp_sequencer_config *config, struct bp_sequencer **out,
                             struct bp_err *err)
{
    struct bp_sequencer *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return bp_fail(err, BP_ENOMEM, "sequencer: out of memory");
    s->journal = config->journal;
    s->ids = config->ids;
    s->clock = config->clock != NULL ? config->clock : &bp_system_clock;
    s->on_head = config->on_head;
    s->context = config->context;
    s->reserve_bytes = config->disk_reserve_bytes;
    s->indexed_head = bp_journal_head(s->journal);
    s->told_number = bp_journal_last_number(s->journal);
    size_t most = config->most_waiting_bytes != 0 ? config->most_waiting_bytes : MOST_WAITING_BYTES;
    bp_mailbox_init(&s->mail, most);
    bp_mailbox_count_taken(&s->mail);
    bp_fair_queue_init(&s->turns, TURN_BYTES);
    bp_mailbox_init(&s->policies, POLICY_WAITING_BYTES);
    bp_subscriptions_init(&s->subscriptions);
    bp_id_map_init(&s->group_ids);
    bp_status st = bp_subscriptions_load(&s->subscriptions, s->journal);
    if (st != BP_OK)
        (void)bp_fail(err, st, "sequencer: cannot read the subscriptions (%s)", bp_status_name(st));
    else if (pthread_create(&s->thread, NULL, run, s) != 0)
        st = bp_fail(err, BP_EIO, "sequencer: cannot start its thread");
    if (st != BP_OK) {
        sequencer_free(s);
        return st;
    }
    (void)pthread_setname_np(s->thread, "sequencer");
    bp_sequencer_rows_start(s);
    *out = s;
    return BP_OK;
}

void bp_sequencer_stop(struct bp_sequencer *s)
{
    if (s == NULL)
        return;
    bp_mailbox_close(&s->policies);
    bp_mailbox_close(&s->mail);
    (void)pthread_join(s->thread, NULL);
    bp_sequencer_rows_stop(s);
    sequencer_free(s);
}

bool bp_sequencer_submit(struct bp_sequencer *s, struct bp_submission *submission)
{
    return bp_mailbox_push_list(&s->mail, &submission->mail);
}

bool bp_sequencer_submit_policy(struct bp_sequencer *s, struct bp_policy_submission *submission)
{
    if (!bp_mailbox_push(&s->policies, &submission->mail))
        return false;
    bp_mailbox_interrupt(&s->mail);
    return true;
}

/* Rows put while the applier waits for ever must shorten its wait; those with somebody waiting end
 * it. */
static void wake_for_row(struct bp_sequencer *s, bp_status st, bool is_first, bool somebody_waits)
{
    if (st == BP_OK && (is_first || somebody_waits))
        bp_applier_wake(s->journal->applier);
}

bp_status bp_sequencer_put_subscription(struct bp_sequencer *s, const struct bp_subscription *row,
                                        void (*done)(void *context, bp_status st), void *context)
{
    bool is_first = false;
    if (bp_mailbox_is_closed(&s->mail))
        return BP_ECLOSED;
    bp_status st = bp_subscriptions_put(&s->subscriptions, row, bp_sequencer_rows_due_ms(s), done,
                                        context, &is_first);
    wake_for_row(s, st, is_first, done != NULL);
    return st;
}

bp_status bp_sequencer_delete_subscription(struct bp_sequencer *s, const char *agency,
                                           const char *name,
                                           void (*done)(void *context, bp_status st), void *context)
{
    bool is_first = false;
    if (bp_mailbox_is_closed(&s->mail))
        return BP_ECLOSED;
    bp_status st = bp_subscriptions_delete(&s->subscriptions, agency, name,
                                           bp_sequencer_rows_due_ms(s), done, context, &is_first);
    wake_for_row(s, st, is_first, done != NULL);
    return st;
}

bp_status bp_sequencer_get_subscription(struct bp_sequencer *s, const char *agency,
                                        const char *name, struct bp_subscription *out,
                                        struct bp_buf *filter)
{
    return bp_subscriptions_get(&s->subscriptions, agency, name, out, filter);
}

bp_status bp_sequencer_list_subscriptions(
    struct bp_sequencer *s, const char *agency, const char *after_agency, const char *after_name,
    bool (*each)(void *context, const struct bp_subscription *row), void *context)
{
    return bp_subscriptions_list(&s->subscriptions, agency, after_agency, after_name, each,
                                 context);
}

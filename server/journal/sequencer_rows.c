/* The rows of subscriptions on their way to the store: they ride with the applier's transactions,
 * on its thread. */
#include "log.h"
#include "sequencer_internal.h"

#define ROWS_WITHIN_MS 500
#define ROWS_RETRY_MS 1000

static int due_ms(void *context)
{
    struct bp_sequencer *s = context;
    return bp_subscriptions_wait_ms(&s->subscriptions, bp_monotonic_ms(s->clock));
}

static bp_status write_rows(void *context, struct bp_store *store)
{
    struct bp_sequencer *s = context;
    return bp_subscriptions_write(&s->subscriptions, store, &s->rows);
}

static void written(void *context, bp_status st)
{
    struct bp_sequencer *s = context;
    int64_t now = bp_monotonic_ms(s->clock);
    if (s->rows.is_begun)
        bp_subscriptions_written(&s->subscriptions, &s->rows, st, now + ROWS_WITHIN_MS);
    else
        bp_subscriptions_refuse(&s->subscriptions, st, now + ROWS_RETRY_MS);
}

/* Health is the sequencer's to tell. */
static void trouble(void *context)
{
    bp_mailbox_interrupt(&((struct bp_sequencer *)context)->mail);
}

void bp_sequencer_rows_start(struct bp_sequencer *s)
{
    s->rider = (struct bp_applier_rider){.context = s,
                                         .due_ms = due_ms,
                                         .write = write_rows,
                                         .written = written,
                                         .trouble = trouble};
    bp_applier_set_rider(s->journal->applier, &s->rider);
}

void bp_sequencer_rows_stop(struct bp_sequencer *s)
{
    bp_subscriptions_hurry(&s->subscriptions, bp_monotonic_ms(s->clock));
    if (due_ms(s) == 0 && bp_applier_flush(s->journal->applier) != BP_OK)
        bp_log(BP_LOG_ERROR, "sequencer.rows_lost", "status=%s",
               bp_status_name(bp_applier_trouble(s->journal->applier)));
    bp_applier_set_rider(s->journal->applier, NULL);
    bp_subscriptions_refuse(&s->subscriptions, BP_ECLOSED, 0);
}

int64_t bp_sequencer_rows_due_ms(const struct bp_sequencer *s)
{
    return bp_monotonic_ms(s->clock) + ROWS_WITHIN_MS;
}

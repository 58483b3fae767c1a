#include "rpc_timers.h"

#include "error.h"

void bp_rpc_timers_init(struct bp_rpc_timers *t)
{
    t->n = 0;
    t->next_ms = INT64_MAX;
}

void bp_rpc_timers_add(struct bp_rpc_timers *t, int interval_ms, void (*run)(void *context),
                       void *context)
{
    BP_ASSERT(t->n < BP_RPC_TIMERS_MAX && interval_ms > 0);
    t->timers[t->n++] =
        (struct bp_rpc_timer){.interval_ms = interval_ms, .run = run, .context = context};
}

static void find_next(struct bp_rpc_timers *t)
{
    t->next_ms = INT64_MAX;
    for (unsigned i = 0; i < t->n; i++)
        if (t->timers[i].due_ms < t->next_ms)
            t->next_ms = t->timers[i].due_ms;
}

void bp_rpc_timers_start(struct bp_rpc_timers *t, int64_t now_ms)
{
    for (unsigned i = 0; i < t->n; i++)
        t->timers[i].due_ms = now_ms + t->timers[i].interval_ms;
    find_next(t);
}

void bp_rpc_timers_run(struct bp_rpc_timers *t, int64_t now_ms)
{
    if (now_ms < t->next_ms)
        return;
    for (unsigned i = 0; i < t->n; i++) {
        if (now_ms < t->timers[i].due_ms)
            continue;
        t->timers[i].due_ms = now_ms + t->timers[i].interval_ms;
        t->timers[i].run(t->timers[i].context);
    }
    find_next(t);
}

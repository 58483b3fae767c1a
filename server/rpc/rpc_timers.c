#include "rpc_timers.h"

#include "error.h"

void bp_rpc_timers_init(struct bp_rpc_timers *t)
{
    t->n = 0;
    t->next_ms = INT64_MAX;
}

static unsigned add(struct bp_rpc_timers *t, int64_t interval_ms, void (*run)(void *context),
                    void *context)
{
    BP_ASSERT(t->n < BP_RPC_TIMERS_MAX);
    t->timers[t->n] = (struct bp_rpc_timer){interval_ms, INT64_MAX, run, context};
    return t->n++;
}

void bp_rpc_timers_add(struct bp_rpc_timers *t, int interval_ms, void (*run)(void *context),
                       void *context)
{
    BP_ASSERT(interval_ms > 0);
    (void)add(t, interval_ms, run, context);
}

unsigned bp_rpc_timers_add_alarm(struct bp_rpc_timers *t, void (*run)(void *context), void *context)
{
    return add(t, 0, run, context);
}

static int64_t behind(const struct bp_rpc_timer *timer, int64_t now_ms)
{
    return timer->interval_ms != 0 ? now_ms + timer->interval_ms : INT64_MAX;
}

static void find_next(struct bp_rpc_timers *t)
{
    t->next_ms = INT64_MAX;
    for (unsigned i = 0; i < t->n; i++)
        if (t->timers[i].due_ms < t->next_ms)
            t->next_ms = t->timers[i].due_ms;
}

void bp_rpc_timers_set_alarm(struct bp_rpc_timers *t, unsigned alarm, int64_t due_ms)
{
    BP_ASSERT(alarm < t->n && t->timers[alarm].interval_ms == 0);
    t->timers[alarm].due_ms = due_ms;
    find_next(t);
}

void bp_rpc_timers_start(struct bp_rpc_timers *t, int64_t now_ms)
{
    for (unsigned i = 0; i < t->n; i++)
        t->timers[i].due_ms = behind(&t->timers[i], now_ms);
    find_next(t);
}

void bp_rpc_timers_run(struct bp_rpc_timers *t, int64_t now_ms)
{
    if (now_ms < t->next_ms)
        return;
    for (unsigned i = 0; i < t->n; i++) {
        if (now_ms < t->timers[i].due_ms)
            continue;
        t->timers[i].due_ms = behind(&t->timers[i], now_ms);
        t->timers[i].run(t->timers[i].context);
    }
    find_next(t);
}

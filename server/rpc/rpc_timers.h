/* Functions that run again and again, or when they are asked to, on the queue's thread. A handful,
 * so a table. */
#ifndef BERBAGI_RPC_TIMERS_H
#define BERBAGI_RPC_TIMERS_H

#include <stdint.h>

#define BP_RPC_TIMERS_MAX 16

struct bp_rpc_timers {
    struct bp_rpc_timer {
        int64_t interval_ms, due_ms; /* an alarm has no interval; INT64_MAX: not set */
        void (*run)(void *context);
        void *context;
    } timers[BP_RPC_TIMERS_MAX];
    unsigned n;
    int64_t next_ms; /* when the first is due; INT64_MAX without any */
};

void bp_rpc_timers_init(struct bp_rpc_timers *t);
void bp_rpc_timers_add(struct bp_rpc_timers *t, int interval_ms, void (*run)(void *context),
                       void *context);
/* One that runs when set alone; its number. */
unsigned bp_rpc_timers_add_alarm(struct bp_rpc_timers *t, void (*run)(void *context),
                                 void *context);
/* It runs once, then; a time set before no longer counts. Its own run may set it again. */
void bp_rpc_timers_set_alarm(struct bp_rpc_timers *t, unsigned alarm, int64_t due_ms);
/* Counts every interval from now_ms, a monotonic time. */
void bp_rpc_timers_start(struct bp_rpc_timers *t, int64_t now_ms);
/* Runs what is due. What was held up runs once, not once for each interval missed. */
void bp_rpc_timers_run(struct bp_rpc_timers *t, int64_t now_ms);

#endif

/* Functions that run again and again on the queue's thread. A handful, so a table. */
#ifndef BERBAGI_RPC_TIMERS_H
#define BERBAGI_RPC_TIMERS_H

#include <stdint.h>

#define BP_RPC_TIMERS_MAX 16

struct bp_rpc_timers {
    struct bp_rpc_timer {
        int64_t interval_ms, due_ms;
        void (*run)(void *context);
        void *context;
    } timers[BP_RPC_TIMERS_MAX];
    unsigned n;
    int64_t next_ms; /* when the first is due; INT64_MAX without any */
};

void bp_rpc_timers_init(struct bp_rpc_timers *t);
void bp_rpc_timers_add(struct bp_rpc_timers *t, int interval_ms, void (*run)(void *context),
                       void *context);
/* Counts every interval from now_ms, a monotonic time. */
void bp_rpc_timers_start(struct bp_rpc_timers *t, int64_t now_ms);
/* Runs what is due. What was held up runs once, not once for each interval missed. */
void bp_rpc_timers_run(struct bp_rpc_timers *t, int64_t now_ms);

#endif

/* The way onto the queue's thread: a list under a lock and one batch of no operations, on a call
 * that goes nowhere, for any number of tasks that wait. */
#ifndef BERBAGI_RPC_TASKS_H
#define BERBAGI_RPC_TASKS_H

#include <grpc/grpc.h>
#include <pthread.h>

#include "rpc.h"
#include "rpc_op.h"

struct bp_rpc_tasks {
    struct bp_rpc_op op;
    grpc_channel *channel;
    grpc_call *call;
    pthread_mutex_t lock; /* guards all below; a leaf */
    struct bp_rpc_task *first, **end;
    bool woken; /* the batch is under way */
    bool closed;
};

void bp_rpc_tasks_init(struct bp_rpc_tasks *t, grpc_completion_queue *queue);
/* True: task->run will be called. False: it is waiting already, or the list is closed. Any thread.
 */
bool bp_rpc_tasks_post(struct bp_rpc_tasks *t, struct bp_rpc_task *task);
/* Refuses what comes; what is inside still runs. Any thread. */
void bp_rpc_tasks_close(struct bp_rpc_tasks *t);
/* Closed, and the queue drained; may still be posted to, in vain, until bp_rpc_tasks_fini. */
void bp_rpc_tasks_disconnect(struct bp_rpc_tasks *t);
void bp_rpc_tasks_fini(struct bp_rpc_tasks *t);

#endif

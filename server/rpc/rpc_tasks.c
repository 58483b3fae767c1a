/* Tasks. The batch is started under the lock: whoever closes the list then knows that no other
 * thread is inside gRPC with this call, and that a batch under way is in the queue before the queue
 * is shut. */
#include "rpc_tasks.h"

static struct bp_rpc_task *take_all(struct bp_rpc_tasks *t)
{
    pthread_mutex_lock(&t->lock);
    struct bp_rpc_task *first = t->first;
    t->first = NULL;
    t->end = &t->first;
    t->woken = false;
    pthread_mutex_unlock(&t->lock);
    return first;
}

static void run_all(struct bp_rpc_op *op, bool ok)
{
    (void)ok;
    struct bp_rpc_tasks *t = BP_RPC_OWNER(struct bp_rpc_tasks, op, op);
    struct bp_rpc_task *task = take_all(t);
    while (task != NULL) {
        struct bp_rpc_task *next = task->next;
        /* Lowered before the run: a post from now on asks for another one. task may be gone after
         * it. */
        atomic_store(&task->posted, false);
        task->run(task);
        task = next;
    }
}

void bp_rpc_tasks_init(struct bp_rpc_tasks *t, grpc_completion_queue *queue)
{
    t->op.done = run_all;
    t->channel = grpc_lame_client_channel_create("tasks", GRPC_STATUS_UNAVAILABLE, "tasks");
    t->call = grpc_channel_create_call(t->channel, NULL, GRPC_PROPAGATE_DEFAULTS, queue,
                                       grpc_slice_from_static_string("/tasks"), NULL,
                                       gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    pthread_mutex_init(&t->lock, NULL);
    t->first = NULL;
    t->end = &t->first;
    t->woken = t->closed = false;
}

static void wake_locked(struct bp_rpc_tasks *t)
{
    t->woken = true;
    BP_RPC_TSAN_RELEASE(&t->op);
    grpc_call_error error = grpc_call_start_batch(t->call, NULL, 0, &t->op, NULL);
    BP_ASSERT(error == GRPC_CALL_OK);
}

bool bp_rpc_tasks_post(struct bp_rpc_tasks *t, struct bp_rpc_task *task)
{
    if (atomic_exchange(&task->posted, true))
        return false;
    pthread_mutex_lock(&t->lock);
    bool open = !t->closed;
    if (open) {
        task->next = NULL;
        *t->end = task;
        t->end = &task->next;
        if (!t->woken)
            wake_locked(t);
    }
    pthread_mutex_unlock(&t->lock);
    if (!open)
        atomic_store(&task->posted, false);
    return open;
}

void bp_rpc_tasks_close(struct bp_rpc_tasks *t)
{
    pthread_mutex_lock(&t->lock);
    t->closed = true;
    pthread_mutex_unlock(&t->lock);
}

void bp_rpc_tasks_disconnect(struct bp_rpc_tasks *t)
{
    BP_ASSERT(t->closed && t->first == NULL);
    grpc_call_unref(t->call);
    grpc_channel_destroy(t->channel);
}

void bp_rpc_tasks_fini(struct bp_rpc_tasks *t)
{
    pthread_mutex_destroy(&t->lock);
}

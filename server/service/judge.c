#include "judge.h"

#include "thread.h"

#define WAITING_BYTES_MAX (64u << 20)

struct bp_judge {
    struct bp_mailbox mailbox; /* counts hearings until they are done */
    pthread_t thread;
    struct bp_fair_queue turns; /* the thread's */
};

static void line_up(struct bp_judge *j, struct bp_mail *list)
{
    while (list != NULL) {
        struct bp_hearing *hearing = (struct bp_hearing *)list; /* mail is its first member */
        list = list->next;
        bp_fair_queue_add(&j->turns, hearing->flow, &hearing->mail);
    }
}

/* A slice of the request whose turn it is. */
static void hear(struct bp_judge *j, struct bp_hearing *hearing)
{
    size_t used = 0;
    hearing->outcome = BP_ECLOSED;
    if (!atomic_load(&hearing->is_abandoned))
        hearing->outcome = hearing->judge(hearing, BP_JUDGE_SLICE, &used);
    if (hearing->outcome == BP_EAGAIN) {
        bp_fair_queue_use(&j->turns, used);
        return;
    }
    (void)bp_fair_queue_take(&j->turns, used);
    bp_mailbox_give_back(&j->mailbox, hearing->mail.bytes);
    hearing->done(hearing);
}

static void *run(void *context)
{
    struct bp_judge *j = context;
    bool is_closed = false;
    bp_thread_give_way(BP_THREAD_BESIDE);
    while (!is_closed || !bp_fair_queue_is_empty(&j->turns)) {
        is_closed = bp_mailbox_is_closed(&j->mailbox); /* asked first: what is taken then is all */
        int wait_ms = bp_fair_queue_is_empty(&j->turns) ? -1 : 0;
        line_up(j, bp_mailbox_take(&j->mailbox, wait_ms));
        struct bp_mail *first = bp_fair_queue_first(&j->turns);
        if (first != NULL)
            hear(j, (struct bp_hearing *)first);
    }
    return NULL;
}

bp_status bp_judge_start(struct bp_judge **out, struct bp_err *err)
{
    struct bp_judge *j = calloc(1, sizeof(*j));
    if (j == NULL)
        return bp_fail(err, BP_ENOMEM, "judge: out of memory");
    bp_mailbox_init(&j->mailbox, WAITING_BYTES_MAX);
    bp_mailbox_count_taken(&j->mailbox);
    bp_fair_queue_init(&j->turns, BP_JUDGE_SLICE);
    if (pthread_create(&j->thread, NULL, run, j) != 0) {
        bp_mailbox_fini(&j->mailbox);
        free(j);
        return bp_fail(err, BP_EIO, "judge: no thread can be started");
    }
    (void)pthread_setname_np(j->thread, "judge");
    *out = j;
    return BP_OK;
}

void bp_judge_stop(struct bp_judge *j)
{
    if (j == NULL)
        return;
    bp_mailbox_close(&j->mailbox);
    (void)pthread_join(j->thread, NULL);
    bp_mailbox_fini(&j->mailbox);
    free(j);
}

bool bp_judge_submit(struct bp_judge *j, struct bp_hearing *hearing)
{
    return bp_mailbox_push(&j->mailbox, &hearing->mail);
}

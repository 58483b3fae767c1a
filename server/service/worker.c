#include "worker.h"

#include <stdint.h>

struct bp_worker {
    struct bp_mailbox mailbox;
    pthread_t thread;
};

static void *run_jobs(void *context)
{
    struct bp_worker *w = context;
    for (;;) {
        struct bp_mail *mail = bp_mailbox_take(&w->mailbox, -1);
        if (mail == NULL && bp_mailbox_is_closed(&w->mailbox))
            return NULL;
        while (mail != NULL) {
            struct bp_job *job = (struct bp_job *)mail; /* mail is its first member */
            mail = mail->next;
            job->run(job);
        }
    }
}

bp_status bp_worker_start(struct bp_worker **out, struct bp_err *err)
{
    struct bp_worker *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return bp_fail(err, BP_ENOMEM, "worker: out of memory");
    bp_mailbox_init(&w->mailbox, SIZE_MAX);
    if (pthread_create(&w->thread, NULL, run_jobs, w) != 0) {
        bp_mailbox_fini(&w->mailbox);
        free(w);
        return bp_fail(err, BP_EIO, "worker: no thread can be started");
    }
    *out = w;
    return BP_OK;
}

void bp_worker_stop(struct bp_worker *w)
{
    if (w == NULL)
        return;
    bp_mailbox_close(&w->mailbox);
    (void)pthread_join(w->thread, NULL);
    bp_mailbox_fini(&w->mailbox);
    free(w);
}

bool bp_worker_submit(struct bp_worker *w, struct bp_job *job)
{
    job->mail.bytes = 0;
    return bp_mailbox_push(&w->mailbox, &job->mail);
}

#include "mailbox.h"

#include <errno.h>
#include <time.h>

#include "error.h"

void bp_mailbox_init(struct bp_mailbox *m, size_t most_bytes)
{
    *m = (struct bp_mailbox){.most_bytes = most_bytes};
    m->end = &m->first;
    pthread_condattr_t monotonic;
    BP_ASSERT(pthread_mutex_init(&m->lock, NULL) == 0);
    BP_ASSERT(pthread_condattr_init(&monotonic) == 0);
    BP_ASSERT(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    BP_ASSERT(pthread_cond_init(&m->filled, &monotonic) == 0);
    (void)pthread_condattr_destroy(&monotonic);
}

void bp_mailbox_fini(struct bp_mailbox *m)
{
    BP_ASSERT(m->first == NULL);
    (void)pthread_cond_destroy(&m->filled);
    (void)pthread_mutex_destroy(&m->lock);
}

void bp_mailbox_count_taken(struct bp_mailbox *m)
{
    m->counts_taken = true;
}

void bp_mailbox_give_back(struct bp_mailbox *m, size_t bytes)
{
    (void)pthread_mutex_lock(&m->lock);
    m->bytes -= bytes;
    (void)pthread_mutex_unlock(&m->lock);
}

bool bp_mailbox_push(struct bp_mailbox *m, struct bp_mail *mail)
{
    mail->next = NULL;
    return bp_mailbox_push_list(m, mail);
}

bool bp_mailbox_push_list(struct bp_mailbox *m, struct bp_mail *list)
{
    struct bp_mail *last = list;
    size_t bytes = list->bytes;
    for (; last->next != NULL; bytes += last->bytes)
        last = last->next;
    (void)pthread_mutex_lock(&m->lock);
    bool fits = m->bytes == 0 || bytes <= m->most_bytes - m->bytes;
    bool admitted = !m->closed && m->bytes <= m->most_bytes && fits;
    bool was_empty = m->first == NULL;
    if (admitted) {
        *m->end = list;
        m->end = &last->next;
        m->bytes += bytes;
    }
    (void)pthread_mutex_unlock(&m->lock);
    if (admitted && was_empty)
        (void)pthread_cond_signal(&m->filled);
    return admitted;
}

static struct timespec deadline_after(int timeout_ms)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += timeout_ms / 1000;
    t.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

struct bp_mail *bp_mailbox_take(struct bp_mailbox *m, int timeout_ms)
{
    struct timespec until = deadline_after(timeout_ms < 0 ? 0 : timeout_ms);
    int waited =
        timeout_ms == 0 ? ETIMEDOUT : 0; /* a wait of no time is a system call all the same */
    (void)pthread_mutex_lock(&m->lock);
    while (m->first == NULL && !m->closed && !m->interrupted && waited != ETIMEDOUT) {
        if (timeout_ms < 0)
            (void)pthread_cond_wait(&m->filled, &m->lock);
        else
            waited = pthread_cond_timedwait(&m->filled, &m->lock, &until);
    }
    struct bp_mail *all = m->first;
    m->first = NULL;
    m->end = &m->first;
    if (!m->counts_taken)
        m->bytes = 0;
    m->interrupted = false;
    (void)pthread_mutex_unlock(&m->lock);
    return all;
}

void bp_mailbox_interrupt(struct bp_mailbox *m)
{
    (void)pthread_mutex_lock(&m->lock);
    m->interrupted = true;
    (void)pthread_mutex_unlock(&m->lock);
    (void)pthread_cond_signal(&m->filled);
}

void bp_mailbox_close(struct bp_mailbox *m)
{
    (void)pthread_mutex_lock(&m->lock);
    m->closed = true;
    (void)pthread_mutex_unlock(&m->lock);
    (void)pthread_cond_signal(&m->filled);
}

bool bp_mailbox_is_closed(struct bp_mailbox *m)
{
    (void)pthread_mutex_lock(&m->lock);
    bool closed = m->closed;
    (void)pthread_mutex_unlock(&m->lock);
    return closed;
}

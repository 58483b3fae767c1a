/* Messages between threads: append under a lock, wake once, swap the whole list out, run without
 * the lock. The message embeds a struct bp_mail; a push hands over everything in the message. */
#ifndef BERBAGI_MAILBOX_H
#define BERBAGI_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct bp_mail {
    struct bp_mail *next; /* the mailbox's while inside */
    size_t bytes;         /* set by the sender: what it counts against the bound */
};

struct bp_mailbox {
    pthread_mutex_t lock; /* guards all below; a leaf */
    pthread_cond_t filled;
    struct bp_mail *first, **end;
    size_t bytes, most_bytes;
    bool counts_taken;
    bool closed;
    bool interrupted;
};

void bp_mailbox_init(struct bp_mailbox *m, size_t most_bytes);
void bp_mailbox_fini(struct bp_mailbox *m); /* must be empty */

/* From now on what was taken counts against the bound as well, until its bytes are given back: for
 * an owner that keeps mail waiting elsewhere. Before the first push. */
void bp_mailbox_count_taken(struct bp_mailbox *m);
void bp_mailbox_give_back(struct bp_mailbox *m, size_t bytes); /* any thread */

/* False, and nothing changed, if it is closed or full (a message larger than the bound enters where
 * nothing counts). Any thread. */
bool bp_mailbox_push(struct bp_mailbox *m, struct bp_mail *mail);
/* The same for mail that is linked by `next` already: all of it, or none. */
bool bp_mailbox_push_list(struct bp_mailbox *m, struct bp_mail *list);

/* Waits until there is mail, it is closed, it is interrupted, or timeout_ms passed (-1 = for ever),
 * and takes all of it, oldest first; NULL if there is none. Owner thread. */
struct bp_mail *bp_mailbox_take(struct bp_mailbox *m, int timeout_ms);

void bp_mailbox_interrupt(struct bp_mailbox *m); /* ends one wait. Any thread. */
void bp_mailbox_close(struct bp_mailbox *m); /* refuses what comes; what is inside can be taken */
bool bp_mailbox_is_closed(struct bp_mailbox *m);

#endif

/* The way back from other threads: what they finished is handled on the queue's thread, also when
 * the call it belongs to is over by then. */
#ifndef BERBAGI_RETURNS_H
#define BERBAGI_RETURNS_H

#include "mailbox.h"
#include "rpc.h"

struct bp_returns {
    struct bp_rpc_task task; /* first: a task is its returns */
    struct bp_rpc_server *rpc;
    struct bp_mailbox mailbox;
    void (*handle)(struct bp_mail *mail);
};

void bp_returns_init(struct bp_returns *r, struct bp_rpc_server *rpc,
                     void (*handle)(struct bp_mail *mail));
/* Handles what came back after the server had stopped. */
void bp_returns_fini(struct bp_returns *r);
/* handle(mail) runs soon on the queue's thread. Any thread. */
void bp_returns_push(struct bp_returns *r, struct bp_mail *mail);

#endif

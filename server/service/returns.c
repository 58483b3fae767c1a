#include "returns.h"

static void handle_all(struct bp_rpc_task *task)
{
    struct bp_returns *r = (struct bp_returns *)task;
    struct bp_mail *mail = bp_mailbox_take(&r->mailbox, 0);
    while (mail != NULL) {
        struct bp_mail *next = mail->next;
        r->handle(mail);
        mail = next;
    }
}

void bp_returns_init(struct bp_returns *r, struct bp_rpc_server *rpc,
                     void (*handle)(struct bp_mail *mail))
{
    *r = (struct bp_returns){.task = {.run = handle_all}, .rpc = rpc, .handle = handle};
    bp_mailbox_init(&r->mailbox, SIZE_MAX);
}

void bp_returns_fini(struct bp_returns *r)
{
    handle_all(&r->task);
    bp_mailbox_fini(&r->mailbox);
}

void bp_returns_push(struct bp_returns *r, struct bp_mail *mail)
{
    mail->bytes = 0;
    BP_ASSERT(bp_mailbox_push(&r->mailbox, mail));
    bp_rpc_post(r->rpc, &r->task);
}

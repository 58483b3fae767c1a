#include "subscriber.h"

static void handle(struct bp_mail *mail)
{
    struct bp_return *back = (struct bp_return *)mail;
    back->handle(back);
}

bp_status bp_subscriber_create(struct bp_exchange *x, struct bp_subscriber **out,
                               struct bp_err *err)
{
    static const struct bp_rpc_method *const methods[] = {&bp_subscribe_method, &bp_fetch_method,
                                                          &bp_list_subscriptions_method,
                                                          &bp_delete_subscription_method};
    struct bp_subscriber *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return bp_fail(err, BP_ENOMEM, "subscriber service: out of memory");
    s->x = x;
    bp_readers_init(&s->readers, x);
    bp_returns_init(&s->returns, x->rpc, handle);
    bp_status st = BP_OK;
    for (size_t i = 0; st == BP_OK && i < sizeof(methods) / sizeof(methods[0]); i++)
        st = bp_rpc_server_add(x->rpc, methods[i], s);
    if (st != BP_OK) {
        bp_subscriber_destroy(s);
        return bp_fail(err, st, "subscriber service: can't be registered");
    }
    *out = s;
    return BP_OK;
}

void bp_subscriber_destroy(struct bp_subscriber *s)
{
    if (s == NULL)
        return;
    bp_returns_fini(&s->returns);
    bp_shared_fini(&s->shared);
    free(s);
}

void bp_subscriber_wake(struct bp_subscriber *s)
{
    bp_readers_wake(&s->readers);
}

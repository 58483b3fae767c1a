/* ListSubscriptions and DeleteSubscription. A page token is "agency name" of the last row told. */
#include <stdio.h>

#include "berbagi/v1/exchange.pb-c.h"
#include "place.h"
#include "rpc_answer.h"
#include "subscriber.h"
#include "wire.h"

#define PAGE_DEFAULT 100u
#define PAGE_MAX 1000u

static void begin(struct bp_rpc_call *call, void *service)
{
    bp_rpc_call_set_state(call, service);
}

static void over(struct bp_rpc_call *call)
{
    (void)call;
}

/* --- listing --- */

struct listing {
    struct bp_subscriber *service;
    struct bp_buf out;
    size_t n, most;
    bool more;
    char last_agency[65], last_name[BP_SUBSCRIPTION_NAME_MAX + 1];
};

static bool add_row(void *context, const struct bp_subscription *row)
{
    struct listing *l = context;
    uint64_t head = bp_journal_head(l->service->x->journal);
    if (l->n == l->most) {
        l->more = true;
        return false;
    }
    size_t mark = bp_wire_begin_message(&l->out, 1);
    bp_wire_put_bytes(&l->out, 1, bp_str(row->name));
    bp_wire_put_bytes(&l->out, 2, bp_str(row->agency));
    bp_wire_put_uint(&l->out, 3, row->acknowledged_position);
    bp_wire_put_uint(&l->out, 4, head - row->acknowledged_position);
    bp_wire_put_time(&l->out, 5, row->last_active_ns);
    bp_wire_put_uint(&l->out, 6, bp_readers_holds(&l->service->readers, row->agency, row->name));
    bp_wire_put_bytes(&l->out, 7, row->filter);
    bp_wire_end_message(&l->out, mark);
    (void)bp_str_copy(l->last_agency, sizeof(l->last_agency), bp_str(row->agency));
    (void)bp_str_copy(l->last_name, sizeof(l->last_name), bp_str(row->name));
    l->n++;
    return true;
}

/* Whose subscriptions the caller may see: its own, or for an operator those of any agency (NULL: of
 * all). */
static bool may_list(struct bp_subscriber *s, struct bp_rpc_call *call, const char *asked,
                     const char **agency, struct bp_rpc_status *status)
{
    const struct bp_peer *peer = bp_rpc_call_peer(call);
    if (peer->identity.kind == BP_IDENTITY_AGENCY) {
        *agency = peer->identity.name;
        if (asked[0] == '\0' || strcmp(asked, *agency) == 0)
            return true;
        *status = bp_rpc_status(BP_REASON_WRONG_KIND, "an agency may list its own alone");
        return false;
    }
    *agency = asked[0] != '\0' ? asked : NULL;
    return bp_exchange_has_role(s->x, peer, BERBAGI__V1__OPERATOR__ROLE__ROLE_VIEWER, status);
}

static bool read_token(const char *token, struct listing *l)
{
    const char *blank = strchr(token, ' ');
    if (blank == NULL)
        return token[0] == '\0';
    return bp_str_copy(l->last_agency, sizeof(l->last_agency),
                       bp_str_of(token, (size_t)(blank - token))) &&
           bp_str_copy(l->last_name, sizeof(l->last_name), bp_str(blank + 1));
}

static void list(struct bp_rpc_call *call, const Berbagi__V1__ListSubscriptionsRequest *m)
{
    struct listing l = {.service = bp_rpc_call_state(call), .most = PAGE_DEFAULT};
    struct bp_rpc_status status;
    const char *agency;
    if (!may_list(l.service, call, m->agency, &agency, &status)) {
        bp_refuse(call, status);
        return;
    }
    if (!read_token(m->page_token, &l)) {
        bp_refuse(call, bp_malformed_field("page_token", "page_token is none that was given"));
        return;
    }
    if (m->page_size != 0)
        l.most = m->page_size < PAGE_MAX ? m->page_size : PAGE_MAX;
    bool is_first = l.last_agency[0] == '\0';
    char after_agency[65], after_name[BP_SUBSCRIPTION_NAME_MAX + 1];
    memcpy(after_agency, l.last_agency, sizeof(after_agency));
    memcpy(after_name, l.last_name, sizeof(after_name));
    bp_status st = bp_sequencer_list_subscriptions(l.service->x->sequencer, agency,
                                                   is_first ? NULL : after_agency,
                                                   is_first ? NULL : after_name, add_row, &l);
    if (st != BP_OK) {
        bp_buf_fini(&l.out);
        bp_refuse(call, bp_rpc_status_of(st, NULL));
        return;
    }
    if (l.more) {
        char token[140];
        (void)snprintf(token, sizeof(token), "%s %s", l.last_agency, l.last_name);
        bp_wire_put_bytes(&l.out, 2, bp_str(token));
    }
    bp_answer(call, &l.out);
}

static void list_message(struct bp_rpc_call *call, struct bp_str bytes)
{
    Berbagi__V1__ListSubscriptionsRequest *m =
        berbagi__v1__list_subscriptions_request__unpack(NULL, bytes.n, (const uint8_t *)bytes.p);
    if (m == NULL) {
        bp_refuse(call, bp_malformed("not a berbagi.v1.ListSubscriptionsRequest message"));
        return;
    }
    list(call, m);
    berbagi__v1__list_subscriptions_request__free_unpacked(m, NULL);
}

const struct bp_rpc_method bp_list_subscriptions_method = {
    .path = "/berbagi.v1.SubscriberService/ListSubscriptions",
    .callers = BP_RPC_FOR_AGENCIES | BP_RPC_FOR_OPERATORS,
    .most_request_bytes = BP_RPC_SMALL_REQUEST,
    .begin = begin,
    .message = list_message,
    .over = over,
};

/* --- deleting --- */

struct deletion {
    struct bp_return back; /* first */
    struct bp_subscriber *service;
    struct bp_rpc_call *call;
    bp_status status;
};

static void handle_deleted(struct bp_return *back)
{
    struct deletion *d = (struct deletion *)back;
    struct bp_buf out = {0};
    if (!bp_rpc_call_is_over(d->call)) {
        if (d->status == BP_OK)
            bp_answer(d->call, &out);
        else
            bp_refuse(d->call, bp_rpc_status_of(d->status, NULL));
    }
    bp_rpc_call_unref(d->call);
    free(d);
}

/* On the sequencer's thread. */
static void on_deleted(void *context, bp_status st)
{
    struct deletion *d = context;
    d->status = st;
    bp_returns_push(&d->service->returns, &d->back.mail);
}

static void delete_named(struct bp_rpc_call *call, const char *name)
{
    struct bp_subscriber *s = bp_rpc_call_state(call);
    const struct bp_peer *peer = bp_rpc_call_peer(call);
    if (name[0] == '\0' || !bp_subscription_name_is_valid(name)) {
        bp_refuse(call,
                  bp_malformed_field("name", "a subscription's name is 1 to 64 of a-z, 0-9 and -"));
        return;
    }
    if (bp_readers_holds(&s->readers, peer->identity.name, name)) {
        bp_refuse(call, bp_rpc_status(BP_REASON_SUBSCRIPTION_IN_USE, NULL));
        return;
    }
    struct deletion *d = calloc(1, sizeof(*d));
    if (d == NULL) {
        bp_refuse(call, bp_rpc_status_of(BP_ENOMEM, NULL));
        return;
    }
    *d = (struct deletion){{.handle = handle_deleted}, s, bp_rpc_call_ref(call), BP_OK};
    bp_status st =
        bp_sequencer_delete_subscription(s->x->sequencer, peer->identity.name, name, on_deleted, d);
    if (st == BP_OK)
        return;
    bp_refuse(call, st == BP_ENOENT ? bp_rpc_status(BP_REASON_UNKNOWN_SUBSCRIPTION, NULL)
                                    : bp_rpc_status_of(st, NULL));
    bp_rpc_call_unref(call);
    free(d);
}

static void delete_message(struct bp_rpc_call *call, struct bp_str bytes)
{
    Berbagi__V1__DeleteSubscriptionRequest *m =
        berbagi__v1__delete_subscription_request__unpack(NULL, bytes.n, (const uint8_t *)bytes.p);
    if (m == NULL) {
        bp_refuse(call, bp_malformed("not a berbagi.v1.DeleteSubscriptionRequest message"));
        return;
    }
    delete_named(call, m->name);
    berbagi__v1__delete_subscription_request__free_unpacked(m, NULL);
}

const struct bp_rpc_method bp_delete_subscription_method = {
    .path = "/berbagi.v1.SubscriberService/DeleteSubscription",
    .callers = BP_RPC_FOR_AGENCIES,
    .most_request_bytes = BP_RPC_SMALL_REQUEST,
    .begin = begin,
    .message = delete_message,
    .over = over,
};

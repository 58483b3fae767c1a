/* Subscribe: what its caller says, and the life of a call. What is sent to it: subscribe_stream.c. */
#include "rpc_answer.h"
#include "subscribe_internal.h"
#include "usage.h"

#define BATCH_DEFAULT 500u
#define BATCH_MAX 1000u
#define UNACKNOWLEDGED_DEFAULT 10000u
#define UNACKNOWLEDGED_MAX 1000000u
#define BOOKMARK_DEFAULT_MS 10000
#define BOOKMARK_LEAST_MS 1000

static void take_settings(struct bp_stream *s, const Berbagi__V1__SubscribeRequest__Open *open)
{
    s->most_unacknowledged =
        open->max_unacknowledged != 0 ? open->max_unacknowledged : UNACKNOWLEDGED_DEFAULT;
    if (s->most_unacknowledged > UNACKNOWLEDGED_MAX)
        s->most_unacknowledged = UNACKNOWLEDGED_MAX;
    s->most_batch = open->max_batch != 0 ? open->max_batch : BATCH_DEFAULT;
    if (s->most_batch > BATCH_MAX)
        s->most_batch = BATCH_MAX;
    s->bookmark_ms =
        open->bookmark_interval_ms != 0 ? open->bookmark_interval_ms : BOOKMARK_DEFAULT_MS;
    if (s->bookmark_ms < BOOKMARK_LEAST_MS)
        s->bookmark_ms = BOOKMARK_LEAST_MS;
}

static void on_open(struct bp_stream *s, const Berbagi__V1__SubscribeRequest__Open *open)
{
    struct bp_exchange *x = s->service->x;
    const char *agency = bp_rpc_call_peer(s->call)->identity.name;
    struct bp_rpc_status status;
    struct bp_filter *filter = NULL;
    uint64_t place;
    bool resets, changed;
    if (!bp_subscription_name_is_valid(open->subscription)) {
        bp_stream_end(s, bp_malformed_field("open.subscription",
                                            "a subscription's name is 1 to 64 of a-z, 0-9 and -"));
        return;
    }
    (void)bp_str_copy(s->name, sizeof(s->name), bp_str(open->subscription));
    take_settings(s, open);
    if (!bp_place_resolve(x, agency, s->name, open->start, &place, &resets, &status)) {
        bp_stream_end(s, status);
        return;
    }
    bp_status st = bp_filter_create(open->filter, &filter);
    if (st != BP_OK) {
        bp_stream_end(s, st == BP_EINVAL ? bp_malformed_field("open.filter",
                                                              "a filter has at most 1000 entries")
                                         : bp_rpc_status_of(st, NULL));
        return;
    }
    if (bp_delivery_init(&s->delivery, x, agency, filter, place) != BP_OK) {
        bp_stream_end(s, bp_rpc_status_of(BP_ENOMEM, NULL));
        return;
    }
    if (!bp_delivery_refresh(&s->delivery, &changed, &status)) {
        bp_stream_end(s, status);
        return;
    }
    s->acknowledged = place;
    s->reader.agency = s->delivery.agency;
    s->reader.subscription = s->name;
    s->saved = true;
    bp_readers_add(&s->service->readers, &s->reader);
    if (s->name[0] != '\0' && !bp_stream_save(s, place, open->filter, resets))
        return;
    bp_stream_run(s);
}

static void on_acknowledge(struct bp_stream *s, uint64_t position)
{
    if (position > s->through_sent) {
        bp_stream_end(s, bp_malformed_field("acknowledge",
                                            "a position that was not sent can't be acknowledged"));
        return;
    }
    if (s->name[0] != '\0' && position > s->acknowledged) {
        s->acknowledged = position;
        bp_unacknowledged_drop(&s->unacknowledged, position);
        if (!bp_stream_save(s, position, NULL, false))
            return;
    }
    bp_rpc_call_read(s->call);
    bp_stream_run(s);
}

static void message(struct bp_rpc_call *call, struct bp_str bytes)
{
    struct bp_stream *s = bp_rpc_call_state(call);
    if (s == NULL || s->state == ENDED)
        return;
    Berbagi__V1__SubscribeRequest *m =
        berbagi__v1__subscribe_request__unpack(NULL, bytes.n, (const uint8_t *)bytes.p);
    bool is_first = s->reader.agency == NULL;
    if (m == NULL)
        bp_stream_end(s, bp_malformed("not a berbagi.v1.SubscribeRequest message"));
    else if (is_first != (m->kind_case == BERBAGI__V1__SUBSCRIBE_REQUEST__KIND_OPEN))
        bp_stream_end(s, bp_malformed("the first request opens, later ones acknowledge"));
    else if (is_first)
        on_open(s, m->open);
    else if (m->kind_case == BERBAGI__V1__SUBSCRIBE_REQUEST__KIND_ACKNOWLEDGE)
        on_acknowledge(s, m->acknowledge);
    else
        bp_stream_end(s, bp_malformed("the first request opens, later ones acknowledge"));
    if (m != NULL)
        berbagi__v1__subscribe_request__free_unpacked(m, NULL);
}

static void half_closed(struct bp_rpc_call *call)
{
    struct bp_stream *s = bp_rpc_call_state(call);
    if (s == NULL || s->state == ENDED)
        return;
    s->half_closed = true;
    if (s->reader.agency == NULL) {
        struct bp_rpc_status ok = BP_RPC_STATUS_OK;
        bp_stream_end(s, ok);
        return;
    }
    bp_stream_run(s);
}

static void sent(struct bp_rpc_call *call)
{
    struct bp_stream *s = bp_rpc_call_state(call);
    if (s != NULL)
        bp_stream_run(s);
}

static void begin(struct bp_rpc_call *call, void *service)
{
    struct bp_subscriber *subscriber = service;
    struct bp_rpc_status status;
    if (!bp_usage_begin(subscriber->x, call, true, &status)) {
        bp_refuse(call, status);
        return;
    }
    struct bp_stream *s = bp_new_state(call, sizeof(*s));
    if (s == NULL) {
        bp_usage_end(subscriber->x, call, true);
        return;
    }
    bp_stream_init(s, subscriber, call);
    bp_rpc_call_read(call);
}

static void over(struct bp_rpc_call *call)
{
    struct bp_stream *s = bp_rpc_call_state(call);
    if (s == NULL)
        return;
    bp_usage_end(s->service->x, call, true);
    bp_stream_over(s);
}

const struct bp_rpc_method bp_subscribe_method = {
    .path = "/berbagi.v1.SubscriberService/Subscribe",
    .callers = BP_RPC_FOR_AGENCIES,
    .most_request_bytes = BP_RPC_SMALL_REQUEST,
    .client_streams = true,
    .server_streams = true,
    .begin = begin,
    .message = message,
    .half_closed = half_closed,
    .sent = sent,
    .over = over,
};

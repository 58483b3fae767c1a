#include "place.h"

#include <inttypes.h>

#include "usage.h"
#include "wire.h"

bool bp_subscription_name_is_valid(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return n <= BP_SUBSCRIPTION_NAME_MAX && name[n] == '\0';
}

static bool refuse(struct bp_rpc_status *status, struct bp_rpc_status with)
{
    *status = with;
    return false;
}

bool bp_place_check_log(struct bp_exchange *x, const char *log_id, struct bp_rpc_status *status)
{
    struct bp_log_id id = bp_journal_log_id(x->journal);
    char now[33];
    bp_log_id_format(&id, now);
    if (log_id[0] == '\0' || strcmp(log_id, now) == 0)
        return true;
    return refuse(status, bp_rpc_status(BP_REASON_LOG_CHANGED, NULL));
}

bool bp_place_check(struct bp_exchange *x, uint64_t place, struct bp_rpc_status *status)
{
    uint64_t head = bp_journal_head(x->journal), first = bp_journal_first(x->journal);
    if (place > head)
        return refuse(status, bp_rpc_status(BP_REASON_POSITION_AHEAD,
                                            "position %" PRIu64 " is behind the newest, %" PRIu64,
                                            place, head));
    if (place + 1 >= first)
        return true;
    struct bp_rpc_status expired =
        bp_rpc_status(BP_REASON_POSITION_EXPIRED, "the oldest position kept is %" PRIu64, first);
    expired.position = first;
    return refuse(status, expired);
}

static bool since(struct bp_exchange *x, const Google__Protobuf__Timestamp *time, uint64_t *place,
                  struct bp_rpc_status *status)
{
    int64_t ns = bp_wire_time_ns(time->seconds, time->nanos);
    bp_status st = bp_journal_position_before(x->journal, ns, place);
    return st == BP_OK || refuse(status, bp_rpc_status_of(st, NULL));
}

bool bp_place_resolve(struct bp_exchange *x, const char *agency, const char *subscription,
                      const Berbagi__V1__Start *start, uint64_t *place, bool *resets,
                      struct bp_rpc_status *status)
{
    Berbagi__V1__Start unset = BERBAGI__V1__START__INIT;
    bool durable = subscription[0] != '\0';
    if (start == NULL)
        start = &unset;
    if (!bp_place_check_log(x, start->log_id, status))
        return false;
    *resets = durable && start->at_case != BERBAGI__V1__START__AT__NOT_SET &&
              start->at_case != BERBAGI__V1__START__AT_STORED;
    *place = bp_journal_first(x->journal) - 1;
    switch (start->at_case) {
    case BERBAGI__V1__START__AT_STORED:
        if (!durable)
            return refuse(status, bp_rpc_status(BP_REASON_MALFORMED_REQUEST,
                                                "a stored place needs a subscription's name"));
        *place = bp_place_acknowledged(x, agency, subscription);
        break;
    case BERBAGI__V1__START__AT__NOT_SET:
        if (durable)
            *place = bp_place_acknowledged(x, agency, subscription);
        break;
    case BERBAGI__V1__START__AT_NOW:
        *place = bp_journal_head(x->journal);
        break;
    case BERBAGI__V1__START__AT_AFTER_POSITION:
        *place = start->after_position;
        break;
    case BERBAGI__V1__START__AT_SINCE:
        if (!since(x, start->since, place, status))
            return false;
        break;
    case BERBAGI__V1__START__AT_BEGINNING:
    case _BERBAGI__V1__START__AT__CASE_IS_INT_SIZE:
        break;
    }
    return bp_place_check(x, *place, status);
}

struct count {
    size_t n, most;
};

static bool count_row(void *context, const struct bp_subscription *row)
{
    struct count *count = context;
    (void)row;
    return ++count->n < count->most;
}

bp_status bp_place_store(struct bp_exchange *x, const char *agency, const char *subscription,
                         uint64_t place, const Berbagi__V1__Filter *filter,
                         void (*done)(void *context, bp_status st), void *context)
{
    struct bp_subscription row = {.created_ns = bp_now_ns(x->clock)};
    struct bp_buf bytes = {0};
    bp_status st = bp_sequencer_get_subscription(x->sequencer, agency, subscription, &row, &bytes);
    if (st == BP_ENOENT) {
        struct count count = {0, bp_usage_most_subscriptions(x, agency)};
        st = bp_sequencer_list_subscriptions(x->sequencer, agency, NULL, NULL, count_row, &count);
        if (st == BP_OK && count.n >= count.most)
            st = BP_EAGAIN;
    }
    if (st == BP_OK && filter != NULL) {
        size_t size = berbagi__v1__filter__get_packed_size(filter);
        bp_buf_clear(&bytes);
        uint8_t *to = bp_buf_reserve(&bytes, size + 1);
        if (to == NULL)
            st = BP_ENOMEM;
        else
            bytes.n = berbagi__v1__filter__pack(filter, to);
    }
    if (st == BP_OK) {
        (void)bp_str_copy(row.agency, sizeof(row.agency), bp_str(agency));
        (void)bp_str_copy(row.name, sizeof(row.name), bp_str(subscription));
        row.acknowledged_position = place;
        row.last_active_ns = bp_now_ns(x->clock);
        row.filter = bp_buf_str(&bytes);
        st = bp_sequencer_put_subscription(x->sequencer, &row, done, context);
    }
    bp_buf_fini(&bytes);
    return st;
}

uint64_t bp_place_acknowledged(struct bp_exchange *x, const char *agency, const char *subscription)
{
    struct bp_subscription row;
    bp_status st = bp_sequencer_get_subscription(x->sequencer, agency, subscription, &row, NULL);
    return st == BP_OK ? row.acknowledged_position : bp_journal_first(x->journal) - 1;
}

/* A place in the log that survives broken links. Three positions matter:
 *   handed   everything up to here was handed to the caller; it never comes again from this object.
 *   wanted   what the caller acknowledged.
 *   through  the last through_position of this link: the exchange takes no acknowledgement beyond
 * it, so after a new link an old acknowledgement waits until the link has come as far. A named
 * subscription is opened again at its stored place, never at a position of ours: that would move
 * the stored place, back perhaps behind what another program has acknowledged meanwhile. What was
 * handed out before is dropped.
 *
 * Renewed certificate files make it go over to another stream in just the same way (move.h): the new
 * one is read alone until its first message, which ends the former, or its end, which brings the
 * former back. On a named subscription the new one takes over from the former by itself. */
#include "link.h"
#include "move.h"
#include "response.h"
#include "tries.h"
#include "wire.h"

#define BOOKMARK_DEFAULT_MS 10000
#define NAME_MAX_BYTES 64
#define PATH "/berbagi.v1.SubscriberService/Subscribe"

/* A link and how far it has come. */
struct stream {
    struct bp_link *link;
    bool open_is_sent;
    bool was_left; /* for one that did not answer, but may have taken over before it broke */
    uint64_t through, sent_acknowledge;
    int64_t heard_ms; /* when a message came */
};

struct berbagi_subscription {
    struct berbagi_client *client;
    struct bp_buf filter; /* encoded */
    char name[NAME_MAX_BYTES + 1];
    char log_id[80];
    enum berbagi_start start;
    uint64_t position;
    int64_t since_ns;
    uint32_t max_unacknowledged, max_batch, bookmark_interval_ms;

    struct stream now;    /* its link NULL: to be made at tries.next_ms */
    struct stream former; /* waits until now, made with renewed files, has answered; or no link */
    struct bp_move move;
    struct bp_tries tries;
    bool ever_opened; /* then start is no longer asked for */
    uint64_t handed, wanted;
    int64_t left_ms; /* when the caller last left */
    bool failed;
    struct bp_response response;
};

static bool name_is_valid(const char *name)
{
    size_t n = strlen(name);
    return n <= NAME_MAX_BYTES && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

static berbagi_status copy_options(struct berbagi_subscription *s,
                                   const struct berbagi_subscription_options *o,
                                   struct berbagi_error *error)
{
    if (o->name != NULL && !name_is_valid(o->name))
        return bp_client_fail(error, BERBAGI_EINVAL,
                              "a subscription is named by 1 to 64 of a-z, 0-9 and '-'");
    if (o->log_id != NULL && strlen(o->log_id) >= sizeof(s->log_id))
        return bp_client_fail(error, BERBAGI_EINVAL, "the log id is too long");
    if (o->bookmark_interval_ms != 0 && o->bookmark_interval_ms < 1000)
        return bp_client_fail(error, BERBAGI_EINVAL, "bookmarks come at most once a second");
    (void)bp_str_copy(s->name, sizeof(s->name), bp_str(o->name));
    (void)bp_str_copy(s->log_id, sizeof(s->log_id), bp_str(o->log_id));
    s->start = o->start;
    s->position = o->position;
    s->since_ns = o->since_ns;
    s->max_unacknowledged = o->max_unacknowledged;
    s->max_batch = o->max_batch;
    s->bookmark_interval_ms =
        o->bookmark_interval_ms != 0 ? o->bookmark_interval_ms : BOOKMARK_DEFAULT_MS;
    bp_client_encode_filter(&o->filter, &s->filter);
    return s->filter.failed ? bp_client_fail(error, BERBAGI_ENOMEM, "out of memory") : BERBAGI_OK;
}

berbagi_status berbagi_subscription_open(struct berbagi_client *client,
                                         const struct berbagi_subscription_options *options,
                                         struct berbagi_subscription **out,
                                         struct berbagi_error *error)
{
    struct berbagi_subscription *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return bp_client_fail(error, BERBAGI_ENOMEM, "out of memory");
    s->client = client;
    berbagi_status status = copy_options(s, options, error);
    if (status != BERBAGI_OK) {
        berbagi_subscription_close(s);
        return status;
    }
    *out = s;
    return BERBAGI_OK;
}

void berbagi_subscription_close(struct berbagi_subscription *s)
{
    if (s == NULL)
        return;
    bp_link_close(s->now.link);
    bp_link_close(s->former.link);
    bp_response_fini(&s->response);
    bp_buf_fini(&s->filter);
    free(s);
}

static bool is_durable(const struct berbagi_subscription *s)
{
    return s->name[0] != '\0';
}

static void put_start(const struct berbagi_subscription *s, struct bp_buf *out)
{
    enum berbagi_start start = s->start;
    uint64_t position = s->position;
    if (s->ever_opened) {
        start = is_durable(s) ? BERBAGI_START_STORED : BERBAGI_START_AFTER;
        position = s->handed;
    }
    switch (start) {
    case BERBAGI_START_DEFAULT:
        break;
    case BERBAGI_START_STORED:
        bp_wire_put_uint(out, 1, 1);
        break;
    case BERBAGI_START_BEGINNING:
        bp_wire_put_uint(out, 2, 1);
        break;
    case BERBAGI_START_NOW:
        bp_wire_put_uint(out, 3, 1);
        break;
    case BERBAGI_START_AFTER:
        bp_wire_put_uint(out, 4, position);
        break;
    case BERBAGI_START_SINCE:
        bp_wire_put_time(out, 5, s->since_ns);
        break;
    }
    if (s->log_id[0] != '\0')
        bp_wire_put_bytes(out, 6, bp_str(s->log_id));
}

static void encode_open(const struct berbagi_subscription *s, struct bp_buf *out)
{
    size_t request = bp_wire_begin_message(out, 1);
    bp_wire_put_bytes(out, 1, bp_str(s->name));
    bp_wire_put_bytes(out, 2, bp_buf_str(&s->filter));
    size_t start = bp_wire_begin_message(out, 3);
    put_start(s, out);
    bp_wire_end_message(out, start);
    bp_wire_put_uint(out, 4, s->max_unacknowledged);
    bp_wire_put_uint(out, 5, s->max_batch);
    bp_wire_put_uint(out, 6, s->bookmark_interval_ms);
    bp_wire_end_message(out, request);
}

static uint64_t acknowledge_due(const struct berbagi_subscription *s)
{
    uint64_t due = s->wanted < s->now.through ? s->wanted : s->now.through;
    return is_durable(s) && due > s->now.sent_acknowledge ? due : 0;
}

/* Writes what is due next, if anything. */
static void write_next(struct berbagi_subscription *s)
{
    if (!bp_link_is_writable(s->now.link))
        return;
    struct bp_buf request = {0};
    uint64_t due = acknowledge_due(s);
    if (!s->now.open_is_sent)
        encode_open(s, &request);
    else if (due != 0)
        bp_wire_put_uint(&request, 2, due);
    if (request.n != 0 && !request.failed) {
        struct bp_str message = bp_buf_str(&request);
        bp_link_write(s->now.link, &message, 1);
        s->now.sent_acknowledge = s->now.open_is_sent ? due : 0;
        s->now.open_is_sent = true;
    }
    bp_buf_fini(&request);
}

static struct stream stream_of(struct bp_link *link)
{
    return (struct stream){.link = link, .heard_ms = bp_client_now_ms()};
}

/* Leaves the stream made with renewed files, which ended before it answered, for the one before. */
static void give_up_move(struct berbagi_subscription *s)
{
    const struct berbagi_error why = *bp_link_error(s->now.link);
    bp_link_close(s->now.link);
    s->now = s->former;
    s->now.was_left = true;
    s->now.heard_ms = bp_client_now_ms(); /* nobody listened */
    s->former = (struct stream){0};
    if (bp_move_failed(&s->move, s->client, &why)) {
        bp_link_close(s->now.link);
        s->now.link = NULL;
    }
}

static berbagi_status lose_link(struct berbagi_subscription *s, struct berbagi_error *error)
{
    if (s->former.link == NULL)
        return bp_tries_lost(&s->tries, s->client, &s->now.link,
                             s->now.was_left ? "TAKEN_OVER" : NULL, error);
    give_up_move(s);
    return BERBAGI_OK;
}

static berbagi_status make_link(struct berbagi_subscription *s, int64_t until_ms,
                                struct berbagi_error *error)
{
    struct bp_link *link = NULL;
    berbagi_status status = bp_tries_connect(&s->tries, s->client, PATH, until_ms, &link, error);
    if (status == BERBAGI_OK)
        s->now = stream_of(link);
    return status;
}

static void follow_files(struct berbagi_subscription *s)
{
    struct bp_link *renewed = NULL;
    if (s->former.link != NULL || !bp_move_is_due(&s->move, s->client, s->now.link) ||
        !bp_move_begin(&s->move, s->client, PATH, &renewed))
        return;
    s->former = s->now;
    s->now = stream_of(renewed);
}

static void end_former(struct berbagi_subscription *s)
{
    if (s->former.link == NULL)
        return;
    bp_link_close(s->former.link);
    s->former = (struct stream){0};
    bp_move_done(&s->move);
}

static void move_place(struct berbagi_subscription *s, struct berbagi_response *r)
{
    if (r->kind == BERBAGI_OPENED) {
        (void)bp_str_copy(s->log_id, sizeof(s->log_id), bp_str_of(r->log_id.p, r->log_id.n));
        s->ever_opened = true;
        s->now.sent_acknowledge = r->through_position; /* the exchange knows that much */
    }
    s->now.through = r->through_position;
    if (r->through_position > s->handed)
        s->handed = r->through_position;
    r->through_position = s->handed; /* the caller's place never goes back */
}

static berbagi_status take_message(struct berbagi_subscription *s,
                                   const struct berbagi_response **out, struct berbagi_error *error)
{
    berbagi_status status =
        bp_response_decode(&s->response, bp_link_message(s->now.link), s->handed, error);
    if (status != BERBAGI_OK)
        return status;
    end_former(s);
    s->now.heard_ms = bp_client_now_ms();
    bp_tries_answered(&s->tries);
    move_place(s, &s->response.public);
    *out = &s->response.public;
    return BERBAGI_OK;
}

/* Bookmarks are the heartbeat: three left out mean that nobody is there. A stream made with renewed
 * files is waited for no longer than a first connection. */
static int64_t silence_ends_ms(const struct berbagi_subscription *s)
{
    if (s->former.link != NULL)
        return s->now.heard_ms + s->client->connect_timeout_ms;
    return s->now.heard_ms + 3 * (int64_t)s->bookmark_interval_ms + 5000;
}

/* Until when the next event of the link is worth waiting for. */
static int64_t wake_ms(const struct berbagi_subscription *s, int64_t silence_ms, int64_t until_ms)
{
    int64_t at = silence_ms < until_ms ? silence_ms : until_ms;
    return s->former.link == NULL && s->move.look_ms < at ? s->move.look_ms : at;
}

/* One event of the link. BERBAGI_AGAIN: go on; *is_idle: nothing happened. */
static berbagi_status step(struct berbagi_subscription *s, int64_t until_ms,
                           const struct berbagi_response **out, bool *is_idle,
                           struct berbagi_error *error)
{
    write_next(s);
    int64_t silence_ms = silence_ends_ms(s);
    berbagi_status status = BERBAGI_AGAIN;
    switch (bp_link_next(s->now.link, wake_ms(s, silence_ms, until_ms))) {
    case LINK_MESSAGE:
        return take_message(s, out, error);
    case LINK_ENDED:
        status = lose_link(s, error);
        return status == BERBAGI_OK ? BERBAGI_AGAIN : status;
    case LINK_NOTHING:
        *is_idle = true;
        if (bp_client_now_ms() >= silence_ms)
            bp_link_give_up(s->now.link, "no sign of life from the exchange");
        break;
    case LINK_WRITABLE:
        break;
    }
    return status;
}

/* A caller that was away for long has not listened, so nobody was silent. */
static void come_back(struct berbagi_subscription *s)
{
    int64_t now = bp_client_now_ms();
    if (now - s->left_ms > 1000)
        s->now.heard_ms = now;
}

berbagi_status berbagi_subscription_next(struct berbagi_subscription *s, int timeout_ms,
                                         const struct berbagi_response **out,
                                         struct berbagi_error *error)
{
    if (s->failed)
        return bp_client_fail(error, BERBAGI_EINVAL, "the subscription has failed before");
    const int64_t until_ms = bp_client_until_ms(timeout_ms);
    berbagi_status status;
    bool is_idle;
    come_back(s);
    do {
        is_idle = s->now.link == NULL;
        status = BERBAGI_OK;
        if (s->now.link == NULL)
            status = make_link(s, until_ms, error);
        if (status == BERBAGI_OK) {
            follow_files(s);
            status = step(s, until_ms, out, &is_idle, error);
        }
    } while (status == BERBAGI_AGAIN && (!is_idle || bp_client_now_ms() < until_ms));
    s->failed = status != BERBAGI_OK && status != BERBAGI_AGAIN;
    s->left_ms = bp_client_now_ms();
    return status;
}

berbagi_status berbagi_subscription_acknowledge(struct berbagi_subscription *s, uint64_t position)
{
    if (position > s->handed)
        return BERBAGI_EINVAL;
    if (position > s->wanted)
        s->wanted = position;
    return BERBAGI_OK;
}

/* Has everything been written, the half-close too? On a new stream the last acknowledgement waits
 * until the exchange has sent as much again. */
static bool write_end(struct berbagi_subscription *s)
{
    write_next(s);
    if (!bp_link_is_writable(s->now.link) || (is_durable(s) && s->wanted > s->now.through))
        return false;
    bp_link_half_close(s->now.link);
    return true;
}

/* Until the link has ended. BERBAGI_AGAIN: not by then. */
static berbagi_status wait_for_end(struct berbagi_subscription *s, int64_t until_ms,
                                   struct berbagi_error *error)
{
    const struct berbagi_response *dropped;
    bool is_closed = false;
    while (s->now.link != NULL) {
        is_closed = is_closed || write_end(s);
        enum bp_link_event event = bp_link_next(s->now.link, until_ms);
        berbagi_status status = BERBAGI_OK;
        if (event == LINK_ENDED && s->former.link == NULL)
            return BERBAGI_OK;
        if (event == LINK_ENDED)
            give_up_move(s);
        else if (event == LINK_MESSAGE && !is_closed)
            status = take_message(s, &dropped, error);
        if (status != BERBAGI_OK)
            return status;
        if (bp_client_now_ms() >= until_ms)
            return BERBAGI_AGAIN;
    }
    return bp_client_fail(error, BERBAGI_EUNREACHABLE, "the connection is gone");
}

berbagi_status berbagi_subscription_end(struct berbagi_subscription *s, int timeout_ms,
                                        struct berbagi_error *error)
{
    if (s->failed || s->now.link == NULL)
        return bp_client_fail(error, BERBAGI_EUNREACHABLE,
                              "there is no connection to end in order");
    berbagi_status status = wait_for_end(s, bp_client_until_ms(timeout_ms), error);
    if (status != BERBAGI_OK)
        return status;
    s->failed = true; /* it is over; only close may follow */
    const struct berbagi_error *why = bp_link_error(s->now.link);
    if (why->code == GRPC_STATUS_OK)
        return BERBAGI_OK;
    bp_client_copy_error(error, why);
    return bp_client_may_pass(why) ? BERBAGI_EUNREACHABLE : BERBAGI_EREFUSED;
}

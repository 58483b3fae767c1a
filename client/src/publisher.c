/* The window is a ring of encoded requests, oldest first:
 *
 *     first            first + answered       first + sent            first + count
 *       | answered, not told  | sent, unanswered     | waiting to be sent    |
 *
 * Requests that wait leave together: encoded requests one behind the other are one request with all
 * of their events, and one answer. Telling an answer takes the oldest away. When the link breaks,
 * sent goes back to 0: what was not answered is sent again, in order, on the next link, as the
 * contract asks; one by one until the first answer, so that what the exchange refuses of one holds
 * up no other. */
#include "answer.h"
#include "link.h"
#include "tries.h"
#include "wire.h"

#define IN_FLIGHT_DEFAULT 16
#define END_WAIT_MS 1000
#define IN_FLIGHT_MOST 64
#define SILENCE_MS 60000 /* without an answer to what was sent, the link is taken for dead */

struct request {
    struct bp_buf bytes;
    size_t n_events;
    void *tag;
    size_t n_together; /* requests in the message that this one is the first of */
};

struct berbagi_publisher {
    struct berbagi_client *client;
    struct berbagi_publisher_options options;
    struct request window[IN_FLIGHT_MOST];
    size_t first, count, sent, answered;
    struct bp_link *link; /* NULL: to be made at tries.next_ms */
    struct bp_tries tries;
    int64_t not_before_ms; /* the exchange asked to wait with the next request */
    int64_t silent_since_ms;
    bool one_by_one;
    struct bp_answer answer;
    size_t results_told;
    struct berbagi_answer told;
    bool failed;
};

berbagi_status berbagi_publisher_open(struct berbagi_client *client,
                                      const struct berbagi_publisher_options *options,
                                      struct berbagi_publisher **out, struct berbagi_error *error)
{
    if (options != NULL && options->most_in_flight > IN_FLIGHT_MOST)
        return bp_client_fail(error, BERBAGI_EINVAL, "at most %d requests may be in flight",
                              IN_FLIGHT_MOST);
    struct berbagi_publisher *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return bp_client_fail(error, BERBAGI_ENOMEM, "out of memory");
    p->client = client;
    if (options != NULL)
        p->options = *options;
    if (p->options.most_in_flight == 0)
        p->options.most_in_flight = IN_FLIGHT_DEFAULT;
    *out = p;
    return BERBAGI_OK;
}

/* Ends the stream as the contract says where everything was answered, so that the exchange does not
 * count a broken call. What happens on the way changes nothing any more. */
static void end_in_order(struct berbagi_publisher *p)
{
    if (p->link == NULL || p->count != 0 || !bp_link_is_writable(p->link))
        return;
    const int64_t until_ms = bp_client_until_ms(END_WAIT_MS);
    bp_link_half_close(p->link);
    while (bp_link_next(p->link, until_ms) != LINK_ENDED && bp_client_now_ms() < until_ms)
        ;
}

void berbagi_publisher_close(struct berbagi_publisher *p)
{
    if (p == NULL)
        return;
    end_in_order(p);
    bp_link_close(p->link);
    for (size_t i = 0; i < IN_FLIGHT_MOST; i++)
        bp_buf_fini(&p->window[i].bytes);
    bp_answer_fini(&p->answer);
    free(p);
}

size_t berbagi_publisher_unanswered(const struct berbagi_publisher *p)
{
    return p->count;
}

static struct request *request_at(struct berbagi_publisher *p, size_t i)
{
    return &p->window[(p->first + i) % IN_FLIGHT_MOST];
}

static void encode(const struct berbagi_publisher *p, const struct berbagi_str *events, size_t n,
                   struct bp_buf *out)
{
    for (size_t i = 0; i < n; i++)
        bp_wire_put_bytes(out, 1, bp_str_of(events[i].p, events[i].n));
    if (p->options.all_or_nothing)
        bp_wire_put_uint(out, 2, 1);
    if (p->options.dry_run)
        bp_wire_put_uint(out, 3, 1);
}

berbagi_status berbagi_publisher_send(struct berbagi_publisher *p, const struct berbagi_str *events,
                                      size_t n, void *tag, struct berbagi_error *error)
{
    if (p->failed)
        return bp_client_fail(error, BERBAGI_EINVAL, "the publisher has failed before");
    if (n == 0 || n > BERBAGI_REQUEST_EVENTS)
        return bp_client_fail(error, BERBAGI_EINVAL, "a request has 1 to %d events",
                              BERBAGI_REQUEST_EVENTS);
    if (p->count == p->options.most_in_flight)
        return BERBAGI_AGAIN;
    struct request *r = request_at(p, p->count);
    bp_buf_clear(&r->bytes);
    encode(p, events, n, &r->bytes);
    if (r->bytes.failed)
        return bp_client_fail(error, BERBAGI_ENOMEM, "out of memory");
    if (r->bytes.n > BERBAGI_REQUEST_BYTES)
        return bp_client_fail(error, BERBAGI_EINVAL, "a request has at most %u bytes",
                              BERBAGI_REQUEST_BYTES);
    r->n_events = n;
    r->tag = tag;
    p->count++;
    return BERBAGI_OK;
}

/* The link ended; another is made later, or the publisher has failed. */
static berbagi_status lose_link(struct berbagi_publisher *p, struct berbagi_error *error)
{
    struct berbagi_error why = *bp_link_error(p->link);
    bp_link_close(p->link);
    p->link = NULL;
    p->sent = 0;
    p->one_by_one = true;
    p->not_before_ms = 0;
    if (why.code == GRPC_STATUS_OK) /* only we may end it, and we do not */
        bp_client_rpc_error(GRPC_STATUS_UNAVAILABLE, BP_STR("the stream ended early"),
                            (struct bp_str){0}, &why);
    return bp_tries_failed(&p->tries, p->client, &why, error);
}

/* The requests that leave with the next message, of which there is one at least. */
static size_t gather(struct berbagi_publisher *p, struct bp_str *parts)
{
    const size_t most = p->one_by_one || p->options.all_or_nothing ? 1 : p->count - p->sent;
    size_t n = 0, events = 0, bytes = 0;
    for (; n < most; n++) {
        const struct request *r = request_at(p, p->sent + n);
        events += r->n_events;
        bytes += r->bytes.n;
        if (n != 0 && (events > BERBAGI_REQUEST_EVENTS || bytes > BERBAGI_REQUEST_BYTES))
            break;
        parts[n] = bp_buf_str(&r->bytes);
    }
    return n;
}

static void write_next(struct berbagi_publisher *p, int64_t now)
{
    struct bp_str parts[IN_FLIGHT_MOST];
    if (p->sent == p->count || !bp_link_is_writable(p->link) || now < p->not_before_ms)
        return;
    if (p->sent == 0)
        p->silent_since_ms = now;
    size_t n = gather(p, parts);
    bp_link_write(p->link, parts, n);
    request_at(p, p->sent)->n_together = n;
    p->sent += n;
}

/* Tells the answer to the oldest request, which was answered. */
static void tell_answer(struct berbagi_publisher *p, const struct berbagi_answer **out)
{
    const struct request *r = request_at(p, 0);
    p->told = (struct berbagi_answer){r->tag, p->answer.results + p->results_told, r->n_events};
    p->results_told += r->n_events;
    p->first = (p->first + 1) % IN_FLIGHT_MOST;
    p->count--;
    p->sent--;
    p->answered--;
    *out = &p->told;
}

static berbagi_status take_answer(struct berbagi_publisher *p, const struct berbagi_answer **out,
                                  struct berbagi_error *error)
{
    if (p->sent == 0)
        return bp_client_fail(error, BERBAGI_EPROTOCOL, "an answer to nothing");
    size_t n_together = request_at(p, 0)->n_together, n_events = 0;
    for (size_t i = 0; i < n_together; i++)
        n_events += request_at(p, i)->n_events;
    berbagi_status status = bp_answer_decode(&p->answer, bp_link_message(p->link), n_events, error);
    if (status != BERBAGI_OK)
        return status;
    p->answered = n_together;
    p->results_told = 0;
    p->one_by_one = false;
    p->silent_since_ms = bp_client_now_ms();
    p->not_before_ms = p->silent_since_ms + p->answer.message->retry_after_ms;
    bp_tries_answered(&p->tries);
    tell_answer(p, out);
    return BERBAGI_OK;
}

/* Until when the next event of the link is worth waiting for. */
static int64_t wake_ms(const struct berbagi_publisher *p, int64_t until_ms)
{
    int64_t at = until_ms;
    if (p->sent > 0 && p->silent_since_ms + SILENCE_MS < at)
        at = p->silent_since_ms + SILENCE_MS;
    if (p->sent < p->count && bp_link_is_writable(p->link) && p->not_before_ms < at)
        at = p->not_before_ms;
    return at;
}

/* One event of the link. BERBAGI_AGAIN: go on; *is_idle: nothing happened. */
static berbagi_status step(struct berbagi_publisher *p, int64_t until_ms,
                           const struct berbagi_answer **out, bool *is_idle,
                           struct berbagi_error *error)
{
    write_next(p, bp_client_now_ms());
    berbagi_status status = BERBAGI_AGAIN;
    switch (bp_link_next(p->link, wake_ms(p, until_ms))) {
    case LINK_MESSAGE:
        return take_answer(p, out, error);
    case LINK_ENDED:
        status = lose_link(p, error);
        return status == BERBAGI_OK ? BERBAGI_AGAIN : status;
    case LINK_NOTHING:
        *is_idle = true;
        if (p->sent > 0 && bp_client_now_ms() >= p->silent_since_ms + SILENCE_MS)
            bp_link_give_up(p->link, "no answer for a minute");
        break;
    case LINK_WRITABLE:
        break;
    }
    return status;
}

berbagi_status berbagi_publisher_next(struct berbagi_publisher *p, int timeout_ms,
                                      const struct berbagi_answer **out,
                                      struct berbagi_error *error)
{
    if (p->failed)
        return bp_client_fail(error, BERBAGI_EINVAL, "the publisher has failed before");
    if (p->count == 0)
        return BERBAGI_AGAIN; /* nothing to wait for, not even a connection */
    if (p->answered != 0) {
        tell_answer(p, out);
        return BERBAGI_OK;
    }
    const int64_t until_ms = bp_client_until_ms(timeout_ms);
    berbagi_status status;
    bool is_idle;
    do {
        is_idle = p->link == NULL;
        status = BERBAGI_OK;
        if (p->link == NULL)
            status =
                bp_tries_connect(&p->tries, p->client, "/berbagi.v1.PublisherService/PublishStream",
                                 until_ms, &p->link, error);
        if (status == BERBAGI_OK)
            status = step(p, until_ms, out, &is_idle, error);
    } while (status == BERBAGI_AGAIN && (!is_idle || bp_client_now_ms() < until_ms));
    p->failed = status != BERBAGI_OK && status != BERBAGI_AGAIN;
    return status;
}

/* The window is a ring of encoded requests, oldest first:
 *
 *     first            first + answered       first + sent            first + count
 *       | answered, not told  | sent, unanswered     | waiting to be sent    |
 *
 * Requests that wait leave together: encoded requests one behind the other are one request with all
 * of their events, and one answer. Telling an answer takes the oldest away. When the link breaks,
 * sent goes back to 0: what was not answered is sent again, in order, on the next link, as the
 * contract asks; one by one until the first answer, so that what the exchange refuses of one holds
 * up no other. Renewed certificate files have it go over to another link between two messages
 * (move.h). */
#include "answer.h"
#include "link.h"
#include "move.h"
#include "tries.h"
#include "wire.h"

#define IN_FLIGHT_DEFAULT 16
#define END_WAIT_MS 1000
#define IN_FLIGHT_MOST 64
#define SILENCE_MS 60000 /* without an answer to what was sent, the link is taken for dead */
#define PATH "/berbagi.v1.PublisherService/PublishStream"

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
    struct bp_link *former; /* idle, until link, made with renewed files, has answered; or NULL */
    struct bp_move move;
    bool is_leaving; /* nothing more is sent on link: it makes way for one with renewed files */
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

/* Ends a stream on which everything was answered as the contract says, so that the exchange does not
 * count a broken call. What happens on the way changes nothing any more. */
static void end_in_order(struct bp_link *link)
{
    if (link != NULL && bp_link_is_writable(link)) {
        const int64_t until_ms = bp_client_until_ms(END_WAIT_MS);
        bp_link_half_close(link);
        while (bp_link_next(link, until_ms) != LINK_ENDED && bp_client_now_ms() < until_ms)
            ;
    }
    bp_link_close(link);
}

void berbagi_publisher_close(struct berbagi_publisher *p)
{
    if (p == NULL)
        return;
    if (p->count == 0)
        end_in_order(p->link);
    else
        bp_link_close(p->link);
    bp_link_close(p->former);
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

/* The link made with renewed files did not answer: back to the one before. */
static void go_back(struct berbagi_publisher *p)
{
    const struct berbagi_error why = *bp_link_error(p->link);
    bp_link_close(p->link);
    p->link = p->former;
    p->former = NULL;
    if (bp_move_failed(&p->move, p->client, &why)) {
        end_in_order(p->link);
        p->link = NULL;
    }
}

/* The link ended; the one before or another made later takes its place, or the publisher has
 * failed. */
static berbagi_status lose_link(struct berbagi_publisher *p, struct berbagi_error *error)
{
    p->sent = 0;
    p->one_by_one = true;
    p->not_before_ms = 0;
    p->is_leaving = false;
    if (p->former == NULL)
        return bp_tries_lost(&p->tries, p->client, &p->link, NULL, error);
    go_back(p);
    return BERBAGI_OK;
}

/* Goes over to a link with renewed files, once everything sent is answered: no two links carry
 * requests at a time, so they stay in order. */
static void follow_files(struct berbagi_publisher *p)
{
    if (p->former != NULL)
        return;
    if (!p->is_leaving)
        p->is_leaving = bp_move_is_due(&p->move, p->client, p->link);
    if (!p->is_leaving || p->sent > 0)
        return;
    p->is_leaving = false;
    struct bp_link *renewed = NULL;
    if (bp_move_begin(&p->move, p->client, PATH, &renewed)) {
        p->former = p->link;
        p->link = renewed;
    }
}

static bool may_write(const struct berbagi_publisher *p)
{
    return p->sent < p->count && !p->is_leaving && bp_link_is_writable(p->link);
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
    if (!may_write(p) || now < p->not_before_ms)
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
    if (p->former != NULL) {
        end_in_order(p->former);
        p->former = NULL;
        bp_move_done(&p->move);
    }
    tell_answer(p, out);
    return BERBAGI_OK;
}

/* Until when the next event of the link is worth waiting for. */
static int64_t wake_ms(const struct berbagi_publisher *p, int64_t until_ms)
{
    int64_t at = until_ms;
    if (p->sent > 0 && p->silent_since_ms + SILENCE_MS < at)
        at = p->silent_since_ms + SILENCE_MS;
    if (may_write(p) && p->not_before_ms < at)
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
            status = bp_tries_connect(&p->tries, p->client, PATH, until_ms, &p->link, error);
        if (status == BERBAGI_OK) {
            follow_files(p);
            status = step(p, until_ms, out, &is_idle, error);
        }
    } while (status == BERBAGI_AGAIN && (!is_idle || bp_client_now_ms() < until_ms));
    p->failed = status != BERBAGI_OK && status != BERBAGI_AGAIN;
    return status;
}

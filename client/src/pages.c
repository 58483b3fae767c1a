/* SubscriberService.Fetch. */
#include "response.h"
#include "wire.h"

#define ANSWER_MS 30000

struct berbagi_pages {
    struct berbagi_client *client;
    struct bp_buf request, answer;
    struct bp_response response;
};

berbagi_status berbagi_pages_open(struct berbagi_client *client, struct berbagi_pages **out,
                                  struct berbagi_error *error)
{
    struct berbagi_pages *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return bp_client_fail(error, BERBAGI_ENOMEM, "out of memory");
    p->client = client;
    *out = p;
    return BERBAGI_OK;
}

void berbagi_pages_close(struct berbagi_pages *p)
{
    if (p == NULL)
        return;
    bp_buf_fini(&p->request);
    bp_buf_fini(&p->answer);
    bp_response_fini(&p->response);
    free(p);
}

static void encode(const struct berbagi_page_request *r, struct bp_buf *out)
{
    bp_buf_clear(out);
    size_t filter = bp_wire_begin_message(out, 1);
    bp_client_encode_filter(&r->filter, out);
    bp_wire_end_message(out, filter);
    bp_wire_put_uint(out, 2, r->after_position);
    bp_wire_put_uint(out, 3, r->max_events);
    bp_wire_put_uint(out, 4, r->wait_ms);
    bp_wire_put_bytes(out, 5, bp_str(r->subscription));
    bp_wire_put_uint(out, 6, r->acknowledge);
    bp_wire_put_bytes(out, 7, bp_str(r->log_id));
}

berbagi_status berbagi_pages_fetch(struct berbagi_pages *p,
                                   const struct berbagi_page_request *request,
                                   const struct berbagi_response **out, struct berbagi_error *error)
{
    if (request->wait_ms > 30000 || request->max_events > 1000)
        return bp_client_fail(error, BERBAGI_EINVAL,
                              "a page has at most 1,000 events and is waited for 30 s at most");
    encode(request, &p->request);
    berbagi_status status =
        bp_client_call(p->client, "/berbagi.v1.SubscriberService/Fetch", &p->request,
                       ANSWER_MS + (int)request->wait_ms, &p->answer, error);
    if (status == BERBAGI_OK)
        status = bp_response_decode_page(&p->response, bp_buf_str(&p->answer), error);
    if (status == BERBAGI_OK)
        *out = &p->response.public;
    return status;
}

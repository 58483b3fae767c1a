/* PolicyService.RehearsePolicy: one request, and messages until the one with the result. */
#include "berbagi/v1/policy.pb-c.h"
#include "streamed.h"
#include "wire.h"

#define SILENCE_MS 120000 /* compiling a whole country's policy takes its time */

struct rehearsal {
    bool (*progress)(void *context, uint64_t done, uint64_t total);
    void (*each)(void *context, const struct berbagi_rehearsed *row);
    void *context;
    struct berbagi_rehearsal *out;
    bool has_result;
};

static void tell_rows(const struct rehearsal *r, const Berbagi__V1__RehearsalResult *m)
{
    for (size_t i = 0; i < m->n_rows; i++) {
        const Berbagi__V1__RehearsedType *row = m->rows[i];
        const struct berbagi_rehearsed told = {
            .agency = row->agency,
            .event_type = row->event_type,
            .events_gained = row->events_gained,
            .events_lost = row->events_lost,
            .fields_gained = row->fields_gained,
            .fields_lost = row->fields_lost,
            .publishes_lost = row->publishes_lost,
            .publishes_gained = row->publishes_gained,
        };
        r->each(r->context, &told);
    }
}

static berbagi_status take_message(void *context, struct bp_str bytes, struct berbagi_error *error)
{
    struct rehearsal *r = context;
    Berbagi__V1__RehearsePolicyProgress *m =
        berbagi__v1__rehearse_policy_progress__unpack(NULL, bytes.n, (const uint8_t *)bytes.p);
    berbagi_status status = BERBAGI_OK;
    if (m == NULL)
        return bp_client_fail(error, BERBAGI_EPROTOCOL, "the answer is malformed");
    if (r->progress != NULL && !r->progress(r->context, m->events_done, m->events_total))
        status = bp_client_fail(error, BERBAGI_AGAIN, "the rehearsal was given up");
    if (status == BERBAGI_OK && m->result != NULL) {
        *r->out = (struct berbagi_rehearsal){.events = m->events_done,
                                             .compared_with = m->result->compared_with,
                                             .unreadable = m->result->events_unreadable};
        tell_rows(r, m->result);
        r->has_result = true;
    }
    berbagi__v1__rehearse_policy_progress__free_unpacked(m, NULL);
    return status;
}

berbagi_status
berbagi_policy_rehearse(struct berbagi_client *client, const void *policy, size_t n,
                        int64_t since_ns,
                        bool (*progress)(void *context, uint64_t done, uint64_t total),
                        void (*each)(void *context, const struct berbagi_rehearsed *row),
                        void *context, struct berbagi_rehearsal *out, struct berbagi_error *error)
{
    struct rehearsal r = {.progress = progress, .each = each, .context = context, .out = out};
    struct bp_buf request = {0};
    const struct bp_streamed call = {.path = "/berbagi.v1.PolicyService/RehearsePolicy",
                                     .request = &request,
                                     .silence_ms = SILENCE_MS,
                                     .message = take_message,
                                     .context = &r};
    bp_wire_put_bytes(&request, 1, bp_str_of(policy, n));
    if (since_ns != 0)
        bp_wire_put_time(&request, 2, since_ns);
    berbagi_status status = bp_client_streamed(client, &call, error);
    bp_buf_fini(&request);
    if (status == BERBAGI_OK && !r.has_result)
        return bp_client_fail(error, BERBAGI_EPROTOCOL, "the answer ends without a result");
    return status;
}

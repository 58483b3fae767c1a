/* RenewalService.Renew of berbagi-ca serve. */
#include "client_internal.h"
#include "wire.h"

#define ANSWER_MS 30000

static struct berbagi_str text_of(struct bp_str s)
{
    return (struct berbagi_str){s.p, s.n};
}

static bool decode(struct bp_str answer, struct berbagi_renewed *out)
{
    struct bp_wire w = bp_wire_of(answer);
    struct bp_wire_field f;
    bool ok = true;
    while (ok && bp_wire_next(&w, &f)) {
        if (f.type != BP_WIRE_LEN)
            continue;
        if (f.number == 1)
            out->certificate = text_of(f.bytes);
        else if (f.number == 2)
            out->authorities = text_of(f.bytes);
        else if (f.number == 3)
            ok = bp_wire_get_time(f.bytes, &out->not_after_ns);
        else if (f.number == 4)
            ok = bp_wire_get_time(f.bytes, &out->renew_after_ns);
    }
    return ok && !w.malformed && out->certificate.n != 0;
}

berbagi_status berbagi_renew(struct berbagi_client *client, const char *request,
                             void (*tell)(void *context, const struct berbagi_renewed *renewed),
                             void *context, struct berbagi_error *error)
{
    struct bp_buf message = {0}, answer = {0};
    struct berbagi_renewed renewed = {.not_after_ns = 0};
    bp_wire_put_bytes(&message, 1, bp_str(request));
    berbagi_status status = bp_client_call(client, "/berbagi.ca.v1.RenewalService/Renew", &message,
                                           ANSWER_MS, &answer, error);
    if (status == BERBAGI_OK && !decode(bp_buf_str(&answer), &renewed))
        status = bp_client_fail(error, BERBAGI_EPROTOCOL, "the answer is malformed");
    if (status == BERBAGI_OK)
        tell(context, &renewed);
    bp_buf_fini(&message);
    bp_buf_fini(&answer);
    return status;
}

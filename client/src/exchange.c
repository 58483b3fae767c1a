/* OperatorService.GetStatus. */
#include "berbagi/v1/operator.pb-c.h"
#include "client_internal.h"
#include "messages.h"

#define ANSWER_MS 30000

static void fill(const Berbagi__V1__GetStatusResponse *m, struct berbagi_exchange *out)
{
    *out = (struct berbagi_exchange){
        .version = m->version,
        .log_id = m->log_id,
        .started_at_ns = bp_client_time_ns(m->started_at),
        .head_position = m->head_position,
        .indexed_position = m->indexed_position,
        .policy_version = m->policy_version,
        .disk_bytes = m->disk_bytes,
        .disk_free_bytes = m->disk_free_bytes,
        .connections = m->connections,
        .streams = m->streams,
        .certificate_not_after_ns = bp_client_time_ns(m->certificate_not_after),
        .crl_next_update_ns = bp_client_time_ns(m->crl_next_update),
        .warnings = (const char *const *)m->warnings,
        .n_warnings = m->n_warnings,
    };
}

berbagi_status berbagi_exchange_status(struct berbagi_client *client,
                                       void (*tell)(void *context,
                                                    const struct berbagi_exchange *exchange),
                                       void *context, struct berbagi_error *error)
{
    const struct bp_buf request = {0};
    berbagi_status status;
    Berbagi__V1__GetStatusResponse *m =
        bp_client_ask(client, "/berbagi.v1.OperatorService/GetStatus", &request, ANSWER_MS,
                      &berbagi__v1__get_status_response__descriptor, &status, error);
    if (m != NULL) {
        struct berbagi_exchange exchange;
        fill(m, &exchange);
        tell(context, &exchange);
        berbagi__v1__get_status_response__free_unpacked(m, NULL);
    }
    return status;
}

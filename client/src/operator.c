/* What operators do to connections and certificates: ListConnections page by page, Disconnect,
 * ReloadCertificates. */
#include "berbagi/v1/operator.pb-c.h"
#include "client_internal.h"
#include "messages.h"
#include "wire.h"

#define ANSWER_MS 30000
#define PAGE_SIZE 500

typedef void tell_connection(void *context, const struct berbagi_connection *connection);

static void tell(const Berbagi__V1__Connection *m, tell_connection *each, void *context)
{
    const struct berbagi_connection connection = {
        .identity = m->identity,
        .peer = m->peer,
        .certificate_serial = m->certificate_serial,
        .certificate_not_after_ns = bp_client_time_ns(m->certificate_not_after),
        .connected_at_ns = bp_client_time_ns(m->connected_at),
        .streams = m->streams,
    };
    each(context, &connection);
}

/* *token: of the page to ask for, then of the one behind it; NULL at the end. To be freed. */
static berbagi_status list_page(struct berbagi_client *client, char **token, tell_connection *each,
                                void *context, struct berbagi_error *error)
{
    struct bp_buf request = {0};
    berbagi_status status;
    bp_wire_put_uint(&request, 1, PAGE_SIZE);
    if (*token != NULL)
        bp_wire_put_bytes(&request, 2, bp_str(*token));
    free(*token);
    *token = NULL;
    Berbagi__V1__ListConnectionsResponse *m =
        bp_client_ask(client, "/berbagi.v1.OperatorService/ListConnections", &request, ANSWER_MS,
                      &berbagi__v1__list_connections_response__descriptor, &status, error);
    bp_buf_fini(&request);
    if (m == NULL)
        return status;
    for (size_t i = 0; i < m->n_connections; i++)
        tell(m->connections[i], each, context);
    if (m->next_page_token[0] != '\0' && (*token = strdup(m->next_page_token)) == NULL)
        status = bp_client_fail(error, BERBAGI_ENOMEM, "out of memory");
    berbagi__v1__list_connections_response__free_unpacked(m, NULL);
    return status;
}

berbagi_status berbagi_connections_list(struct berbagi_client *client, tell_connection *each,
                                        void *context, struct berbagi_error *error)
{
    char *token = NULL;
    berbagi_status status;
    do {
        status = list_page(client, &token, each, context, error);
    } while (status == BERBAGI_OK && token != NULL);
    free(token);
    return status;
}

berbagi_status berbagi_disconnect(struct berbagi_client *client, enum berbagi_whom by,
                                  const char *whom, uint32_t *connections, uint32_t *streams,
                                  struct berbagi_error *error)
{
    struct bp_buf request = {0};
    berbagi_status status;
    bp_wire_put_bytes(&request, (uint32_t)by, bp_str(whom)); /* field numbers of the oneof */
    Berbagi__V1__DisconnectResponse *m =
        bp_client_ask(client, "/berbagi.v1.OperatorService/Disconnect", &request, ANSWER_MS,
                      &berbagi__v1__disconnect_response__descriptor, &status, error);
    if (m != NULL) {
        *connections = m->connections;
        *streams = m->streams;
        berbagi__v1__disconnect_response__free_unpacked(m, NULL);
    }
    bp_buf_fini(&request);
    return status;
}

berbagi_status berbagi_certificates_reload(struct berbagi_client *client, bool dry_run,
                                           void (*told)(void *context,
                                                        const struct berbagi_reload *reload),
                                           void *context, struct berbagi_error *error)
{
    struct bp_buf request = {0};
    berbagi_status status;
    bp_wire_put_uint(&request, 1, dry_run);
    Berbagi__V1__ReloadCertificatesResponse *m =
        bp_client_ask(client, "/berbagi.v1.OperatorService/ReloadCertificates", &request, ANSWER_MS,
                      &berbagi__v1__reload_certificates_response__descriptor, &status, error);
    if (m != NULL) {
        const struct berbagi_reload reload = {
            .certificate_serial = m->certificate_serial,
            .not_after_ns = bp_client_time_ns(m->not_after),
            .authorities = m->authorities,
            .revoked = m->revoked,
            .streams_cut = m->streams_cut,
        };
        told(context, &reload);
        berbagi__v1__reload_certificates_response__free_unpacked(m, NULL);
    }
    bp_buf_fini(&request);
    return status;
}

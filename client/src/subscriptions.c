/* What the exchange keeps of durable subscriptions: ListSubscriptions page by page,
 * DeleteSubscription. */
#include "berbagi/v1/exchange.pb-c.h"
#include "client_internal.h"
#include "messages.h"
#include "wire.h"

#define ANSWER_MS 30000
#define PAGE_SIZE 200

static void tell(const Berbagi__V1__Subscription *m,
                 void (*each)(void *context, const struct berbagi_subscription_info *info),
                 void *context)
{
    const struct berbagi_subscription_info info = {
        .name = m->name,
        .agency = m->agency,
        .acknowledged_position = m->acknowledged_position,
        .lag_events = m->lag_events,
        .last_active_ns = bp_client_time_ns(m->last_active),
        .is_connected = m->connected != 0,
    };
    each(context, &info);
}

static void encode(const char *agency, const char *page_token, struct bp_buf *request)
{
    bp_buf_clear(request);
    bp_wire_put_bytes(request, 1, bp_str(agency));
    bp_wire_put_uint(request, 2, PAGE_SIZE);
    bp_wire_put_bytes(request, 3, bp_str(page_token));
}

/* One page; *next is the token of the one behind it, NULL at the end; to be freed. */
static berbagi_status list_page(struct berbagi_client *client, const struct bp_buf *request,
                                void (*each)(void *, const struct berbagi_subscription_info *),
                                void *context, char **next, struct berbagi_error *error)
{
    berbagi_status status;
    Berbagi__V1__ListSubscriptionsResponse *m =
        bp_client_ask(client, "/berbagi.v1.SubscriberService/ListSubscriptions", request, ANSWER_MS,
                      &berbagi__v1__list_subscriptions_response__descriptor, &status, error);
    if (m == NULL)
        return status;
    for (size_t i = 0; i < m->n_subscriptions; i++)
        tell(m->subscriptions[i], each, context);
    if (m->next_page_token[0] != '\0' && (*next = strdup(m->next_page_token)) == NULL)
        status = bp_client_fail(error, BERBAGI_ENOMEM, "out of memory");
    berbagi__v1__list_subscriptions_response__free_unpacked(m, NULL);
    return status;
}

berbagi_status berbagi_subscriptions_list(
    struct berbagi_client *client, const char *agency,
    void (*each)(void *context, const struct berbagi_subscription_info *info), void *context,
    struct berbagi_error *error)
{
    struct bp_buf request = {0};
    char *token = NULL;
    berbagi_status status;
    do {
        char *next = NULL;
        encode(agency, token, &request);
        status = list_page(client, &request, each, context, &next, error);
        free(token);
        token = next;
    } while (status == BERBAGI_OK && token != NULL);
    free(token);
    bp_buf_fini(&request);
    return status;
}

berbagi_status berbagi_subscription_delete(struct berbagi_client *client, const char *name,
                                           struct berbagi_error *error)
{
    struct bp_buf request = {0}, answer = {0};
    bp_wire_put_bytes(&request, 1, bp_str(name));
    berbagi_status status =
        bp_client_call(client, "/berbagi.v1.SubscriberService/DeleteSubscription", &request,
                       ANSWER_MS, &answer, error);
    bp_buf_fini(&request);
    bp_buf_fini(&answer);
    return status;
}

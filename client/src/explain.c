/* PolicyService.Explain. */
#include "berbagi/v1/policy.pb-c.h"
#include "client_internal.h"
#include "messages.h"
#include "wire.h"

#define ANSWER_MS 30000

static void put_text(struct bp_buf *out, uint32_t number, const char *text)
{
    if (text != NULL && text[0] != '\0')
        bp_wire_put_bytes(out, number, bp_str(text));
}

/* Field numbers of ExplainRequest. */
static void put_question(const struct berbagi_question *q, struct bp_buf *out)
{
    put_text(out, 1, q->agency);
    bp_wire_put_uint(out, 2,
                     q->is_publish ? BERBAGI__V1__GRANT__DIRECTION__DIRECTION_PUBLISH
                                   : BERBAGI__V1__GRANT__DIRECTION__DIRECTION_SUBSCRIBE);
    put_text(out, 3, q->event_type);
    put_text(out, 4, q->region);
    put_text(out, 5, q->destination);
    put_text(out, 6, q->addressed_to);
    put_text(out, 7, q->on_date);
}

/* The word without its prefix; "" for none, and for one that this library does not know. */
static const char *level_word(Berbagi__V1__Level level)
{
    const ProtobufCEnumValue *v =
        protobuf_c_enum_descriptor_get_value(&berbagi__v1__level__descriptor, (int)level);
    return v != NULL && v->value != 0 ? v->name + sizeof("LEVEL_") - 1 : "";
}

static enum berbagi_view view_of(Berbagi__V1__ExplainResponse__Field__View view)
{
    switch ((int)view) {
    case BERBAGI__V1__EXPLAIN_RESPONSE__FIELD__VIEW__VIEW_FULL:
        return BERBAGI_VIEW_FULL;
    case BERBAGI__V1__EXPLAIN_RESPONSE__FIELD__VIEW__VIEW_COARSE:
        return BERBAGI_VIEW_COARSE;
    case BERBAGI__V1__EXPLAIN_RESPONSE__FIELD__VIEW__VIEW_REWRITTEN:
        return BERBAGI_VIEW_REWRITTEN;
    default:
        return BERBAGI_VIEW_WITHHELD;
    }
}

static void fill_grants(const Berbagi__V1__ExplainResponse *m, struct berbagi_explained_grant *out)
{
    for (size_t i = 0; i < m->n_steps; i++) {
        const Berbagi__V1__ExplainResponse__Step *step = m->steps[i];
        out[i] = (struct berbagi_explained_grant){
            .agreement = step->agreement,
            .because = step->because,
            .grantee = step->grantee,
            .events = step->events,
            .level = level_word(step->level),
            .purpose = step->purpose,
            .legal_basis = step->legal_basis,
            .valid_to = step->valid_to,
            .index = step->grant_index,
            .applied = step->applied != 0,
            .may_resolve = step->may_resolve != 0,
        };
    }
}

static void fill_fields(const Berbagi__V1__ExplainResponse *m, struct berbagi_explained_field *out)
{
    for (size_t i = 0; i < m->n_fields; i++)
        out[i] = (struct berbagi_explained_field){m->fields[i]->name, m->fields[i]->because,
                                                  view_of(m->fields[i]->view)};
}

static berbagi_status tell_message(const Berbagi__V1__ExplainResponse *m,
                                   void (*tell)(void *, const struct berbagi_explanation *),
                                   void *context, struct berbagi_error *error)
{
    struct berbagi_explained_grant *grants = calloc(m->n_steps + 1, sizeof(*grants));
    struct berbagi_explained_field *fields = calloc(m->n_fields + 1, sizeof(*fields));
    berbagi_status status = BERBAGI_OK;
    if (grants != NULL && fields != NULL) {
        fill_grants(m, grants);
        fill_fields(m, fields);
        const struct berbagi_explanation explanation = {
            .permitted = m->permitted != 0,
            .may_resolve = m->may_resolve != 0,
            .because = m->because,
            .envelope_level = level_word(m->envelope_level),
            .on_date = m->on_date,
            .policy_version = m->policy_version,
            .grants = grants,
            .n_grants = m->n_steps,
            .fields = fields,
            .n_fields = m->n_fields,
        };
        tell(context, &explanation);
    } else {
        status = bp_client_fail(error, BERBAGI_ENOMEM, "out of memory");
    }
    free(grants);
    free(fields);
    return status;
}

berbagi_status
berbagi_policy_explain(struct berbagi_client *client, const struct berbagi_question *question,
                       void (*tell)(void *context, const struct berbagi_explanation *explanation),
                       void *context, struct berbagi_error *error)
{
    struct bp_buf request = {0};
    berbagi_status status;
    put_question(question, &request);
    Berbagi__V1__ExplainResponse *m =
        bp_client_ask(client, "/berbagi.v1.PolicyService/Explain", &request, ANSWER_MS,
                      &berbagi__v1__explain_response__descriptor, &status, error);
    if (m != NULL) {
        status = tell_message(m, tell, context, error);
        berbagi__v1__explain_response__free_unpacked(m, NULL);
    }
    bp_buf_fini(&request);
    return status;
}

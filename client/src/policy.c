/* PolicyService. The policy itself stays serialized: what it means is not the library's business.
 */
#include "berbagi/v1/policy.pb-c.h"
#include "client_internal.h"
#include "messages.h"
#include "wire.h"

#define ANSWER_MS 120000 /* compiling and comparing a whole country's policy takes its time */

/* The Policy's own bytes out of GetPolicyResponse {1 version, 2 policy}. */
static bool read_policy(struct bp_str answer, uint64_t *version, struct bp_str *policy)
{
    struct bp_wire w = bp_wire_of(answer);
    struct bp_wire_field f;
    *version = 0;
    *policy = (struct bp_str){0};
    while (bp_wire_next(&w, &f)) {
        if (f.number == 1 && f.type == BP_WIRE_VARINT)
            *version = f.value;
        else if (f.number == 2 && f.type == BP_WIRE_LEN)
            *policy = f.bytes;
    }
    return !w.malformed;
}

static berbagi_status copy_policy(const struct bp_buf *answer, uint64_t *version, void **policy,
                                  size_t *n, struct berbagi_error *error)
{
    uint64_t number;
    struct bp_str bytes;
    if (!read_policy(bp_buf_str(answer), &number, &bytes))
        return bp_client_fail(error, BERBAGI_EPROTOCOL, "the answer is malformed");
    void *copy = malloc(bytes.n + 1);
    if (copy == NULL)
        return bp_client_fail(error, BERBAGI_ENOMEM, "out of memory");
    if (bytes.n != 0)
        memcpy(copy, bytes.p, bytes.n);
    *version = number;
    *policy = copy;
    *n = bytes.n;
    return BERBAGI_OK;
}

berbagi_status berbagi_policy_get(struct berbagi_client *client, uint64_t *version, void **policy,
                                  size_t *n, struct berbagi_error *error)
{
    const struct bp_buf request = {0};
    struct bp_buf answer = {0};
    berbagi_status status = bp_client_call(client, "/berbagi.v1.PolicyService/GetPolicy", &request,
                                           ANSWER_MS, &answer, error);
    if (status == BERBAGI_OK)
        status = copy_policy(&answer, version, policy, n, error);
    bp_buf_fini(&answer);
    return status;
}

static void tell(const Berbagi__V1__PolicyChange *m,
                 void (*each)(void *context, const struct berbagi_policy_change *change),
                 void *context)
{
    const struct berbagi_policy_change change = {
        .agency = m->agency,
        .event_type = m->event_type,
        .agreement = m->agreement,
        .is_publish = m->direction == BERBAGI__V1__GRANT__DIRECTION__DIRECTION_PUBLISH,
        .type_gained = m->type_gained != 0,
        .type_lost = m->type_lost != 0,
        .fields_gained = (const char *const *)m->fields_gained,
        .n_fields_gained = m->n_fields_gained,
        .fields_lost = (const char *const *)m->fields_lost,
        .n_fields_lost = m->n_fields_lost,
    };
    each(context, &change);
}

berbagi_status
berbagi_policy_apply(struct berbagi_client *client, const void *policy, size_t n,
                     uint64_t expected_version, bool dry_run,
                     void (*each)(void *context, const struct berbagi_policy_change *change),
                     void *context, struct berbagi_policy_applied *out, struct berbagi_error *error)
{
    struct bp_buf request = {0};
    berbagi_status status;
    bp_wire_put_bytes(&request, 1, bp_str_of(policy, n));
    bp_wire_put_uint(&request, 2, expected_version);
    bp_wire_put_uint(&request, 3, dry_run ? 1 : 0);
    Berbagi__V1__ApplyPolicyResponse *m =
        bp_client_ask(client, "/berbagi.v1.PolicyService/ApplyPolicy", &request, ANSWER_MS,
                      &berbagi__v1__apply_policy_response__descriptor, &status, error);
    bp_buf_fini(&request);
    if (m == NULL)
        return status;
    for (size_t i = 0; each != NULL && i < m->n_changes; i++)
        tell(m->changes[i], each, context);
    *out = (struct berbagi_policy_applied){.version = m->version,
                                           .is_pending = m->pending != 0,
                                           .changes_left_out = m->changes_left_out};
    berbagi__v1__apply_policy_response__free_unpacked(m, NULL);
    return BERBAGI_OK;
}

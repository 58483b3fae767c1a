/* The versions of the policy: one of them, all of them, and the approval of one. */
#include "berbagi/v1/policy.pb-c.h"
#include "client_internal.h"
#include "messages.h"
#include "wire.h"

#define ANSWER_MS 120000
#define PAGE_SIZE 50

typedef void tell_version(void *context, const struct berbagi_policy_version *about);

static void tell_one(const Berbagi__V1__PolicyVersion *m, tell_version *tell, void *context)
{
    const struct berbagi_policy_version about = {
        .version = m->version,
        .state = (enum berbagi_policy_state)m->state,
        .replaces = m->replaces,
        .applied_at_ns = bp_client_time_ns(m->applied_at),
        .applied_by = m->applied_by,
        .approved_at_ns = bp_client_time_ns(m->approved_at),
        .approved_by = m->approved_by,
        .agencies = m->agencies,
        .agreements = m->agreements,
        .grants = m->grants,
        .operators = m->operators,
    };
    tell(context, &about);
}

static berbagi_status copy_policy(struct bp_str bytes, void **policy, size_t *n,
                                  struct berbagi_error *error)
{
    void *copy = malloc(bytes.n + 1);
    if (copy == NULL)
        return bp_client_fail(error, BERBAGI_ENOMEM, "out of memory");
    if (bytes.n != 0)
        memcpy(copy, bytes.p, bytes.n);
    *policy = copy;
    *n = bytes.n;
    return BERBAGI_OK;
}

/* GetPolicyResponse: 2 policy, whose bytes are handed on as they are, and 3 about. */
static berbagi_status read_version(struct bp_str answer, tell_version *tell, void *context,
                                   void **policy, size_t *n, struct berbagi_error *error)
{
    struct bp_wire w = bp_wire_of(answer);
    struct bp_wire_field f;
    struct bp_str bytes = {0}, said = {0};
    while (bp_wire_next(&w, &f)) {
        if (f.number == 2 && f.type == BP_WIRE_LEN)
            bytes = f.bytes;
        else if (f.number == 3 && f.type == BP_WIRE_LEN)
            said = f.bytes;
    }
    Berbagi__V1__PolicyVersion *about =
        w.malformed ? NULL
                    : berbagi__v1__policy_version__unpack(NULL, said.n, (const uint8_t *)said.p);
    if (about == NULL)
        return bp_client_fail(error, BERBAGI_EPROTOCOL, "the answer is malformed");
    berbagi_status status = copy_policy(bytes, policy, n, error);
    if (status == BERBAGI_OK && tell != NULL)
        tell_one(about, tell, context);
    berbagi__v1__policy_version__free_unpacked(about, NULL);
    return status;
}

berbagi_status berbagi_policy_get_version(struct berbagi_client *client, uint64_t version,
                                          tell_version *tell, void *context, void **policy,
                                          size_t *n, struct berbagi_error *error)
{
    struct bp_buf request = {0}, answer = {0};
    if (version == 0)
        return bp_client_fail(error, BERBAGI_EINVAL, "versions are numbered from 1");
    bp_wire_put_uint(&request, 1, version);
    berbagi_status status = bp_client_call(client, "/berbagi.v1.PolicyService/GetPolicy", &request,
                                           ANSWER_MS, &answer, error);
    if (status == BERBAGI_OK)
        status = read_version(bp_buf_str(&answer), tell, context, policy, n, error);
    bp_buf_fini(&request);
    bp_buf_fini(&answer);
    return status;
}

/* *before: the page behind this one begins there; 0 at the end. */
static berbagi_status list_page(struct berbagi_client *client, uint64_t *before, tell_version *each,
                                void *context, struct berbagi_error *error)
{
    struct bp_buf request = {0};
    berbagi_status status;
    bp_wire_put_uint(&request, 1, *before);
    bp_wire_put_uint(&request, 2, PAGE_SIZE);
    Berbagi__V1__ListPolicyVersionsResponse *m =
        bp_client_ask(client, "/berbagi.v1.PolicyService/ListPolicyVersions", &request, ANSWER_MS,
                      &berbagi__v1__list_policy_versions_response__descriptor, &status, error);
    bp_buf_fini(&request);
    if (m == NULL)
        return status;
    for (size_t i = 0; i < m->n_versions; i++)
        tell_one(m->versions[i], each, context);
    /* An exchange that does not go down would be asked for ever. */
    uint64_t last = m->n_versions != 0 ? m->versions[m->n_versions - 1]->version : 0;
    *before = last > 1 && (*before == 0 || last < *before) ? last : 0;
    berbagi__v1__list_policy_versions_response__free_unpacked(m, NULL);
    return BERBAGI_OK;
}

berbagi_status berbagi_policy_versions(struct berbagi_client *client, tell_version *each,
                                       void *context, struct berbagi_error *error)
{
    uint64_t before = 0;
    berbagi_status status;
    do {
        status = list_page(client, &before, each, context, error);
    } while (status == BERBAGI_OK && before != 0);
    return status;
}

berbagi_status berbagi_policy_approve(struct berbagi_client *client, uint64_t version,
                                      struct berbagi_error *error)
{
    struct bp_buf request = {0}, answer = {0};
    bp_wire_put_uint(&request, 1, version);
    berbagi_status status = bp_client_call(client, "/berbagi.v1.PolicyService/ApprovePolicy",
                                           &request, ANSWER_MS, &answer, error);
    bp_buf_fini(&request);
    bp_buf_fini(&answer);
    return status;
}

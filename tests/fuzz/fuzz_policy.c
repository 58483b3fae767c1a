/* A policy as it comes over the wire: what compiles prints as text that reads as the same policy,
 * and each agency's part of it compiles or is refused, but never harms. Input: a serialized
 * ApplyPolicyRequest. */
#include "berbagi/v1/operator.pb-c.h"
#include "fuzz.h"
#include "policy.h"
#include "policy_text.h"

static void check_parts(const Berbagi__V1__Policy *policy)
{
    for (size_t i = 0; i < policy->n_agencies && i < 8; i++) {
        Berbagi__V1__Policy *part = bp_policy_part_of(policy, bp_str(policy->agencies[i]->id));
        BP_ASSERT(part != NULL && part->n_agencies <= policy->n_agencies);
        BP_ASSERT(part->n_operators == 0);
        berbagi__v1__policy__free_unpacked(part, NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    Berbagi__V1__ApplyPolicyRequest *request =
        berbagi__v1__apply_policy_request__unpack(NULL, n, p);
    if (request == NULL)
        return 0;
    if (request->policy != NULL && check_policy_compiles(request->policy)) {
        check_policy_prints(request->policy);
        check_parts(request->policy);
    }
    berbagi__v1__apply_policy_request__free_unpacked(request, NULL);
    return 0;
}

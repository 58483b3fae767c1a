/* A policy as people write it: what is read compiles or is refused with words, and what compiles is
 * printed as text that reads as the same policy. Input: one YAML document with all sections. */
#include "fuzz.h"
#include "policy_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    Berbagi__V1__Policy *policy = policy_of_text(bp_str_of(p, n));
    if (policy == NULL)
        return 0;
    if (check_policy_compiles(policy))
        check_policy_prints(policy);
    berbagi__v1__policy__free_unpacked(policy, NULL);
    return 0;
}

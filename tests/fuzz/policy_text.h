/* A policy between its forms, for the targets that check one against the other. */
#ifndef BERBAGI_FUZZ_POLICY_TEXT_H
#define BERBAGI_FUZZ_POLICY_TEXT_H

#include "berbagi/v1/policy.pb-c.h"
#include "buffer.h"

/* Reads one YAML document with all sections; NULL if it is refused. Free with
 * berbagi__v1__policy__free_unpacked. */
Berbagi__V1__Policy *policy_of_text(struct bp_str text);

/* Prints the policy, reads that, and asserts that it is the same message. */
void check_policy_prints(const Berbagi__V1__Policy *policy);

/* Compiles; if the policy is accepted, asks it a few questions. Returns whether it was. */
bool check_policy_compiles(const Berbagi__V1__Policy *policy);

#endif

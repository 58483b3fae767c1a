/* One YAML document of a policy, read into the contract's message behind what is there already. */
#ifndef BERBAGI_POLICY_DOCUMENT_H
#define BERBAGI_POLICY_DOCUMENT_H

#include "yaml_reader.h"

/* The sections a document may have. */
enum bp_policy_section {
    BP_POLICY_AGENCIES = 1,
    BP_POLICY_AGREEMENTS = 2,
    BP_POLICY_CEILINGS = 4,
    BP_POLICY_OPERATORS = 8,
    BP_POLICY_QUOTAS = 16,
};

/* A mapping of the sections given (bits). What is wrong is in r. */
void bp_policy_document_read(struct yaml_reader *r, unsigned sections, Berbagi__V1__Policy *policy);
/* A file of one agreement; its id must be expected_id. */
void bp_policy_document_read_agreement(struct yaml_reader *r, struct bp_str expected_id,
                                       Berbagi__V1__Policy *policy);

#endif

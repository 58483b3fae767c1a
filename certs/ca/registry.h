/* Which agencies there are: the ids of the policy's agencies.yaml, taken into the ledger, so that the
 * CA's machine needs nothing else. Without a registry no agency gets a certificate, save of a CA for
 * development, where any may. One thread. */
#ifndef BERBAGI_REGISTRY_H
#define BERBAGI_REGISTRY_H

#include "authority.h"
#include "subject.h"

/* Replaces the registry by the agencies of path: a policy folder, or its file agencies.yaml. *n: how
 * many. BP_EINVAL with the line: no such list, no agency, an id that breaks the grammar, one named
 * twice. */
BP_MUST_USE bp_status bp_registry_load(struct bp_authority *a, const char *path, size_t *n,
                                       struct bp_err *err);

/* May there be a certificate for s? Operators and servers are in no registry. BP_EPERM. */
BP_MUST_USE bp_status bp_registry_check(const struct bp_authority *a, const struct bp_subject *s,
                                        struct bp_err *err);

#endif

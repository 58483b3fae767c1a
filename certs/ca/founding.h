/* New CAs: a root, and issuing CAs below it. What they are made of is entered and staged; the caller
 * records the act and commits. key_uri "" has a key made, else names one in a token. One thread. */
#ifndef BERBAGI_FOUNDING_H
#define BERBAGI_FOUNDING_H

#include "authority.h"

BP_MUST_USE bp_status bp_found_root(struct bp_authority *a, enum bp_ca_state state,
                                    const char *key_uri, struct bp_err *err);

/* root: by number, its key unlocked. */
BP_MUST_USE bp_status bp_found_issuing(struct bp_authority *a, enum bp_identity_kind kind,
                                       enum bp_ca_state state, uint32_t root, const char *key_uri,
                                       struct bp_err *err);

#endif

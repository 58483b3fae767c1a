/* An exchange that nobody calls: an empty journal and index in a folder of its own, and a policy in
 * force. For targets that judge requests and store nothing. */
#ifndef BERBAGI_FUZZ_EXCHANGE_FIXTURE_H
#define BERBAGI_FUZZ_EXCHANGE_FIXTURE_H

#include "exchange.h"

#define FIXTURE_AGENCY BP_STR("kab.18.07")

/* Made at the first call; its folder is removed at exit. In the policy kab.18.07 may publish and
 * read everything, NIKs included. */
struct bp_exchange *fixture_exchange(void);

#endif

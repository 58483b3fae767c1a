/* A subscriber's filter, taken in once and matched on what the reader may see, never on the stored
 * event: so it answers nothing that the view does not. Immutable; any thread. */
#ifndef BERBAGI_FILTER_H
#define BERBAGI_FILTER_H

#include "berbagi/v1/exchange.pb-c.h"
#include "codes.h"
#include "redact.h"

#define BP_FILTER_ENTRIES_MAX 1000

struct bp_filter;

/* message NULL: everything passes. BP_EINVAL: more than 1,000 entries. */
BP_MUST_USE bp_status bp_filter_create(const Berbagi__V1__Filter *message, struct bp_filter **out);
/* Another reference, on the thread that creates and destroys. */
struct bp_filter *bp_filter_ref(struct bp_filter *f);
void bp_filter_destroy(struct bp_filter *f); /* gives a reference back; NULL allowed */

/* Do both let the same pass, as far as their entries show? */
bool bp_filter_equal(const struct bp_filter *a, const struct bp_filter *b);

/* Does the type pass? Looked at before all else, because every reader sees the type. */
bool bp_filter_has_type(const struct bp_filter *f, struct bp_str type);
/* Has it anything to say beside types? */
bool bp_filter_looks_inside(const struct bp_filter *f);
/* Could it pass, as far as its region and destination tell? */
bool bp_filter_may_match(const struct bp_filter *f, const struct bp_redacted_envelope *seen);
/* Does the event pass, type aside, as this reader sees it? */
bool bp_filter_matches(const struct bp_filter *f, const struct bp_redacted_envelope *seen);

#endif

/* What a policy would change: a line for each agency, type and agreement, agency by agency. */
#ifndef BERBAGI_POLICY_CHANGES_H
#define BERBAGI_POLICY_CHANGES_H

#include <stdio.h>

#include "berbagi.h"
#include "buffer.h"

struct bp_policy_changes {
    struct bp_buf text; /* the lines */
    uint64_t rights;    /* lines in it */
    uint64_t agencies, types_gained, types_lost, types_changed, fields_gained, fields_lost;
    /* what was told last */
    char agency[72], type[80];
    bool was_publish;
};

/* For berbagi_policy_apply; context is the changes, zeroed before the first. */
void bp_policy_changes_take(void *context, const struct berbagi_policy_change *change);
void bp_policy_changes_fini(struct bp_policy_changes *c);

/* "3 agencies, 2 types gained, 1 lost, 4 changed, 12 fields gained, 3 lost"; written to out. */
const char *bp_policy_changes_sum(const struct bp_policy_changes *c, char *out, size_t size);

#endif

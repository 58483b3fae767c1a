/* What the tests of the index share: a journal, a sequencer and an index under one folder. */
#ifndef BERBAGI_INDEX_SUPPORT_H
#define BERBAGI_INDEX_SUPPORT_H

#include "index.h"
#include "journal_support.h"

struct exchange {
    struct bp_journal *journal;
    struct bp_sequencer *sequencer;
    struct bp_index *index;
};

/* In dir/journal and dir/index. The status of an event is its text, of the machine "case" where it
 * begins so and "worker" otherwise; none where it begins with "-". */
void exchange_open(struct exchange *x, const char *dir, size_t most_pending);
void exchange_open_with(struct exchange *x, const char *dir, size_t most_pending,
                        uint64_t index_map_bytes);
void exchange_close(struct exchange *x);

/* Events id-from .. id-to, each at the position of its number, in requests of up to 500. */
void publish_range(struct exchange *x, int from, int to, enum bp_outcome expected);
/* Events 1 .. n, and none else, are stored and known. */
void expect_all_known(struct exchange *x, int n);

/* Holds the making of digests back, so that a rebuild stands still. */
extern struct digest_gate {
    atomic_bool is_shut, is_entered;
} digest_gate;

#endif

/* The exchange below its network: journal, index and the one door for change, driven by programs
 * that are killed, starved and lied to. Every failure comes back as a status; nothing here asserts. */
#ifndef BERBAGI_STORAGE_H
#define BERBAGI_STORAGE_H

#include "buffer.h"
#include "index.h"

struct storage {
    char *journal_dir, *index_dir;
    struct bp_journal *journal;
    struct bp_index *index;
    struct bp_sequencer *sequencer;
};

/* Small segments and batches, so that little data goes through every state. */
BP_MUST_USE bp_status storage_open(struct storage *s, const char *dir, struct bp_err *err);
void storage_close(struct storage *s); /* takes half-open ones */

#define STORAGE_EVENTS_MAX 64u
/* Publishes n events with the ids PREFIX-FIRST and so on, some bytes of data each, as one request;
 * positions gets where each stands, be it new or a duplicate. BP_ECONFLICT: an id is taken. Waits.
 */
BP_MUST_USE bp_status storage_publish(struct storage *s, const char *prefix, unsigned first,
                                      size_t n, size_t bytes, uint64_t positions[]);
/* Are its bytes those that were published under this id? */
bool storage_event_is_sound(const struct bp_record *r);
/* Applies a policy of so many bytes; waits. */
BP_MUST_USE bp_status storage_apply(struct storage *s, size_t bytes, uint64_t *version);
/* Acknowledges in a subscription of this name; waits until it is on disk. */
BP_MUST_USE bp_status storage_acknowledge(struct storage *s, const char *name, uint64_t position);

#endif

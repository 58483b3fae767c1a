/* What tests of the journal and of the index share: folders, a clock turned by hand, ids in memory,
 * events and a door to push them through. Everything asserts for itself. */
#ifndef BERBAGI_JOURNAL_SUPPORT_H
#define BERBAGI_JOURNAL_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

#include "sequencer.h"

#define MAP_BYTES (UINT64_C(1) << 30)
#define SEGMENT_BYTES (64u << 10) /* of the write-ahead log: soon used up */
#define START_NS (INT64_C(1760000000) * BP_NS_PER_S)

/* --- folders --- */
char *temp_dir(void);            /* freed by temp_dir_remove */
void temp_dir_remove(char *dir); /* with all in it */
char *in_dir(const char *dir, const char *name);

/* --- a clock turned by hand --- */
struct hand_clock {
    struct bp_clock clock; /* first */
    atomic_llong now_ns, monotonic_ns;
};
void hand_clock_init(struct hand_clock *c);
void hand_clock_forward(struct hand_clock *c, int64_t ms);

/* --- ids that stand in memory alone --- */
struct memory_ids {
    struct bp_id_index index;
    pthread_mutex_t lock;
    struct bp_id_map map;
    atomic_bool is_full;
};
void memory_ids_init(struct memory_ids *ids);
void memory_ids_fini(struct memory_ids *ids);

/* --- events --- */
struct test_event {
    struct bp_proposal proposal;
    struct bp_buf bytes;
};
/* An event of kab.18.07 about subject (NULL: none) whose data is text. */
void event_init(struct test_event *e, const char *id, const char *subject, const char *text);
void event_fini(struct test_event *e);
/* The digest that event_init gives, of a stored record. */
bool event_digest(void *context, const struct bp_record *record, struct bp_content_digest *out);

/* --- the door --- */
struct door {
    struct bp_journal *journal;
    struct bp_sequencer *sequencer;
    struct memory_ids ids;
    struct hand_clock clock;
    atomic_ullong head; /* as on_head told it */
};
/* A journal in dir and a sequencer with ids in memory, which know what the journal holds. */
void door_open(struct door *d, const char *dir);
void door_open_as(struct door *d, struct bp_journal_config config, uint64_t reserve_bytes);
void door_open_with(struct door *d, const char *dir, uint64_t map_bytes, uint64_t reserve_bytes);
void door_close(struct door *d);

/* Submits n proposals in one submission and waits for the answer. */
bp_status submit(struct bp_sequencer *s, struct bp_proposal *proposals, size_t n,
                 bool all_or_nothing, uint64_t version);
/* One event; returns its outcome, with the position in *position (NULL allowed). The status must be
 * BP_OK. */
enum bp_outcome publish(struct bp_sequencer *s, const char *id, const char *text,
                        uint64_t *position);
/* The same with a status other than BP_OK allowed. */
bp_status try_publish(struct bp_sequencer *s, const char *id, const char *text,
                      enum bp_outcome *outcome, uint64_t *position);
bp_status submit_policy(struct bp_sequencer *s, struct bp_str content, uint64_t expected,
                        uint64_t *version);
/* The same as a proposal; and its approval by operator/second. */
bp_status propose_policy(struct bp_sequencer *s, struct bp_str content, uint64_t expected,
                         uint64_t *version);
bp_status approve_policy(struct bp_sequencer *s, uint64_t expected, uint64_t version);

/* Waits until condition(context), at most ten seconds. */
void wait_until(bool (*condition)(void *context), void *context);

/* The stored event at this position has this text. */
void expect_stored(struct bp_journal *j, uint64_t position, const char *text);

#endif

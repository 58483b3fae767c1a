/* What the benchmarks of the exchange share: the connection by the environment, events that carry a
 * record of ../peers/src/common.h, and the verbs. Everything goes through libberbagi and the
 * contract; nothing of the server is used. A failure ends the program with words.
 *
 * Environment: BENCH_SERVER (address:port); BENCH_FILES, a folder with ca.pem and, for each agency,
 * NAME.pem and NAME.key; BENCH_AGENCY, who publishes, hub.bench without it. */
#ifndef BENCH_H
#define BENCH_H

#include "../peers/src/common.h"

#include "berbagi.h"

#define BENCH_PUBLISHER "hub.bench" /* publishes and sees everything */
#define BENCH_NARROW "hub.narrow"   /* three of ten fields are withheld from it */
#define BENCH_EVENT_MAX (EV_SIZE + 128)

/* Ends the program unless status is BERBAGI_OK. */
void bench_check(berbagi_status status, const char *what, const struct berbagi_error *error);

/* A client of that agency, over connections of its own. */
struct berbagi_client *bench_client(const char *agency);
/* Of the agency that publishes. */
struct berbagi_client *bench_publishing_client(void);
/* Says, before the first client, that each publisher and subscription will have a thread (berbagi.h). */
void bench_thread_for_each(void);

/* Serializes an event of the bench types around a record; the id is its sequence number. Returns
 * the bytes written to out, which has room for BENCH_EVENT_MAX. */
size_t bench_event(uint8_t *out, const uint8_t record[EV_SIZE], bool is_marked);

/* The record within a delivered event; length 0: there is none. */
struct berbagi_str bench_record(struct berbagi_str event);

/* The verbs; each prints one line of JSON. */
void bench_publish(double secs, size_t conns, size_t in_flight);
void bench_bulk(const struct src *from, uint64_t mark_every); /* 0: none is marked */
void bench_live(double secs, uint64_t rate, size_t subscribers);
void bench_replay(const char *agency, uint64_t n);
/* Reads n stored events by a filter that only marked ones pass. */
void bench_sparse(uint64_t n);
/* Opens so many subscriptions, each over a connection of its own, says "open" on a line and keeps
 * them for secs. Prints how many heartbeats came. */
void bench_idle(size_t subscribers, double secs);

#endif

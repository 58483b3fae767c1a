/* One line for each event on standard error: "2026-01-02T03:04:05.678Z info journal.opened head=12
 * dir=...". The event name is fixed text, the rest key=value pairs; values with blanks or quotes
 * are quoted and escaped. No payloads, no secrets, no personal value. Any thread; a line is written
 * by one write(2). */
#ifndef BERBAGI_LOG_H
#define BERBAGI_LOG_H

#include "error.h"
#include "text.h"

enum bp_log_level {
    BP_LOG_DEBUG, /* for us */
    BP_LOG_INFO,  /* life cycle */
    BP_LOG_WARN,  /* degraded */
    BP_LOG_ERROR, /* someone must act */
};

void bp_log_set_level(enum bp_log_level least);
bool bp_log_level_parse(struct bp_str name, enum bp_log_level *out);

/* bp_log(BP_LOG_INFO, "journal.opened", "head=%" PRIu64 " dir=%s", head, dir). A value that may
 * hold blanks goes through bp_log_quote first. */
void bp_log(enum bp_log_level level, const char *event, const char *format, ...) BP_PRINTF(3, 4);

/* Quotes and escapes text as a value; cut with "..." where out is too small. Returns out. */
const char *bp_log_quote(char *out, size_t size, struct bp_str text);

/* Lines that a client can provoke: at most `most` lines in each interval of a site, then one that
 * counts what was left out. static struct bp_log_limit limit = {.most = 10, .interval_ms = 1000};
 *     if (bp_log_admit(&limit)) bp_log(...);
 * Any thread. */
struct bp_log_limit {
    unsigned most;
    unsigned interval_ms;
    long long window; /* private */
    unsigned count;   /* private */
};
bool bp_log_admit(struct bp_log_limit *limit);

#endif

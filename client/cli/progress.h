/* How far a push is: a line that is redrawn in place on a terminal, a line every two seconds
 * elsewhere. */
#ifndef BERBAGI_PROGRESS_H
#define BERBAGI_PROGRESS_H

#include <stdio.h>

#include "error.h"
#include "text.h"

struct bp_progress {
    const char *unit; /* what is counted; NULL = "rows" */
    uint64_t total;   /* rows to come in all; 0 = not known */
    uint64_t stored, duplicate, rejected, conflict;
    FILE *to;
    bool is_terminal;
    bool is_drawn;         /* a line stands on the terminal that must be cleared first */
    const char *waits_for; /* shown instead of the time left while the connection is broken; NULL */
    int64_t started_ms, drawn_ms, measured_ms;
    uint64_t measured_done;
    double rate; /* rows a second, smoothed */
};

/* Rows that have an answer. */
uint64_t bp_progress_done(const struct bp_progress *p);

void bp_progress_start(struct bp_progress *p, FILE *to, bool is_terminal, int64_t now_ms);

/* Measures, and draws if it is time to. */
void bp_progress_tick(struct bp_progress *p, int64_t now_ms);

/* Words on a line of their own, above the bar. */
void bp_progress_say(struct bp_progress *p, const char *words);

/* Clears the bar. */
void bp_progress_end(struct bp_progress *p);

/* The line as it would be drawn, at most columns wide. "41 %  29,312 of 71,532 rows  24,310/s  2 s
 * left". */
void bp_progress_text(const struct bp_progress *p, unsigned columns, char *out, size_t size);

/* "71,532". */
const char *bp_count_text(uint64_t n, char out[32]);

#endif

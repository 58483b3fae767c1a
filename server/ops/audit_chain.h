/* The chain through the audit record, so that a line that was changed, taken out or moved is found.
 *
 * The last member of a line is "chain": the first half of the SHA-256, in hexadecimal, of the line
 * as it reads with the value of the line before in its place; before the first line of a file that
 * is 32 zeros. The first line of a file has a member "after" besides: the newest earlier day with a
 * line, and the value its last line had then ("2026-06-01/9f86…"), or "none". Lines that come later
 * to an earlier day, when a clock was put back, go on from that day's own last line, so what a file
 * goes on from may stand anywhere in the earlier one.
 *
 * A line that a crash cut short has no value: the next goes on from the one before. What the chain
 * cannot tell is that lines at the end of the newest file are missing; and it has no key: who may
 * write the files can make it anew. */
#ifndef BERBAGI_AUDIT_CHAIN_H
#define BERBAGI_AUDIT_CHAIN_H

#include "buffer.h"
#include "clock.h"

#define BP_AUDIT_CHAIN_CHARS 32
#define BP_AUDIT_AFTER_MAX (10 + 1 + BP_AUDIT_CHAIN_CHARS)

/* How far a file's chain has come. */
struct bp_audit_chain {
    char value[BP_AUDIT_CHAIN_CHARS + 1]; /* of the last whole line */
    char after[BP_AUDIT_AFTER_MAX + 1];   /* for the first */
};

/* DIR/2026-06-01.jsonl, to be freed; NULL when out of memory. */
char *bp_audit_path(const char *dir, bp_day day);

/* Before the first line of a file. */
void bp_audit_chain_init(struct bp_audit_chain *c);

/* How the record goes on: at the end of the day's file, or, where that has no whole line, from the
 * newest earlier one that has. Checks nothing. BP_EIO, BP_ENOMEM. */
BP_MUST_USE bp_status bp_audit_chain_open(const char *dir, bp_day day, struct bp_audit_chain *out);

/* Ends the line that begins at `from` of lines, an object without its closing brace, and moves the
 * chain on to it. */
void bp_audit_chain_end_line(struct bp_audit_chain *c, struct bp_buf *lines, size_t from);

enum bp_audit_line {
    BP_AUDIT_LINE_SOUND,
    BP_AUDIT_LINE_CUT,    /* the beginning of one, as a crash leaves it; the chain did not move */
    BP_AUDIT_LINE_BROKEN, /* changed, or something before it is missing; the chain goes on as it
                             says, so that one harm is told once */
};
/* Is this what stands next? The line comes without its end, and is left as it was. */
enum bp_audit_line bp_audit_chain_check(struct bp_audit_chain *c, char *line, size_t n);

/* Tells every line of a day's file, without its end and to be left as it was. A day without a file
 * has none. BP_EIO, BP_ENOMEM. */
BP_MUST_USE bp_status bp_audit_each_line(const char *dir, bp_day day,
                                         void (*each)(void *context, char *line, size_t n),
                                         void *context, struct bp_err *err);

struct bp_audit_finding {
    const char *file; /* its name in the folder */
    uint64_t line;    /* from 1; 0: the whole file */
    const char *what;
    bool is_damage; /* false: a line that was cut short, which a crash may do */
};
/* Looks at all files, oldest first, and counts sound lines. That files are missing before the
 * oldest is no damage: they are kept as long as somebody's rules ask. No folder, no lines. */
BP_MUST_USE bp_status bp_audit_verify(const char *dir,
                                      void (*found)(void *context,
                                                    const struct bp_audit_finding *finding),
                                      void *context, uint64_t *lines, struct bp_err *err);

#endif

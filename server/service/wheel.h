/* Who is due when, for thousands who are due seconds from now: a wheel of slots, one for each turn
 * of a quarter of a second. Whoever is not due is not touched, and putting the time off costs
 * nothing: an entry stays where it is until its slot comes round, and is then moved on. On one
 * thread. */
#ifndef BERBAGI_WHEEL_H
#define BERBAGI_WHEEL_H

#include <stdint.h>

#define BP_WHEEL_TURN_MS 250
#define BP_WHEEL_SLOTS 64 /* 16 s; who is due later is looked at once a round */

struct bp_wheel_entry {
    struct bp_wheel_entry *next, **place; /* the wheel's while inside; place NULL = outside */
    int64_t due_ms; /* of the clock of bp_wheel_turn; while inside it only grows */
};

struct bp_wheel {
    int64_t turn; /* the last one made */
    struct bp_wheel_entry *slots[BP_WHEEL_SLOTS];
};

/* A zeroed wheel is empty. The time of an entry may have passed: then it is due at the next turn. */
void bp_wheel_add(struct bp_wheel *w, struct bp_wheel_entry *entry);
void bp_wheel_remove(struct bp_wheel_entry *entry); /* outside: does nothing */

/* Calls due(entry) for all whose time has come. An entry may be removed by its own call, and by no
 * other; one that is neither removed nor put off is due again at the next turn. */
void bp_wheel_turn(struct bp_wheel *w, int64_t now_ms, void (*due)(struct bp_wheel_entry *entry));

#endif

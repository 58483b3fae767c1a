#include "wheel.h"

#include <stddef.h>

static void put(struct bp_wheel *w, struct bp_wheel_entry *e, int64_t turn)
{
    struct bp_wheel_entry **slot = &w->slots[turn % BP_WHEEL_SLOTS];
    e->next = *slot;
    e->place = slot;
    if (e->next != NULL)
        e->next->place = &e->next;
    *slot = e;
}

/* The first turn at which its time has passed, of those to come. */
static int64_t turn_of(const struct bp_wheel *w, const struct bp_wheel_entry *e)
{
    int64_t turn = (e->due_ms + BP_WHEEL_TURN_MS - 1) / BP_WHEEL_TURN_MS;
    return turn > w->turn ? turn : w->turn + 1;
}

void bp_wheel_add(struct bp_wheel *w, struct bp_wheel_entry *entry)
{
    put(w, entry, turn_of(w, entry));
}

void bp_wheel_remove(struct bp_wheel_entry *entry)
{
    if (entry->place == NULL)
        return;
    *entry->place = entry->next;
    if (entry->next != NULL)
        entry->next->place = entry->place;
    entry->next = NULL;
    entry->place = NULL;
}

/* Takes the slot's entries out, one by one, because putting them back may put them here. */
static void look_at_slot(struct bp_wheel *w, int64_t turn, int64_t now_ms,
                         void (*due)(struct bp_wheel_entry *entry))
{
    struct bp_wheel_entry *waiting = w->slots[turn % BP_WHEEL_SLOTS];
    w->slots[turn % BP_WHEEL_SLOTS] = NULL;
    if (waiting != NULL)
        waiting->place = &waiting;
    while (waiting != NULL) {
        struct bp_wheel_entry *e = waiting;
        bp_wheel_remove(e);
        bp_wheel_add(w, e);
        if (now_ms >= e->due_ms)
            due(e);
    }
}

void bp_wheel_turn(struct bp_wheel *w, int64_t now_ms, void (*due)(struct bp_wheel_entry *entry))
{
    int64_t from = w->turn + 1, to = now_ms / BP_WHEEL_TURN_MS;
    if (to - from >= BP_WHEEL_SLOTS)
        from = to - BP_WHEEL_SLOTS + 1;
    if (to > w->turn)
        w->turn = to;
    for (int64_t turn = from; turn <= to; turn++)
        look_at_slot(w, turn, now_ms, due);
}

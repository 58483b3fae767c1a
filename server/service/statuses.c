/* Two generations of a hash table: what is noted goes to the young one; when the index has come
 * past the old one, that is emptied and they change places. When the young one is full before that,
 * the old one is given up all the same, and until the index has come past it only the generations
 * answer: silence, never a false word. `floor` is the newest position that was given up. */
#include "statuses.h"

#include "crc32c.h"
#include "payload.h"

#define SUBJECT_CHARS 24 /* "w_" and twenty more; others are not noted, and warned of by nobody */
#define GENERATION_MAX 131072u /* as many as the index gathers before it writes */
#define SLOTS_LEAST 1024u

struct noted {
    char subject[SUBJECT_CHARS];
    struct bp_str machine, status;
    uint64_t position; /* 0: the slot is free */
};

struct generation {
    struct noted *slots; /* a power of two, at most half of them taken */
    size_t n, n_slots;
    uint64_t newest;
};

struct bp_statuses {
    struct bp_index *index;
    struct generation young, old;
    uint64_t floor;
};

struct bp_statuses *bp_statuses_create(struct bp_index *index, uint64_t head)
{
    struct bp_statuses *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    s->index = index;
    s->floor = head;
    return s;
}

void bp_statuses_destroy(struct bp_statuses *s)
{
    if (s == NULL)
        return;
    free(s->young.slots);
    free(s->old.slots);
    free(s);
}

/* --- generations --- */

static bool key_of(struct bp_str subject, char out[SUBJECT_CHARS])
{
    if (subject.n == 0 || subject.n > SUBJECT_CHARS)
        return false;
    memset(out, 0, SUBJECT_CHARS);
    memcpy(out, subject.p, subject.n);
    return true;
}

/* The slot that holds it, or the free one where it belongs. */
static struct noted *slot_of(const struct generation *g, const char *key, struct bp_str machine)
{
    size_t i = bp_crc32c(bp_crc32c(0, key, SUBJECT_CHARS), machine.p, machine.n);
    for (i &= g->n_slots - 1; g->slots[i].position != 0; i = (i + 1) & (g->n_slots - 1)) {
        if (memcmp(g->slots[i].subject, key, SUBJECT_CHARS) == 0 &&
            bp_str_eq(g->slots[i].machine, machine))
            break;
    }
    return &g->slots[i];
}

static const struct noted *find(const struct generation *g, const char *key, struct bp_str machine)
{
    if (g->n == 0)
        return NULL;
    const struct noted *slot = slot_of(g, key, machine);
    return slot->position != 0 ? slot : NULL;
}

static bool grow(struct generation *g)
{
    struct generation larger = {
        .n = g->n, .n_slots = g->n_slots != 0 ? g->n_slots * 2 : SLOTS_LEAST, .newest = g->newest};
    larger.slots = calloc(larger.n_slots, sizeof(*larger.slots));
    if (larger.slots == NULL)
        return false;
    for (size_t i = 0; i < g->n_slots; i++) {
        if (g->slots[i].position != 0)
            *slot_of(&larger, g->slots[i].subject, g->slots[i].machine) = g->slots[i];
    }
    free(g->slots);
    *g = larger;
    return true;
}

static bool put(struct generation *g, const struct noted *noted)
{
    g->newest = noted->position;
    if (g->n * 2 >= g->n_slots && !grow(g))
        return false;
    struct noted *slot = slot_of(g, noted->subject, noted->machine);
    g->n += slot->position == 0;
    *slot = *noted;
    return true;
}

static void empty(struct bp_statuses *s, struct generation *g)
{
    if (g->newest > s->floor)
        s->floor = g->newest;
    free(g->slots);
    *g = (struct generation){.n = 0};
}

/* Lets the index answer for what it has come past. */
static void turn(struct bp_statuses *s, uint64_t indexed)
{
    bool is_full = s->young.n >= GENERATION_MAX;
    if (s->young.n == 0 || (!is_full && s->old.newest > indexed))
        return;
    empty(s, &s->old);
    s->old = s->young;
    s->young = (struct generation){.n = 0};
}

/* --- questions --- */

bool bp_statuses_last(struct bp_statuses *s, struct bp_str subject, struct bp_str machine,
                      struct bp_known_status *out)
{
    char key[SUBJECT_CHARS];
    struct bp_subject_state state;
    if (!key_of(subject, key))
        return false;
    const struct noted *noted = find(&s->young, key, machine);
    if (noted == NULL)
        noted = find(&s->old, key, machine);
    if (noted != NULL) {
        out->position = noted->position;
        return bp_str_copy(out->status, sizeof(out->status), noted->status);
    }
    /* Asked before the look-up: an index that is made anew meanwhile has less, not other things. */
    if (s->index == NULL || bp_index_position(s->index) < s->floor ||
        bp_index_subject(s->index, subject, machine, &state) != BP_OK || state.status[0] == '\0')
        return false;
    out->position = state.status_position;
    return bp_str_copy(out->status, sizeof(out->status), bp_str(state.status));
}

void bp_statuses_note(struct bp_statuses *s, struct bp_str subject, struct bp_str machine,
                      struct bp_str status, uint64_t position)
{
    struct noted noted = {.machine = machine, .status = status, .position = position};
    if (!key_of(subject, noted.subject))
        return;
    turn(s, s->index != NULL ? bp_index_position(s->index) : 0);
    if (!put(&s->young, &noted)) {
        empty(s, &s->old); /* no memory: wait for the index */
        empty(s, &s->young);
    }
}

/* --- payloads --- */

static struct bp_str machine_of(const struct bp_field *status)
{
    static const char end[] = "_status";
    return bp_str_of(status->name.p, status->name.n - (sizeof(end) - 1));
}

static struct bp_str word_of(const struct bp_field *field, int32_t number)
{
    const struct bp_enum_value *value = bp_enum_by_number(field->enumeration, number);
    return number == 0 ? BP_STR("NONE") : value != NULL ? value->name : BP_STR("");
}

bool bp_status_report_of(const struct bp_event_type *type, struct bp_str data,
                         struct bp_status_report *out)
{
    struct bp_wire wire = bp_wire_of(data);
    struct bp_wire_field f;
    int32_t before = 0, now = 0;
    if (type->status_field == NULL)
        return false;
    while (bp_wire_next(&wire, &f)) {
        if (f.type != BP_WIRE_VARINT)
            continue;
        if (f.number == type->status_field->number)
            now = (int32_t)f.value;
        else if (f.number == type->previous_field->number)
            before = (int32_t)f.value;
    }
    *out = (struct bp_status_report){.machine = machine_of(type->status_field),
                                     .before = word_of(type->previous_field, before),
                                     .now = word_of(type->status_field, now),
                                     .field = type->status_field};
    return now != 0 && out->now.n != 0 && !wire.malformed;
}

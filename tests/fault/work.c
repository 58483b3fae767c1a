/* Publishes, applies, acknowledges and reopens by a seed, and tells each acknowledgement with the
 * time at which it came: work DIR SEED STEPS
 *
 *   stored POSITION TIME     applied VERSION TIME     kept NAME POSITION TIME
 *
 * The times are those of the monotonic clock in nanoseconds, as in a trace of the same process. */
#include <stdio.h>

#include "storage.h"

static uint32_t state;

static unsigned draw(unsigned below)
{
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % below;
}

static long long now(void)
{
    return (long long)bp_system_clock.monotonic_ns(&bp_system_clock);
}

static bp_status publish(struct storage *s, unsigned *serial)
{
    uint64_t positions[STORAGE_EVENTS_MAX];
    size_t n = 1 + (draw(3) == 0 ? draw(40) : draw(4));
    size_t bytes = draw(8) == 0 ? 2000 + draw(6000) : draw(500);
    bp_status st = storage_publish(s, "e", *serial, n, bytes, positions);
    *serial += (unsigned)n;
    for (size_t i = 0; st == BP_OK && i < n; i++)
        printf("stored %llu %lld\n", (unsigned long long)positions[i], now());
    return st;
}

static bp_status apply(struct storage *s)
{
    uint64_t version;
    bp_status st = storage_apply(s, draw(4) == 0 ? 200000 : 1 + draw(3000), &version);
    if (st == BP_OK)
        printf("applied %llu %lld\n", (unsigned long long)version, now());
    return st;
}

static bp_status acknowledge(struct storage *s)
{
    static const char *const names[] = {"nightly", "desk"};
    const char *name = names[draw(2)];
    uint64_t place = bp_journal_head(s->journal);
    bp_status st = storage_acknowledge(s, name, place);
    if (st == BP_OK)
        printf("kept %s %llu %lld\n", name, (unsigned long long)place, now());
    return st;
}

static bp_status step(struct storage *s, const char *dir, unsigned *serial)
{
    struct bp_err err;
    unsigned chance = draw(100);
    if (chance < 3) {
        storage_close(s);
        return storage_open(s, dir, &err);
    }
    if (chance < 6)
        return bp_index_catch_up(s->index);
    if (chance < 10)
        return apply(s);
    if (chance < 20)
        return acknowledge(s);
    return publish(s, serial);
}

int main(int argc, char **argv)
{
    struct storage s;
    struct bp_err err = {{0}};
    unsigned serial = 1;
    if (argc != 4)
        return 2;
    state = (uint32_t)strtoul(argv[2], NULL, 10);
    bp_status st = storage_open(&s, argv[1], &err);
    for (long left = strtol(argv[3], NULL, 10); left > 0 && st == BP_OK; left--)
        st = step(&s, argv[1], &serial);
    if (st != BP_OK) {
        fprintf(stderr, "work: %s %s\n", bp_status_name(st), err.text);
        return 1;
    }
    storage_close(&s);
    return 0;
}

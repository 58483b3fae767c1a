/* Publishes, applies, acknowledges and reopens by a seed, and tells each acknowledgement with the
 * time at which it came: work DIR SEED STEPS
 *
 *   stored POSITION TIME ID     applied VERSION TIME     kept NAME POSITION TIME
 *   refused STATUS [WORDS]
 *
 * What is refused is not tried again; the next step is. A folder that does not open is tried again a
 * few times. The times are those of the monotonic clock in nanoseconds, as in a trace of the same process. */
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
        printf("stored %llu %lld e-%u\n", (unsigned long long)positions[i], now(),
               *serial - (unsigned)(n - i));
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

#define OPEN_TRIES 5

static bp_status open_again(struct storage *s, const char *dir)
{
    bp_status st = BP_EIO;
    struct bp_err err = {{0}};
    for (unsigned tries = 0; st != BP_OK && tries < OPEN_TRIES; tries++) {
        if ((st = storage_open(s, dir, &err)) != BP_OK)
            printf("refused %s %s\n", bp_status_name(st), err.text);
    }
    return st;
}

static bp_status step(struct storage *s, unsigned *serial)
{
    unsigned chance = draw(97);
    if (chance < 3)
        return bp_index_catch_up(s->index);
    if (chance < 7)
        return apply(s);
    if (chance < 17)
        return acknowledge(s);
    return publish(s, serial);
}

int main(int argc, char **argv)
{
    struct storage s = {0};
    unsigned serial = 1;
    if (argc != 4)
        return 2;
    state = (uint32_t)strtoul(argv[2], NULL, 10);
    if (open_again(&s, argv[1]) != BP_OK)
        return 1;
    for (long left = strtol(argv[3], NULL, 10); left > 0; left--) {
        bp_status st = step(&s, &serial);
        if (st != BP_OK)
            printf("refused %s\n", bp_status_name(st));
        if (draw(30) != 0)
            continue;
        storage_close(&s);
        if (open_again(&s, argv[1]) != BP_OK)
            return 1;
    }
    storage_close(&s);
    return 0;
}

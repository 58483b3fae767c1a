#include "readers.h"

#include <time.h>

static void poke_all(struct bp_readers *r)
{
    struct bp_reader *next;
    for (struct bp_reader *reader = r->first; reader != NULL; reader = next) {
        next = reader->next; /* a poke removes nobody but its own */
        reader->poke(reader);
    }
}

/* Of this thread, so that a round is not the longer for being held up by others. */
static int64_t used_ms(void)
{
    struct timespec used;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

static void make_round(struct bp_readers *r)
{
    int64_t from = used_ms();
    r->is_asked_for = false;
    poke_all(r);
    int64_t took = used_ms() - from;
    if (took == 0)
        return;
    r->is_resting = true;
    bp_rpc_server_set_alarm(r->x->rpc, r->alarm, took);
}

bool bp_readers_rest(struct bp_readers *r)
{
    r->is_asked_for = true;
    return r->is_resting;
}

static void on_task(struct bp_rpc_task *task)
{
    struct bp_readers *r = (struct bp_readers *)task;
    if (!bp_readers_rest(r))
        make_round(r);
}

static void on_rested(void *context)
{
    struct bp_readers *r = context;
    r->is_resting = false;
    if (r->is_asked_for)
        make_round(r);
}

static void on_due(struct bp_wheel_entry *entry)
{
    struct bp_reader *reader =
        (struct bp_reader *)((char *)entry - offsetof(struct bp_reader, due));
    reader->poke(reader);
}

/* Has what rights rest on changed since the last tick? Whoever reads is cut by it within one. */
static bool rights_may_have_changed(struct bp_readers *r)
{
    struct bp_policy *policy = bp_exchange_policy(r->x);
    uint64_t version = policy != NULL ? bp_policy_version(policy) : 0;
    bp_day today = bp_exchange_today(r->x);
    bool changed = version != r->version || today != r->today;
    bp_policy_unref(policy);
    r->version = version;
    r->today = today;
    return changed;
}

static void on_tick(void *context)
{
    struct bp_readers *r = context;
    if (rights_may_have_changed(r))
        poke_all(r);
    bp_wheel_turn(&r->wheel, bp_monotonic_ms(r->x->clock), on_due);
}

void bp_readers_init(struct bp_readers *r, struct bp_exchange *x)
{
    *r = (struct bp_readers){.task = {.run = on_task}, .x = x};
    r->wheel.turn = bp_monotonic_ms(x->clock) / BP_WHEEL_TURN_MS;
    r->alarm = bp_rpc_server_add_alarm(x->rpc, on_rested, r);
    bp_rpc_server_every(x->rpc, BP_WHEEL_TURN_MS, on_tick, r);
}

static struct bp_reader *find(const struct bp_readers *r, const char *agency,
                              const char *subscription)
{
    struct bp_reader *reader = r->first;
    while (reader != NULL &&
           (strcmp(reader->subscription, subscription) != 0 || strcmp(reader->agency, agency) != 0))
        reader = reader->next;
    return reader;
}

void bp_readers_add(struct bp_readers *r, struct bp_reader *reader)
{
    if (reader->subscription[0] != '\0') {
        struct bp_reader *holder = find(r, reader->agency, reader->subscription);
        if (holder != NULL) {
            bp_readers_remove(holder);
            holder->taken_over(holder);
        }
    }
    reader->next = r->first;
    reader->place = &r->first;
    if (reader->next != NULL)
        reader->next->place = &reader->next;
    r->first = reader;
    bp_wheel_add(&r->wheel, &reader->due);
}

void bp_readers_remove(struct bp_reader *reader)
{
    if (reader->place == NULL)
        return;
    *reader->place = reader->next;
    if (reader->next != NULL)
        reader->next->place = reader->place;
    reader->next = NULL;
    reader->place = NULL;
    bp_wheel_remove(&reader->due);
}

bool bp_readers_holds(const struct bp_readers *r, const char *agency, const char *subscription)
{
    return find(r, agency, subscription) != NULL;
}

void bp_readers_wake(struct bp_readers *r)
{
    bp_rpc_post(r->x->rpc, &r->task);
}

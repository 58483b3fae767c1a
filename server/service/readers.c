#include "readers.h"

#define TICK_MS 250

static void poke_all(struct bp_readers *r)
{
    struct bp_reader *next;
    for (struct bp_reader *reader = r->first; reader != NULL; reader = next) {
        next = reader->next; /* a poke removes nobody but its own */
        reader->poke(reader);
    }
}

static void on_task(struct bp_rpc_task *task)
{
    poke_all((struct bp_readers *)task);
}

static void on_tick(void *context)
{
    poke_all(context);
}

void bp_readers_init(struct bp_readers *r, struct bp_rpc_server *rpc)
{
    *r = (struct bp_readers){.task = {.run = on_task}, .rpc = rpc};
    bp_rpc_server_every(rpc, TICK_MS, on_tick, r);
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
}

bool bp_readers_holds(const struct bp_readers *r, const char *agency, const char *subscription)
{
    return find(r, agency, subscription) != NULL;
}

void bp_readers_wake(struct bp_readers *r)
{
    bp_rpc_post(r->rpc, &r->task);
}

#include "world.h"

uint32_t bp_world_add(struct bp_world *w, const char *agency, const struct bp_notice *d)
{
    if (bp_day_at(d->at) > w->plan.to)
        return 0;
    return bp_output_add(w->out, agency, d);
}

void bp_world_begin(struct bp_world *w, struct bp_notice *d, const char *type, bp_day day,
                    const struct bp_person *person, const char *destination,
                    const char *correlation, uint32_t cause)
{
    bp_notice_init(d, type, bp_office_time(&w->prng, day));
    d->nik = person->nik;
    d->region = person->village;
    d->destination = destination;
    d->cause = cause;
    BP_ASSERT(bp_str_copy(d->correlation, sizeof(d->correlation), bp_str(correlation)));
}

bool bp_quota_strikes(struct bp_quota *q, struct bp_prng *r)
{
    if (q->left == 0)
        return false;
    bool strikes = bp_prng_chance(r, q->due, q->left);
    q->left--;
    if (strikes)
        q->due--;
    return strikes;
}

void bp_quota_give_back(struct bp_quota *q)
{
    q->due++;
}

uint32_t bp_world_next_paper(struct bp_world *w, enum bp_paper kind)
{
    return ++w->papers[kind];
}

const char *bp_share_pick(struct bp_prng *r, const struct bp_shares *shares)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < shares->n; i++)
        sum += shares->items[i].weight;
    uint32_t draw = bp_prng_below(r, sum);
    size_t i = 0;
    while (draw >= shares->items[i].weight)
        draw -= shares->items[i++].weight;
    return shares->items[i].name;
}

bp_day bp_world_day(struct bp_world *w, const uint32_t *weights)
{
    bp_day first = w->plan.from, last = w->plan.to;
    if (weights != NULL) {
        size_t month = bp_prng_pick(&w->prng, weights, w->months.n);
        first = w->months.first[month];
        last = w->months.last[month];
    }
    bp_day day = first + (bp_day)bp_prng_below(&w->prng, (uint32_t)(last - first + 1));
    bp_day before = bp_working_day_until(day), after = bp_working_day_from(day);
    if (before >= first)
        return before;
    return after <= last ? after : day; /* a period of a weekend has no working day */
}

/* Quotas: each agency points to the row of its id, else to that of its kind. Rows of kinds are
 * placed first, so that those of ids may take their place. */
#include "compile.h"

static void read_row(struct compile *c, size_t i)
{
    const Berbagi__V1__Quota *in = c->source->quotas[i];
    struct bp_quota *out = &c->p->quotas[i];
    *out = (struct bp_quota){
        .events_per_second = in->events_per_second,
        .burst_events = in->burst_events != 0 ? in->burst_events : in->events_per_second,
        .resolves_per_day = in->resolves_per_day,
        .streams = in->streams,
        .connections = in->connections,
        .subscriptions = in->subscriptions,
        .delivered_bytes_per_day = in->delivered_bytes_per_day,
    };
    if (out->events_per_second == 0 && out->burst_events != 0)
        bp_finding_error(
            c, bp_place("quotas[%zu].burst_events", i),
            "a burst without events_per_second: what is used up would never come back");
    if (out->events_per_second == 0 && out->resolves_per_day == 0 && out->streams == 0 &&
        out->connections == 0 && out->subscriptions == 0 && out->delivered_bytes_per_day == 0)
        bp_finding_warning(c, bp_place("quotas[%zu]", i),
                           "every bound is 0: nothing is bound for '%s'", in->audience);
}

static void place_kind(struct compile *c, size_t i, uint32_t kind)
{
    const struct span *members = &c->p->kind_spans[kind];
    for (uint32_t k = 0; k < members->n; k++)
        c->p->agencies[c->p->audiences[members->first + k]].quota = &c->p->quotas[i];
}

bp_status bp_compile_quotas(struct compile *c)
{
    struct bp_policy *p = c->p;
    struct bp_names seen = {0};
    size_t n = c->source->n_quotas;
    uint32_t index;
    p->quotas = bp_compile_alloc(c, n, sizeof(*p->quotas));
    if (c->is_out_of_memory || bp_names_init(&seen, n) != BP_OK)
        return BP_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        struct bp_str audience = text_of(c->source->quotas[i]->audience);
        read_row(c, i);
        if (!bp_names_add(&seen, audience, (uint32_t)i))
            bp_finding_error(c, bp_place("quotas[%zu].audience", i), "%.*s stands twice",
                             BP_STR_ARGS(audience));
        if (bp_names_find(&p->kind_names, audience, &index))
            place_kind(c, i, index);
        else if (!bp_names_find(&p->agency_names, audience, &index))
            bp_finding_error(c, bp_place("quotas[%zu].audience", i),
                             "'%.*s' is no agency of this policy and no kind of one",
                             BP_STR_ARGS(audience));
    }
    for (size_t i = 0; i < n; i++) {
        if (bp_names_find(&p->agency_names, text_of(c->source->quotas[i]->audience), &index))
            p->agencies[index].quota = &p->quotas[i];
    }
    bp_names_fini(&seen);
    return BP_OK;
}

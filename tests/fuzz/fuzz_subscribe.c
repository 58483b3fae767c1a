/* Subscribe requests: the filter takes in what it may and matches as a plain reading of the contract
 * does; a start is resolved to a place within the log. Input: a serialized SubscribeRequest. */
#include "berbagi/v1/exchange.pb-c.h"
#include "exchange_fixture.h"
#include "filter.h"
#include "fuzz.h"
#include "place.h"

static bool is_among(char *const *items, size_t n, const char *text)
{
    bool found = n == 0;
    for (size_t i = 0; i < n; i++)
        found |= strcmp(items[i], text) == 0;
    return found;
}

static bool is_within(char *const *regions, size_t n, const char *code)
{
    bp_region outer, inner;
    bool found = n == 0;
    BP_ASSERT(bp_region_parse_shape(bp_str(code), &inner));
    for (size_t i = 0; i < n; i++)
        found |=
            bp_region_parse_shape(bp_str(regions[i]), &outer) && bp_region_within(inner, outer);
    return found;
}

static bool has_type(const Berbagi__V1__Filter *m, const char *type)
{
    bool found = m->n_types == 0;
    for (size_t i = 0; i < m->n_types; i++) {
        const char *star = strstr(m->types[i], ".*");
        bool is_family = star != NULL && star[2] == '\0' && star != m->types[i];
        size_t stem = is_family ? (size_t)(star - m->types[i]) + 1 : 0;
        found |= is_family ? strncmp(m->types[i], type, stem) == 0 : strcmp(m->types[i], type) == 0;
    }
    return found;
}

static void check_filter(const Berbagi__V1__Filter *m)
{
    struct bp_filter *f = NULL;
    static const struct bp_redacted_envelope seen = {.type = {"departure.recorded", 18},
                                                     .source = {"kab.18.07", 9},
                                                     .subject = {"p_1", 3},
                                                     .region = {"18.07.15", 8},
                                                     .destination = {"TW", 2}};
    bp_status st = bp_filter_create(m, &f);
    size_t entries = m->n_types + m->n_regions + m->n_destinations + m->n_subjects + m->n_sources;
    BP_ASSERT(st == (entries > BP_FILTER_ENTRIES_MAX ? BP_EINVAL : BP_OK));
    if (st != BP_OK)
        return;
    BP_ASSERT(bp_filter_has_type(f, seen.type) == has_type(m, seen.type.p));
    BP_ASSERT(bp_filter_matches(f, &seen) ==
              (is_among(m->sources, m->n_sources, seen.source.p) &&
               is_among(m->subjects, m->n_subjects, seen.subject.p) &&
               is_among(m->destinations, m->n_destinations, seen.destination.p) &&
               is_within(m->regions, m->n_regions, seen.region.p)));
    bp_filter_destroy(f);
}

static void check_open(const Berbagi__V1__SubscribeRequest__Open *open)
{
    struct bp_exchange *x = fixture_exchange();
    struct bp_rpc_status status;
    uint64_t place = UINT64_MAX;
    bool resets;
    if (open->filter != NULL)
        check_filter(open->filter);
    if (!bp_subscription_name_is_valid(open->subscription))
        return;
    if (bp_place_resolve(x, FIXTURE_AGENCY.p, open->subscription, open->start, &place, &resets,
                         &status))
        BP_ASSERT(place <= bp_journal_head(x->journal));
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    Berbagi__V1__SubscribeRequest *m = berbagi__v1__subscribe_request__unpack(NULL, n, p);
    if (m == NULL)
        return 0;
    if (m->kind_case == BERBAGI__V1__SUBSCRIBE_REQUEST__KIND_OPEN)
        check_open(m->open);
    berbagi__v1__subscribe_request__free_unpacked(m, NULL);
    return 0;
}

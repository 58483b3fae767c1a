#include "filter.h"

/* A set of texts, sorted; empty means that all pass. */
struct text_set {
    char **items;
    size_t n;
};

struct bp_filter {
    unsigned refs;
    struct text_set types, destinations, subjects, sources;
    bp_region *regions; /* those that have the shape of a code; others match nothing */
    size_t n_regions;
    bool has_regions;
};

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool take(struct text_set *set, char *const *items, size_t n)
{
    set->items = calloc(n != 0 ? n : 1, sizeof(*set->items));
    if (set->items == NULL)
        return false;
    for (; set->n < n; set->n++) {
        if ((set->items[set->n] = bp_str_dup(bp_str(items[set->n]))) == NULL)
            return false;
    }
    if (n != 0)
        qsort(set->items, n, sizeof(*set->items), compare);
    return true;
}

static void drop(struct text_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        free(set->items[i]);
    free(set->items);
}

static bool holds(const struct text_set *set, struct bp_str text)
{
    size_t low = 0, high = set->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = bp_str_cmp(bp_str(set->items[middle]), text);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return set->n == 0;
}

static bool take_regions(struct bp_filter *f, char *const *codes, size_t n)
{
    f->has_regions = n != 0;
    f->regions = calloc(n != 0 ? n : 1, sizeof(*f->regions));
    for (size_t i = 0; f->regions != NULL && i < n; i++) {
        if (bp_region_parse_shape(bp_str(codes[i]), &f->regions[f->n_regions]))
            f->n_regions++;
    }
    return f->regions != NULL;
}

bp_status bp_filter_create(const Berbagi__V1__Filter *message, struct bp_filter **out)
{
    Berbagi__V1__Filter everything = BERBAGI__V1__FILTER__INIT;
    const Berbagi__V1__Filter *m = message != NULL ? message : &everything;
    if (m->n_types + m->n_regions + m->n_destinations + m->n_subjects + m->n_sources >
        BP_FILTER_ENTRIES_MAX)
        return BP_EINVAL;
    struct bp_filter *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return BP_ENOMEM;
    f->refs = 1;
    if (!take(&f->types, m->types, m->n_types) ||
        !take(&f->destinations, m->destinations, m->n_destinations) ||
        !take(&f->subjects, m->subjects, m->n_subjects) ||
        !take(&f->sources, m->sources, m->n_sources) ||
        !take_regions(f, m->regions, m->n_regions)) {
        bp_filter_destroy(f);
        return BP_ENOMEM;
    }
    *out = f;
    return BP_OK;
}

struct bp_filter *bp_filter_ref(struct bp_filter *f)
{
    f->refs++;
    return f;
}

void bp_filter_destroy(struct bp_filter *f)
{
    if (f == NULL || --f->refs != 0)
        return;
    drop(&f->types);
    drop(&f->destinations);
    drop(&f->subjects);
    drop(&f->sources);
    free(f->regions);
    free(f);
}

static bool sets_equal(const struct text_set *a, const struct text_set *b)
{
    size_t i = 0;
    while (i < a->n && i < b->n && strcmp(a->items[i], b->items[i]) == 0)
        i++;
    return i == a->n && i == b->n;
}

static bool regions_equal(const struct bp_filter *a, const struct bp_filter *b)
{
    size_t i = 0;
    while (i < a->n_regions && i < b->n_regions && a->regions[i] == b->regions[i])
        i++;
    return a->has_regions == b->has_regions && i == a->n_regions && i == b->n_regions;
}

bool bp_filter_equal(const struct bp_filter *a, const struct bp_filter *b)
{
    return a == b ||
           (sets_equal(&a->types, &b->types) && regions_equal(a, b) &&
            sets_equal(&a->destinations, &b->destinations) &&
            sets_equal(&a->subjects, &b->subjects) && sets_equal(&a->sources, &b->sources));
}

bool bp_filter_has_type(const struct bp_filter *f, struct bp_str type)
{
    for (size_t i = 0; i < f->types.n; i++) {
        struct bp_str pattern = bp_str(f->types.items[i]);
        /* "*" alone is a policy's pattern; here it is an unknown type. */
        if (!bp_str_is(pattern, "*") && bp_type_matches(pattern, type))
            return true;
    }
    return f->types.n == 0;
}

bool bp_filter_looks_inside(const struct bp_filter *f)
{
    return f->has_regions || f->destinations.n + f->subjects.n + f->sources.n != 0;
}

/* An event without a region, or whose region the reader does not see, is in no region. */
static bool region_matches(const struct bp_filter *f, struct bp_str code)
{
    bp_region region;
    if (!f->has_regions)
        return true;
    if (code.n == 0 || !bp_region_parse_shape(code, &region))
        return false;
    for (size_t i = 0; i < f->n_regions; i++) {
        if (bp_region_within(region, f->regions[i]))
            return true;
    }
    return false;
}

bool bp_filter_may_match(const struct bp_filter *f, const struct bp_redacted_envelope *seen)
{
    return region_matches(f, seen->region) && holds(&f->destinations, seen->destination);
}

bool bp_filter_matches(const struct bp_filter *f, const struct bp_redacted_envelope *seen)
{
    return bp_filter_may_match(f, seen) && holds(&f->subjects, seen->subject) &&
           holds(&f->sources, seen->source);
}

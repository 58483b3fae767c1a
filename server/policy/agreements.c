/* The agreements of a policy: parties, status, days. Whether one is in force is asked at each
 * decision; here its words are read once. */
#include "compile.h"

#define AGREEMENTS_MAX 100000

/* Only a right by law has no end. The contract has no field for it, so the id tells: "law", or what
 * begins with "law-" or "law.". */
static bool is_law(struct bp_str id)
{
    return bp_str_is(id, "law") || bp_str_starts(id, BP_STR("law-")) ||
           bp_str_starts(id, BP_STR("law."));
}

static bool read_day(struct compile *c, size_t i, const char *field, const char *text, bp_day *out)
{
    if (bp_day_parse(text_of(text), out))
        return true;
    bp_finding_error(c, bp_place("agreements[%zu].%s", i, field), "'%s' is no day: YYYY-MM-DD",
                     text);
    return false;
}

static void read_days(struct compile *c, size_t i, struct agreement *a)
{
    const Berbagi__V1__Agreement *in = c->source->agreements[i];
    bp_day signed_on;
    if (in->signed_on[0] != '\0')
        (void)read_day(c, i, "signed_on", in->signed_on, &signed_on);
    bool is_sound = read_day(c, i, "valid_from", in->valid_from, &a->valid_from);
    a->valid_to = BP_DAY_NEVER;
    if (in->valid_to[0] == '\0') {
        if (!is_law(a->id))
            bp_finding_error(c, bp_place("agreements[%zu].valid_to", i),
                             "an agreement without an end: only a right by law has none (id law, "
                             "law-... or law....)");
        return;
    }
    if (read_day(c, i, "valid_to", in->valid_to, &a->valid_to) && is_sound &&
        a->valid_to < a->valid_from)
        bp_finding_error(c, bp_place("agreements[%zu].valid_to", i),
                         "it ends on %s, before it begins on %s", in->valid_to, in->valid_from);
}

static void check_parties(struct compile *c, size_t i)
{
    const Berbagi__V1__Agreement *in = c->source->agreements[i];
    uint32_t index;
    if (in->n_parties == 0)
        bp_finding_error(c, bp_place("agreements[%zu].parties", i), "an agreement of nobody");
    for (size_t k = 0; k < in->n_parties; k++) {
        if (!bp_names_find(&c->p->agency_names, text_of(in->parties[k]), &index))
            bp_finding_error(c, bp_place("agreements[%zu].parties", i), "unknown agency '%s'",
                             in->parties[k]);
    }
}

static void read_status(struct compile *c, size_t i, struct agreement *a)
{
    int status = (int)c->source->agreements[i]->status;
    a->is_in_force = status == BERBAGI__V1__AGREEMENT__STATUS__STATUS_IN_FORCE;
    if (status < BERBAGI__V1__AGREEMENT__STATUS__STATUS_IN_FORCE ||
        status > BERBAGI__V1__AGREEMENT__STATUS__STATUS_TERMINATED)
        bp_finding_error(c, bp_place("agreements[%zu].status", i),
                         "the status is one of IN_FORCE, SUSPENDED, TERMINATED");
}

static void read_agreement(struct compile *c, size_t i, struct bp_names *ids)
{
    const Berbagi__V1__Agreement *in = c->source->agreements[i];
    struct agreement *a = &c->p->agreements[i];
    a->id = text_of(in->id);
    if (!bp_ascii_is_printable(a->id, 128))
        bp_finding_error(c, bp_place("agreements[%zu].id", i),
                         "an agreement's id is 1 to 128 printable ASCII characters");
    else if (!bp_names_add(ids, a->id, (uint32_t)i))
        bp_finding_error(c, bp_place("agreements[%zu].id", i), "agreement %.*s stands twice",
                         BP_STR_ARGS(a->id));
    if (!bp_utf8_is_valid(text_of(in->title)))
        bp_finding_error(c, bp_place("agreements[%zu].title", i), "the title is not UTF-8");
    read_status(c, i, a);
    read_days(c, i, a);
    check_parties(c, i);
}

/* --- overlaps --- */

/* One agreement with its parties in order, so that equal sets of parties come together when sorted.
 */
struct term {
    const struct agreement *agreement;
    size_t index;
    char **parties;
    size_t n_parties;
};

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int compare_parties(const struct term *a, const struct term *b)
{
    if (a->n_parties != b->n_parties)
        return a->n_parties < b->n_parties ? -1 : 1;
    for (size_t i = 0; i < a->n_parties; i++) {
        int order = strcmp(a->parties[i], b->parties[i]);
        if (order != 0)
            return order;
    }
    return 0;
}

static int compare_terms(const void *va, const void *vb)
{
    const struct term *a = va, *b = vb;
    int order = compare_parties(a, b);
    if (order != 0)
        return order;
    if (a->agreement->valid_from != b->agreement->valid_from)
        return a->agreement->valid_from < b->agreement->valid_from ? -1 : 1;
    return a->index < b->index ? -1 : 1;
}

static void warn_of_overlaps(struct compile *c, const struct term *terms, size_t n)
{
    const struct term *longest = NULL; /* of the same parties before this one */
    for (size_t i = 0; i < n; i++) {
        const struct term *t = &terms[i];
        if (longest != NULL && compare_parties(longest, t) != 0)
            longest = NULL;
        if (longest != NULL && longest->agreement->valid_to >= t->agreement->valid_from)
            bp_finding_warning(c, bp_place("agreements[%zu].valid_from", t->index),
                               "%.*s begins on %s, while %.*s of the same parties is in force: the "
                               "rights of both count",
                               BP_STR_ARGS(t->agreement->id),
                               c->source->agreements[t->index]->valid_from,
                               BP_STR_ARGS(longest->agreement->id));
        if (longest == NULL || longest->agreement->valid_to < t->agreement->valid_to)
            longest = t;
    }
}

/* Two agreements of the same parties in force on one day: a renewal whose predecessor was not
 * ended, perhaps. */
static void check_overlaps(struct compile *c)
{
    size_t n_parties = 0, n = 0, at = 0;
    for (size_t i = 0; i < c->p->n_agreements; i++)
        n_parties += c->source->agreements[i]->n_parties;
    struct term *terms = bp_compile_alloc(c, c->p->n_agreements, sizeof(*terms));
    char **parties = bp_compile_alloc(c, n_parties, sizeof(*parties));
    for (size_t i = 0; i < c->p->n_agreements && !c->is_out_of_memory; i++) {
        const Berbagi__V1__Agreement *in = c->source->agreements[i];
        if (!c->p->agreements[i].is_in_force || is_law(c->p->agreements[i].id) ||
            in->n_parties == 0)
            continue;
        terms[n] = (struct term){&c->p->agreements[i], i, parties + at, in->n_parties};
        memcpy(terms[n].parties, in->parties, in->n_parties * sizeof(*parties));
        qsort(terms[n].parties, in->n_parties, sizeof(*parties), compare_texts);
        at += in->n_parties;
        n++;
    }
    if (n > 0) {
        qsort(terms, n, sizeof(*terms), compare_terms);
        warn_of_overlaps(c, terms, n);
    }
    free(parties);
    free(terms);
}

bp_status bp_compile_agreements(struct compile *c)
{
    struct bp_policy *p = c->p;
    struct bp_names ids = {0};
    if (c->source->n_agreements > AGREEMENTS_MAX) {
        bp_finding_error(c, bp_place("agreements"), "more than %d agreements", AGREEMENTS_MAX);
        return BP_EINVAL;
    }
    p->n_agreements = c->source->n_agreements;
    p->agreements = bp_compile_alloc(c, p->n_agreements, sizeof(*p->agreements));
    if (c->is_out_of_memory || bp_names_init(&ids, p->n_agreements) != BP_OK)
        return BP_ENOMEM;
    for (size_t i = 0; i < p->n_agreements; i++)
        read_agreement(c, i, &ids);
    bp_names_fini(&ids);
    check_overlaps(c);
    return c->is_out_of_memory ? BP_ENOMEM : BP_OK;
}

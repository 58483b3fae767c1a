#include "fraud.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CONTENT_AUTHORITY "kl.komdigi"

struct report {
    struct bp_world *w;
    char number[41], url[80], fingerprint[72];
    char region[14];
    const char *reporter;
    bool is_urgent;
    uint32_t cause;
    bp_day day; /* of the last event */
};

/* Who sees it first (assumed): the regency, its BP3MI, or the content authority. */
static void draw_reporter(struct report *f)
{
    static const uint32_t weights[] = {70, 20, 10};
    struct bp_world *w = f->w;
    switch (bp_prng_pick(&w->prng, weights, 3)) {
    case 0:
        f->reporter = w->place.government;
        bp_place_village(&w->place, &w->prng, f->region);
        return;
    case 1:
        f->reporter = w->place.service_office;
        break;
    default:
        f->reporter = CONTENT_AUTHORITY;
        break;
    }
    snprintf(f->region, sizeof(f->region), "%s", w->place.code);
}

static void draw_content(struct report *f)
{
    struct bp_prng *r = &f->w->prng;
    uint64_t digest[4];
    for (size_t i = 0; i < 4; i++)
        digest[i] = bp_prng_next(r);
    snprintf(f->number, sizeof(f->number), "FRD-%u-%s-%06u", bp_civil_of(f->day).year,
             f->w->place.code, bp_world_next_paper(f->w, BP_PAPER_FRAUD));
    snprintf(f->url, sizeof(f->url), "https://social.example/post/%08u",
             bp_prng_below(r, 100000000));
    snprintf(f->fingerprint, sizeof(f->fingerprint),
             "sha256:%016" PRIx64 "%016" PRIx64 "%016" PRIx64 "%016" PRIx64, digest[0], digest[1],
             digest[2], digest[3]);
}

static void begin(struct report *f, struct bp_notice *d, const char *type, const char *region)
{
    bp_notice_init(d, type, bp_office_time(&f->w->prng, f->day));
    d->region = region;
    bp_notice_put(d, "fraud_report_number", f->number);
}

/* The promise and the recruiter are free text and personal: the content authority may not fill them
 * in. */
static void put_promise(struct report *f, struct bp_notice *d, const char *country)
{
    struct bp_prng *r = &f->w->prng;
    unsigned millions = bp_prng_between(r, 10, 35);
    bp_notice_printf(d, "content_excerpt",
                     "LOWONGAN RESMI GAJI %u JT TANPA SYARAT HUB 08**********", millions);
    bp_notice_printf(d, "promised_wage", "%u juta", millions);
    bp_notice_printf(d, "recruiter_handle", "@kerja_cepat_%s_%03u", country,
                     bp_prng_below(r, 1000));
}

static void add_report(struct report *f)
{
    /* The ministry names scam work in Cambodia and Myanmar first; the shares are assumed. */
    static const char *const promised[] = {"KH", "MM", "TH", "MY", "AE", "PL"};
    static const uint32_t weights[] = {40, 25, 10, 10, 8, 7};
    const char *country = promised[bp_prng_pick(&f->w->prng, weights, 6)];
    struct bp_notice d;
    begin(f, &d, "fraud.vacancy.reported", f->region);
    bp_notice_put(&d, "platform", bp_share_pick(&f->w->prng, &bp_platform_shares));
    bp_notice_put(&d, "content_url", f->url);
    bp_notice_put(&d, "content_fingerprint", f->fingerprint);
    bp_notice_put(&d, "promised_country", country);
    if (strcmp(f->reporter, CONTENT_AUTHORITY) != 0)
        put_promise(f, &d, country);
    bp_notice_put(&d, "content_status", "REPORTED");
    f->cause = bp_world_add(f->w, f->reporter, &d);
}

static void add_assessment(struct report *f, bool is_fake)
{
    struct bp_notice d;
    begin(f, &d, "fraud.vacancy.assessed", f->region);
    d.cause = f->cause;
    bp_notice_put(&d, "content_status", is_fake ? "VALIDATED" : "REJECTED");
    bp_notice_put(&d, "urgency", f->is_urgent ? "high" : "normal");
    f->cause = bp_world_add(f->w, BP_MINISTRY, &d);
}

static void add_request(struct report *f)
{
    struct bp_notice d;
    begin(f, &d, "content.takedown.requested", NULL);
    d.cause = f->cause;
    bp_notice_put(&d, "content_url", f->url);
    bp_notice_put(&d, "content_fingerprint", f->fingerprint);
    bp_notice_put(&d, "urgency", f->is_urgent ? "high" : "normal");
    bp_notice_put(&d, "requested_by_agency_id", BP_MINISTRY);
    bp_notice_put(&d, "content_status", "TAKEDOWN_REQUESTED");
    f->cause = bp_world_add(f->w, BP_MINISTRY, &d);
}

static void add_result(struct report *f)
{
    static const struct {
        const char *action, *status;
    } results[] = {{"blocked", "BLOCKED"},
                   {"removed", "BLOCKED"},
                   {"not_found", "NOT_FOUND"},
                   {"rejected", "REJECTED"}};
    static const uint32_t weights[] = {55, 25, 15, 5}; /* assumed */
    size_t result = bp_prng_pick(&f->w->prng, weights, 4);
    struct bp_notice d;
    begin(f, &d, "content.takedown.resolved", NULL);
    bp_notice_put(&d, "action_taken", results[result].action);
    bp_notice_put_day(&d, "resolved_on", f->day);
    bp_notice_put(&d, "content_status", results[result].status);
    (void)bp_world_add(f->w, CONTENT_AUTHORITY, &d);
}

static void wait_for_next(struct report *f, unsigned median_days)
{
    f->day = bp_working_day_from(f->day + bp_wait(&f->w->prng, median_days));
}

/* Nine of ten are assessed within the period; of these most are no licensed offer (assumed). */
static void follow(struct report *f)
{
    struct bp_prng *r = &f->w->prng;
    if (bp_prng_chance(r, 1, 10))
        return;
    bool is_fake = bp_prng_chance(r, 85, 100);
    wait_for_next(f, 3);
    add_assessment(f, is_fake);
    if (!is_fake)
        return;
    wait_for_next(f, 1);
    add_request(f);
    wait_for_next(f, 4);
    add_result(f);
}

void bp_fraud_make(struct bp_world *w, uint32_t reports)
{
    for (uint32_t i = 0; i < reports; i++) {
        struct report f = {.w = w, .day = bp_world_day(w, NULL)};
        f.is_urgent = bp_prng_chance(&w->prng, 1, 4);
        draw_reporter(&f);
        draw_content(&f);
        add_report(&f);
        follow(&f);
    }
}

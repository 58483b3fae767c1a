/* Villages stand as runs of numbers in a district, so that the list is short enough to read. */
#include "places.h"

#include <stdio.h>

#include "codes.h"

static const struct run {
    unsigned char district;
    unsigned short first, last;
} listed_runs[] = {
#define RUN(district, first, last) {district, first, last},
#include "villages.inc"
#undef RUN
};
#define RUNS (sizeof(listed_runs) / sizeof(listed_runs[0]))

static const char *name_of(const char *code)
{
    static const struct {
        const char *code, *name;
    } names[] = {{"12.07", "DELI SERDANG"}, {"18.07", "LAMPUNG TIMUR"}, {"35.09", "JEMBER"},
                 {"35.13", "PROBOLINGGO"},  {"53.06", "FLORES TIMUR"},  {"64.74", "BONTANG"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(code, names[i].code) == 0)
            return names[i].name;
    return "";
}

bp_status bp_place_parse(struct bp_str code, struct bp_place *out, struct bp_err *err)
{
    bp_region region;
    if (!bp_region_parse(code, &region) || bp_region_level(region) != 2)
        return bp_fail(err, BP_EINVAL,
                       "region: a regency or city of the Kemendagri list is expected, as 18.07");
    char text[14];
    (void)bp_region_format(region, text);
    struct bp_place p;
    BP_ASSERT(sscanf(text, "%2u.%2u", &p.province, &p.regency) == 2);
    BP_ASSERT(bp_str_copy(p.code, sizeof(p.code), code));
    p.name = name_of(p.code);
    /* Jakarta's cities are not autonomous, so the province stands in their place; cities are
     * numbered from 71. */
    if (p.province == 31)
        snprintf(p.government, sizeof(p.government), "prov.31");
    else
        snprintf(p.government, sizeof(p.government), "%s.%s", p.regency > 70 ? "kota" : "kab",
                 p.code);
    /* East Kalimantan is served from North Kalimantan (an assumption of the registry). */
    snprintf(p.service_office, sizeof(p.service_office), "bp3mi.%02u",
             p.province == 64 ? 65 : p.province);
    *out = p;
    return BP_OK;
}

/* 0 where no list is embedded. */
static unsigned count_listed(const struct bp_place *p)
{
    unsigned n = 0;
    if (strcmp(p->code, "18.07") != 0)
        return 0;
    for (size_t i = 0; i < RUNS; i++)
        n += listed_runs[i].last - listed_runs[i].first + 1u;
    return n;
}

static void format_village(const struct bp_place *p, unsigned district, unsigned village,
                           char out[14])
{
    snprintf(out, 14, "%s.%02u.%04u", p->code, district % 100, village % 10000);
}

void bp_place_village(const struct bp_place *p, struct bp_prng *r, char out[14])
{
    unsigned n = count_listed(p);
    if (n == 0) {
        unsigned kind = p->regency > 70 ? 1000 : 2000;
        format_village(p, bp_prng_between(r, 1, 12), kind + bp_prng_between(r, 1, 10), out);
        return;
    }
    unsigned left = bp_prng_below(r, n);
    for (size_t i = 0; i < RUNS; i++) {
        const struct run *run = &listed_runs[i];
        unsigned here = run->last - run->first + 1u;
        if (left < here) {
            format_village(p, run->district, run->first + left, out);
            return;
        }
        left -= here;
    }
}

const char *bp_mission_in(const char *country)
{
    static const struct {
        const char *country, *agency;
    } missions[] = {{"MY", "perwakilan.my.johor-bahru"}, {"TW", "perwakilan.tw.taipei"}};
    for (size_t i = 0; i < sizeof(missions) / sizeof(missions[0]); i++)
        if (strcmp(country, missions[i].country) == 0)
            return missions[i].agency;
    return NULL;
}

struct bp_debarkation bp_debarkation_from(const char *country)
{
    /* From Malaysia over Batam, as seven residents of Lampung Timur in 2025; from elsewhere by air
     * to Jakarta. */
    if (strcmp(country, "MY") == 0)
        return (struct bp_debarkation){"BTC", "p4mi.21.71"};
    return (struct bp_debarkation){"CGK", "bp3mi.31"};
}

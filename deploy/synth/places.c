/* Villages stand as runs of numbers in a district, so that the list is short enough to read. */
#include "places.h"

#include <stdio.h>

#include "codes.h"

struct run {
    unsigned char province, regency, district;
    unsigned short first, last;
};

/* The regions that have a MoU: decree 300.2.2-2430/2025 as the collection "wilayah" has it (MIT:
 * LICENSE-wilayah.txt). */
static const struct run runs[] = {
    /* clang-format off */
    {12, 7, 1, 2001, 2012}, {12, 7, 2, 1026, 1026}, {12, 7, 2, 2001, 2025}, {12, 7, 3, 2001, 2030},
    {12, 7, 4, 2001, 2014}, {12, 7, 5, 2001, 2025}, {12, 7, 6, 2001, 2036}, {12, 7, 7, 2001, 2017},
    {12, 7, 8, 2001, 2015}, {12, 7, 9, 2001, 2003}, {12, 7, 9, 2005, 2012}, {12, 7, 9, 2014, 2015},
    {12, 7, 9, 2017, 2020}, {12, 7, 9, 2023, 2025}, {12, 7, 9, 2027, 2027}, {12, 7, 9, 2030, 2030},
    {12, 7, 9, 2032, 2033}, {12, 7, 19, 1038, 1038}, {12, 7, 19, 2001, 2009}, {12, 7, 19, 2012, 2013},
    {12, 7, 19, 2015, 2016}, {12, 7, 19, 2019, 2019}, {12, 7, 19, 2022, 2031}, {12, 7, 19, 2034, 2037},
    {12, 7, 20, 2001, 2020}, {12, 7, 21, 2001, 2008}, {12, 7, 22, 1004, 1006}, {12, 7, 22, 2001, 2003},
    {12, 7, 23, 2001, 2017}, {12, 7, 24, 2001, 2020}, {12, 7, 25, 2001, 2005}, {12, 7, 26, 1019, 1020},
    {12, 7, 26, 2001, 2018}, {12, 7, 27, 2001, 2011}, {12, 7, 28, 1007, 1013}, {12, 7, 28, 2001, 2006},
    {12, 7, 31, 2001, 2016}, {12, 7, 32, 2001, 2019}, {12, 7, 33, 2001, 2011}, {18, 7, 1, 2001, 2020},
    {18, 7, 2, 2001, 2011}, {18, 7, 3, 2001, 2008}, {18, 7, 3, 2014, 2016}, {18, 7, 3, 2018, 2021},
    {18, 7, 4, 2001, 2012}, {18, 7, 5, 2001, 2017}, {18, 7, 6, 2001, 2017}, {18, 7, 7, 2001, 2016},
    {18, 7, 8, 2001, 2012}, {18, 7, 9, 2001, 2011}, {18, 7, 10, 2001, 2007}, {18, 7, 11, 2001, 2013},
    {18, 7, 12, 2001, 2015}, {18, 7, 13, 2001, 2013}, {18, 7, 14, 2001, 2007}, {18, 7, 15, 2001, 2007},
    {18, 7, 16, 2001, 2007}, {18, 7, 17, 2001, 2006}, {18, 7, 18, 2001, 2005}, {18, 7, 19, 2001, 2008},
    {18, 7, 20, 2001, 2011}, {18, 7, 21, 2001, 2011}, {18, 7, 22, 2001, 2007}, {18, 7, 23, 2001, 2008},
    {18, 7, 24, 2001, 2008}, {31, 1, 1, 1001, 1003}, {31, 1, 2, 1001, 1003}, {31, 71, 1, 1001, 1006},
    {31, 71, 2, 1001, 1005}, {31, 71, 3, 1001, 1008}, {31, 71, 4, 1001, 1006}, {31, 71, 5, 1001, 1003},
    {31, 71, 6, 1001, 1005}, {31, 71, 7, 1001, 1007}, {31, 71, 8, 1001, 1004}, {31, 72, 1, 1001, 1005},
    {31, 72, 2, 1001, 1007}, {31, 72, 3, 1001, 1006}, {31, 72, 4, 1001, 1007}, {31, 72, 5, 1001, 1003},
    {31, 72, 6, 1001, 1003}, {31, 73, 1, 1001, 1006}, {31, 73, 2, 1001, 1007}, {31, 73, 3, 1001, 1008},
    {31, 73, 4, 1001, 1011}, {31, 73, 5, 1001, 1007}, {31, 73, 6, 1001, 1005}, {31, 73, 7, 1001, 1006},
    {31, 73, 8, 1001, 1006}, {31, 74, 1, 1001, 1007}, {31, 74, 2, 1001, 1008}, {31, 74, 3, 1001, 1005},
    {31, 74, 4, 1001, 1007}, {31, 74, 5, 1001, 1006}, {31, 74, 6, 1001, 1005}, {31, 74, 7, 1001, 1010},
    {31, 74, 8, 1001, 1006}, {31, 74, 9, 1001, 1006}, {31, 74, 10, 1001, 1005}, {31, 75, 1, 1001, 1006},
    {31, 75, 2, 1001, 1007}, {31, 75, 3, 1001, 1008}, {31, 75, 4, 1001, 1007}, {31, 75, 5, 1001, 1005},
    {31, 75, 6, 1001, 1007}, {31, 75, 7, 1001, 1007}, {31, 75, 8, 1001, 1005}, {31, 75, 9, 1001, 1005},
    {31, 75, 10, 1001, 1008}, {35, 9, 1, 2001, 2006}, {35, 9, 2, 2001, 2005}, {35, 9, 3, 2001, 2010},
    {35, 9, 4, 2001, 2008}, {35, 9, 5, 2001, 2010}, {35, 9, 6, 2001, 2008}, {35, 9, 7, 2001, 2006},
    {35, 9, 8, 2001, 2012}, {35, 9, 9, 2001, 2011}, {35, 9, 10, 2001, 2008}, {35, 9, 11, 2001, 2007},
    {35, 9, 12, 2001, 2007}, {35, 9, 13, 2001, 2008}, {35, 9, 14, 2001, 2007}, {35, 9, 15, 2001, 2005},
    {35, 9, 16, 2001, 2008}, {35, 9, 17, 2001, 2007}, {35, 9, 18, 2001, 2008}, {35, 9, 19, 1001, 1007},
    {35, 9, 20, 1001, 1008}, {35, 9, 21, 1001, 1007}, {35, 9, 22, 2001, 2006}, {35, 9, 23, 2001, 2007},
    {35, 9, 24, 2001, 2007}, {35, 9, 25, 2001, 2006}, {35, 9, 26, 2001, 2007}, {35, 9, 27, 2001, 2012},
    {35, 9, 28, 2001, 2010}, {35, 9, 29, 2001, 2012}, {35, 9, 30, 2001, 2009}, {35, 9, 31, 2001, 2009},
    {35, 13, 1, 2001, 2012}, {35, 13, 2, 2001, 2009}, {35, 13, 3, 2001, 2007}, {35, 13, 4, 2001, 2010},
    {35, 13, 5, 2001, 2010}, {35, 13, 6, 2001, 2014}, {35, 13, 7, 2001, 2016}, {35, 13, 8, 2001, 2014},
    {35, 13, 9, 2001, 2019}, {35, 13, 10, 2001, 2017}, {35, 13, 11, 2001, 2013}, {35, 13, 12, 2001, 2020},
    {35, 13, 13, 2001, 2017}, {35, 13, 14, 1003, 1003}, {35, 13, 14, 1005, 1005}, {35, 13, 14, 1007, 1008},
    {35, 13, 14, 1017, 1017}, {35, 13, 14, 2001, 2002}, {35, 13, 14, 2004, 2004}, {35, 13, 14, 2006, 2006},
    {35, 13, 14, 2009, 2016}, {35, 13, 14, 2018, 2018}, {35, 13, 15, 2001, 2017}, {35, 13, 16, 2001, 2012},
    {35, 13, 17, 2001, 2018}, {35, 13, 18, 2001, 2013}, {35, 13, 19, 2001, 2014}, {35, 13, 20, 2001, 2012},
    {35, 13, 21, 2001, 2013}, {35, 13, 22, 2001, 2011}, {35, 13, 23, 2001, 2014}, {35, 13, 24, 2001, 2010},
    {53, 6, 1, 2001, 2003}, {53, 6, 1, 2007, 2009}, {53, 6, 1, 2011, 2014}, {53, 6, 1, 2021, 2021},
    {53, 6, 2, 2001, 2014}, {53, 6, 3, 1001, 1014}, {53, 6, 3, 1021, 1024}, {53, 6, 3, 2019, 2020},
    {53, 6, 4, 2001, 2008}, {53, 6, 5, 2006, 2013}, {53, 6, 5, 2015, 2018}, {53, 6, 5, 2020, 2023},
    {53, 6, 6, 1001, 1001}, {53, 6, 6, 2002, 2005}, {53, 6, 6, 2007, 2009}, {53, 6, 6, 2012, 2015},
    {53, 6, 6, 2017, 2017}, {53, 6, 6, 2019, 2020}, {53, 6, 7, 2002, 2014}, {53, 6, 7, 2016, 2019},
    {53, 6, 8, 2008, 2008}, {53, 6, 8, 2010, 2017}, {53, 6, 8, 2019, 2019}, {53, 6, 8, 2021, 2021},
    {53, 6, 8, 2024, 2024}, {53, 6, 8, 2026, 2026}, {53, 6, 8, 2030, 2030}, {53, 6, 8, 2032, 2033},
    {53, 6, 8, 2035, 2036}, {53, 6, 9, 2001, 2009}, {53, 6, 9, 2011, 2013}, {53, 6, 10, 1001, 1002},
    {53, 6, 10, 2003, 2021}, {53, 6, 11, 2001, 2010}, {53, 6, 11, 2012, 2012}, {53, 6, 11, 2019, 2019},
    {53, 6, 12, 2001, 2016}, {53, 6, 13, 2001, 2021}, {53, 6, 14, 2001, 2007}, {53, 6, 15, 2001, 2007},
    {53, 6, 16, 2001, 2007}, {53, 6, 17, 2001, 2008}, {53, 6, 18, 2001, 2013}, {53, 6, 19, 2001, 2007},
    {64, 74, 1, 1001, 1006}, {64, 74, 2, 1001, 1006}, {64, 74, 3, 1001, 1003},
    /* clang-format on */
};
#define RUNS (sizeof(runs) / sizeof(runs[0]))

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

static bool is_of(const struct run *run, const struct bp_place *p)
{
    return run->province == p->province && run->regency == p->regency;
}

static unsigned villages_of(const struct bp_place *p)
{
    unsigned n = 0;
    for (size_t i = 0; i < RUNS; i++)
        if (is_of(&runs[i], p))
            n += runs[i].last - runs[i].first + 1u;
    return n;
}

static void format_village(const struct bp_place *p, unsigned district, unsigned village,
                           char out[14])
{
    snprintf(out, 14, "%s.%02u.%04u", p->code, district % 100, village % 10000);
}

void bp_place_village(const struct bp_place *p, struct bp_prng *r, char out[14])
{
    unsigned n = villages_of(p);
    if (n == 0) {
        unsigned kind = p->regency > 70 ? 1000 : 2000;
        format_village(p, bp_prng_between(r, 1, 12), kind + bp_prng_between(r, 1, 10), out);
        return;
    }
    unsigned left = bp_prng_below(r, n);
    for (size_t i = 0; i < RUNS; i++) {
        if (!is_of(&runs[i], p))
            continue;
        unsigned here = runs[i].last - runs[i].first + 1u;
        if (left < here) {
            format_village(p, runs[i].district, runs[i].first + left, out);
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

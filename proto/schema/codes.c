/* Region codes packed into numbers, and the tables of known codes as flags indexed by the code
 * itself, so that a check is one load. The tables come out of proto/codes at build time. */
#include "codes.h"

#include "codes_tables.h"

/* Where each part of a region stands in its number, and how wide it is. */
enum {
    LEVEL_SHIFT = 57,
    PROVINCE_SHIFT = 50,
    REGENCY_SHIFT = 43,
    DISTRICT_SHIFT = 36,
    VILLAGE_SHIFT = 22
};
#define PART_MASK UINT64_C(0x7f)
#define VILLAGE_MASK UINT64_C(0x3fff)

#define PROVINCE_FLAG(code) [(code)-100] = true,
#define REGENCY_FLAG(code) [(code)-10000] = true,
#define COUNTRY_FLAG(a, b) [((a) - 'A') * 26 + (b) - 'A'] = true,
#define CURRENCY_FLAG(a, b, c) [(((a) - 'A') * 26 + (b) - 'A') * 26 + (c) - 'A'] = true,

static const bool provinces[100] = {PROVINCE_CODES(PROVINCE_FLAG)};
static const bool regencies[10000] = {REGENCY_CODES(REGENCY_FLAG)};
static const bool countries[26 * 26] = {COUNTRY_CODES(COUNTRY_FLAG)};
static const bool currencies[26 * 26 * 26] = {CURRENCY_CODES(CURRENCY_FLAG)};

/* Reads n digits; false if one is none. */
static bool digits(const char *p, size_t n, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(p[i] - '0');
    }
    *out = value;
    return true;
}

/* A part of two digits behind a dot (the first has none) added at its place; no part is 00. */
static bool add_part(const char *p, bool dotted, unsigned shift, bp_region *region)
{
    uint64_t part;
    if (dotted && *p++ != '.')
        return false;
    if (!digits(p, 2, &part) || part == 0)
        return false;
    *region |= part << shift;
    return true;
}

static bool add_village(const char *p, bp_region *region)
{
    uint64_t number;
    if (p[0] != '.' || p[1] < '1' || p[1] > '3' || !digits(p + 1, 4, &number))
        return false;
    *region |= number << VILLAGE_SHIFT;
    return true;
}

bool bp_region_parse_shape(struct bp_str code, bp_region *out)
{
    static const unsigned char levels[14] = {[2] = 1, [5] = 2, [8] = 3, [13] = 4};
    if (code.n == 0 || bp_str_eq(code, BP_STR("ID"))) {
        *out = 0;
        return true;
    }
    unsigned level = code.n < sizeof(levels) ? levels[code.n] : 0;
    if (level == 0)
        return false;
    bp_region region = (bp_region)level << LEVEL_SHIFT;
    if (!add_part(code.p, false, PROVINCE_SHIFT, &region))
        return false;
    if (level >= 2 && !add_part(code.p + 2, true, REGENCY_SHIFT, &region))
        return false;
    if (level >= 3 && !add_part(code.p + 5, true, DISTRICT_SHIFT, &region))
        return false;
    if (level >= 4 && !add_village(code.p + 8, &region))
        return false;
    *out = region;
    return true;
}

static unsigned part(bp_region region, unsigned shift)
{
    return (unsigned)(region >> shift & PART_MASK);
}

bool bp_region_parse(struct bp_str code, bp_region *out)
{
    bp_region region;
    if (!bp_region_parse_shape(code, &region))
        return false;
    unsigned level = bp_region_level(region);
    unsigned province = part(region, PROVINCE_SHIFT);
    if (level >= 1 && !provinces[province])
        return false;
    if (level >= 2 && !regencies[province * 100 + part(region, REGENCY_SHIFT)])
        return false;
    *out = region;
    return true;
}

static char *put_digits(char *p, unsigned value, size_t n)
{
    for (size_t i = n; i-- > 0; value /= 10)
        p[i] = (char)('0' + value % 10);
    return p + n;
}

size_t bp_region_format(bp_region region, char out[14])
{
    unsigned level = bp_region_level(region);
    char *p = out;
    if (level >= 1)
        p = put_digits(p, part(region, PROVINCE_SHIFT), 2);
    for (unsigned i = 2; i <= level && i <= 3; i++) {
        *p++ = '.';
        p = put_digits(p, part(region, i == 2 ? REGENCY_SHIFT : DISTRICT_SHIFT), 2);
    }
    if (level >= 4) {
        *p++ = '.';
        p = put_digits(p, (unsigned)(region >> VILLAGE_SHIFT & VILLAGE_MASK), 4);
    }
    *p = '\0';
    return (size_t)(p - out);
}

unsigned bp_region_level(bp_region region)
{
    return (unsigned)(region >> LEVEL_SHIFT);
}

/* The bits that the parts of a region of this level take, its level's own left out. */
static bp_region parts_mask(unsigned level)
{
    static const unsigned char lowest[5] = {LEVEL_SHIFT, PROVINCE_SHIFT, REGENCY_SHIFT,
                                            DISTRICT_SHIFT, VILLAGE_SHIFT};
    bp_region below_level = (UINT64_C(1) << LEVEL_SHIFT) - 1;
    return level < 5 ? below_level & ~((UINT64_C(1) << lowest[level]) - 1) : below_level;
}

bool bp_region_within(bp_region inner, bp_region outer)
{
    unsigned level = bp_region_level(outer);
    return bp_region_level(inner) >= level && ((inner ^ outer) & parts_mask(level)) == 0;
}

bp_region bp_region_to_district(bp_region region)
{
    if (bp_region_level(region) <= 3)
        return region;
    return (region & parts_mask(3)) | UINT64_C(3) << LEVEL_SHIFT;
}

/* Index of n capital letters in a table of that many; false if one is none. */
static bool letters(struct bp_str code, size_t n, size_t *out)
{
    size_t index = 0;
    if (code.n != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (code.p[i] < 'A' || code.p[i] > 'Z')
            return false;
        index = index * 26 + (size_t)(code.p[i] - 'A');
    }
    *out = index;
    return true;
}

bool bp_country_is_known(struct bp_str alpha2)
{
    size_t index;
    return letters(alpha2, 2, &index) && countries[index];
}

bool bp_currency_is_known(struct bp_str alpha3)
{
    size_t index;
    return letters(alpha3, 3, &index) && currencies[index];
}

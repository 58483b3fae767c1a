/* One function for each format, and a table of them. */
#include "formats.h"

#include "berbagi/v1/annotations.pb-c.h"
#include "clock.h"
#include "codes.h"
#include "validate.h"

#define EMAIL_MAX 254 /* RFC 5321 section 4.5.3.1, path without its brackets */
#define EMAIL_LOCAL_MAX 64
#define HOST_MAX 253
#define LABEL_MAX 63

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool are_digits(struct bp_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!is_digit(s.p[i]))
            return false;
    }
    return s.n != 0;
}

static unsigned two_digits(const char *p)
{
    return (unsigned)(p[0] - '0') * 10 + (unsigned)(p[1] - '0');
}

/* Is it a day of some year that ends in these two digits? 00 stands for 2000, a leap year. */
static bool is_day_of_short_year(unsigned day, unsigned month, unsigned year)
{
    static const unsigned char days[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1)
        return false;
    return day <= days[month] + (month == 2 && year % 4 == 0 ? 1u : 0u);
}

bool bp_nik_region(struct bp_str digits, uint64_t *region)
{
    if (digits.n < 4)
        return false;
    const char code[5] = {digits.p[0], digits.p[1], '.', digits.p[2], digits.p[3]};
    return bp_region_parse(bp_str_of(code, sizeof(code)), region);
}

bool bp_nik_is_valid(struct bp_str digits)
{
    uint64_t region;
    if (digits.n != 16 || !are_digits(digits) || !bp_nik_region(digits, &region))
        return false;
    unsigned day = two_digits(digits.p + 6);
    if (day > 40)
        day -= 40; /* a woman's */
    if (!is_day_of_short_year(day, two_digits(digits.p + 8), two_digits(digits.p + 10)))
        return false;
    return memcmp(digits.p + 12, "0000", 4) != 0;
}

static bool is_region(struct bp_str s)
{
    bp_region region;
    return bp_region_parse(s, &region);
}

static bool is_date(struct bp_str s)
{
    bp_day day;
    return bp_day_parse(s, &day);
}

static bool is_phone(struct bp_str s)
{
    return s.n >= 9 && s.n <= 16 && s.p[0] == '+' && s.p[1] != '0' &&
           are_digits(bp_str_of(s.p + 1, s.n - 1));
}

/* Letters, digits and inner hyphens. */
static bool is_host_label(struct bp_str s)
{
    if (s.n == 0 || s.n > LABEL_MAX || s.p[0] == '-' || s.p[s.n - 1] == '-')
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (!is_letter(s.p[i]) && !is_digit(s.p[i]) && s.p[i] != '-')
            return false;
    }
    return true;
}

/* Two or more labels with dots between. */
static bool is_domain(struct bp_str s)
{
    size_t labels = 0, start = 0;
    if (s.n > HOST_MAX)
        return false;
    for (size_t i = 0; i <= s.n; i++) {
        if (i < s.n && s.p[i] != '.')
            continue;
        if (!is_host_label(bp_str_of(s.p + start, i - start)))
            return false;
        labels++;
        start = i + 1;
    }
    return labels >= 2;
}

/* RFC 5321's Dot-string: atoms with single dots between. */
static bool is_email_local(struct bp_str s)
{
    if (s.n == 0 || s.n > EMAIL_LOCAL_MAX || s.p[0] == '.' || s.p[s.n - 1] == '.')
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '.' && s.p[i - 1] == '.')
            return false;
        if (c == '\0' ||
            (!is_letter(c) && !is_digit(c) && strchr(".!#$%&'*+/=?^_`{|}~-", c) == NULL))
            return false;
    }
    return true;
}

static bool is_email(struct bp_str s)
{
    const char *at = s.n <= EMAIL_MAX ? memchr(s.p, '@', s.n) : NULL;
    if (at == NULL)
        return false;
    size_t local_n = (size_t)(at - s.p);
    return is_email_local(bp_str_of(s.p, local_n)) &&
           is_domain(bp_str_of(at + 1, s.n - local_n - 1));
}

/* Laxer than a mail domain: reported pages stand under names that no registry would give. */
static bool is_url_host(struct bp_str s)
{
    if (s.n == 0 || s.n > HOST_MAX || s.p[0] == '.' || s.p[0] == '-')
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (!is_letter(s.p[i]) && !is_digit(s.p[i]) && s.p[i] != '.' && s.p[i] != '-' &&
            s.p[i] != '_')
            return false;
    }
    return true;
}

/* Behind the scheme: a host, and maybe a port, in front of the first of "/?#"; no user name, which
 * serves to deceive. */
static bool is_authority(struct bp_str s)
{
    size_t n = 0;
    while (n < s.n && s.p[n] != '/' && s.p[n] != '?' && s.p[n] != '#')
        n++;
    const char *colon = n != 0 ? memchr(s.p, ':', n) : NULL;
    size_t host_n = colon != NULL ? (size_t)(colon - s.p) : n;
    if (colon != NULL && (n - host_n > 6 || !are_digits(bp_str_of(colon + 1, n - host_n - 1))))
        return false;
    return is_url_host(bp_str_of(s.p, host_n));
}

static bool is_url(struct bp_str s)
{
    size_t scheme_n;
    if (bp_str_starts(s, BP_STR("https://")))
        scheme_n = 8;
    else if (bp_str_starts(s, BP_STR("http://")))
        scheme_n = 7;
    else
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] > '~' || strchr("\"<>\\^`{|}", s.p[i]) != NULL)
            return false;
    }
    return is_authority(bp_str_of(s.p + scheme_n, s.n - scheme_n));
}

static bool is_passport(struct bp_str s)
{
    if (s.n < 6 || s.n > 9)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (!is_digit(s.p[i]) && !(s.p[i] >= 'A' && s.p[i] <= 'Z'))
            return false;
    }
    return true;
}

static bool is_occupation(struct bp_str s)
{
    return s.n == 4 && are_digits(s);
}

static bool is_period(struct bp_str s)
{
    if ((s.n != 4 && s.n != 7) || !are_digits(bp_str_of(s.p, 4)))
        return false;
    if (s.n == 4)
        return true;
    if (s.p[4] != '-')
        return false;
    if (s.p[5] == 'Q')
        return s.p[6] >= '1' && s.p[6] <= '4';
    if (!are_digits(bp_str_of(s.p + 5, 2)))
        return false;
    unsigned month = two_digits(s.p + 5);
    return month >= 1 && month <= 12;
}

static bool is_sha256(struct bp_str s)
{
    if (s.n != 71 || !bp_str_starts(s, BP_STR("sha256:")))
        return false;
    for (size_t i = 7; i < s.n; i++) {
        char c = s.p[i];
        if (!is_digit(c) && !(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F'))
            return false;
    }
    return true;
}

#define FORMAT(name) BERBAGI__V1__FORMAT__FORMAT_##name

static const struct {
    const char *name, *words;
    bool (*obeys)(struct bp_str value);
} formats[] = {
    [FORMAT(NIK)] = {"NIK", "16 digits with a known regency, a birth date and a serial number",
                     bp_nik_is_valid},
    [FORMAT(REGION)] = {"REGION", "a region code like 18, 18.07, 18.07.12 or 18.07.12.2003",
                        is_region},
    [FORMAT(COUNTRY)] = {"COUNTRY", "an assigned ISO 3166-1 code of two letters",
                         bp_country_is_known},
    [FORMAT(CURRENCY)] = {"CURRENCY", "an assigned ISO 4217 code of three letters",
                          bp_currency_is_known},
    [FORMAT(DATE)] = {"DATE", "a day that exists, as YYYY-MM-DD", is_date},
    [FORMAT(PHONE)] = {"PHONE", "a phone number in E.164 form: + and 8 to 15 digits", is_phone},
    [FORMAT(EMAIL)] = {"EMAIL", "an e-mail address", is_email},
    [FORMAT(URL)] = {"URL", "an address that begins with https:// or http://", is_url},
    [FORMAT(AGENCY)] = {"AGENCY", "an agency in the registry", bp_agency_id_is_valid},
    [FORMAT(PASSPORT)] = {"PASSPORT", "6 to 9 capital letters or digits", is_passport},
    [FORMAT(OCCUPATION)] = {"OCCUPATION", "an ISCO-08 code of four digits", is_occupation},
    [FORMAT(PERIOD)] = {"PERIOD", "a year, quarter or month as YYYY, YYYY-Qn or YYYY-MM",
                        is_period},
    [FORMAT(SHA256)] = {"SHA256", "sha256: and 64 hexadecimal digits", is_sha256},
};
#define FORMATS (int)(sizeof(formats) / sizeof(formats[0]))

bool bp_format_obeys(int format, struct bp_str value)
{
    if (format <= 0 || format >= FORMATS)
        return true;
    return formats[format].obeys(value);
}

const char *bp_format_name(int format)
{
    return format > 0 && format < FORMATS ? formats[format].name : "";
}

const char *bp_format_words(int format)
{
    return format > 0 && format < FORMATS ? formats[format].words : "";
}

/* Figures of the ministry (KP2MI, before BP2MI) as press and data sites quote them; each comment
 * names the report and its year. "Assumed" marks what no report gives: it is chosen so that the
 * known totals come out. */
#include "figures.h"

/* Placements 2024: BP2MI annual report 2024 (detik), the twenty largest, 99 % of the year. Women:
 * Hong Kong 99.7 % (2022); the others assumed so that three quarters in all are women, as in
 * Lampung's cumulative 75.5 %. Contracts of 24 or 36 months are usual; which country has which is
 * assumed. Work: house maid, caregiver, plantation and construction lead (SinPo 31 December 2024,
 * GoodStats on 2025); by country it is assumed. */
const struct bp_destination bp_destinations[] = {
    {"HK", 99773, 997, 24, "9111", "8322"}, {"TW", 84581, 738, 36, "5322", "9329"},
    {"MY", 51723, 520, 24, "9329", "9211"}, {"JP", 12720, 500, 36, "5321", "7223"},
    {"SG", 10819, 985, 24, "9111", "9313"}, {"KR", 10750, 80, 36, "9329", "6223"},
    {"SA", 7759, 880, 24, "9111", "8322"},  {"IT", 3535, 400, 24, "9211", "8350"},
    {"BN", 3183, 600, 24, "9111", "9313"},  {"TR", 2630, 800, 24, "5142", "5120"},
    {"PL", 1320, 350, 24, "8219", "7212"},  {"AE", 1244, 800, 24, "9111", "8322"},
    {"ZM", 857, 50, 24, "5120", "8342"},    {"QA", 783, 750, 24, "5131", "9313"},
    {"KW", 640, 850, 24, "9111", "8322"},   {"MV", 591, 600, 24, "5142", "5131"},
    {"PG", 456, 100, 24, "5120", "8342"},   {"HU", 427, 400, 24, "8219", "8219"},
    {"SK", 404, 350, 24, "8219", "7212"},   {"RO", 377, 400, 24, "9112", "9313"},
};
const size_t bp_n_destinations = sizeof(bp_destinations) / sizeof(bp_destinations[0]);

#define SHARES(name, ...)                                                                          \
    static const struct bp_share name##_items[] = {__VA_ARGS__};                                   \
    const struct bp_shares name = {name##_items, sizeof(name##_items) / sizeof(name##_items[0])}

/* Placements 2021: Tribun 2022. */
SHARES(bp_marital_shares, {"MARRIED", 31417}, {"SINGLE", 23015}, {"DIVORCED", 18193});

/* Placements 2020 or 2021: Tribun 2022 (printed for 2021; the sum fits 2020). */
SHARES(bp_education_shares, {"SMP", 44336}, {"SMA", 39450}, {"SD", 27907}, {"DIPLOMA", 929},
       {"BACHELOR", 546}, {"POSTGRADUATE", 6});

/* Placements January to October 2025 (beritaburuhmigran, 5 November 2025), both kinds of re-entry
 * together. Government to government (6398) is decided by destination: placement.c. */
SHARES(bp_scheme_shares, {"P_TO_P", 184494}, {"INDIVIDUAL", 26008}, {"RE_ENTRY", 19464});

/* Complaints of the first half of 2024: Databoks. */
SHARES(bp_complaint_shares, {"WANTS_TO_GO_HOME", 136}, {"WAGE_UNPAID", 85}, {"DEPORTED", 61},
       {"DEPARTURE_FAILED", 45}, {"DEATH", 41}, {"FRAUD", 32}, {"OTHER", 364});

/* Complaints from January to 5 December 2024: Kompas, 18 December 2024. */
SHARES(bp_procedural_shares, {"NONPROCEDURAL", 985}, {"PROCEDURAL", 265}, {"UNKNOWN", 212});

/* People protected in 2024: RMOL, 31 December 2024. */
SHARES(bp_protection_shares, {"MY", 11039}, {"SA", 1165}, {"AE", 565}, {"TH", 422}, {"SG", 340});

/* The ministry says "mostly on social media" (December 2025); the shares are assumed. */
SHARES(bp_platform_shares, {"facebook", 42}, {"tiktok", 18}, {"whatsapp", 15}, {"telegram", 10},
       {"instagram", 10}, {"website", 5});

uint32_t bp_placements_in(unsigned year, unsigned month)
{
    /* 2024: BP2MI, GoodStats, Databoks, Pikiran Rakyat. May and June (50753) and November and
     * December (47043) are known together and divided by days. */
    static const uint32_t month_2024[] = {27243, 23716, 28981, 29803, 25793, 24960,
                                          23397, 23197, 20436, 22865, 23136, 23907};
    /* In hundreds: Kompas (2022), BP2MI report 2024 (2023 as revised, 2024), GoodStats (2025);
     * other years as 2024. */
    uint32_t of_year = year == 2023 ? 2971 : year == 2025 ? 2969 : year == 2022 ? 2008 : 2974;
    return month_2024[month - 1] * of_year / 2974;
}

uint32_t bp_complaints_in(unsigned month)
{
    /* 2024: BP2MI and Databoks; April and June (228) are known together. */
    static const uint32_t month_2024[] = {114, 81, 115, 114, 226, 114, 115, 143, 134, 106, 96, 142};
    return month_2024[month - 1];
}

uint32_t bp_expected(enum bp_rate rate, uint32_t placements)
{
    static const struct {
        uint32_t count, of; /* so many for so many placements */
        uint32_t least;
    } rates[BP_RATES] = {
        [BP_RATE_COMPLAINTS] = {1500, 297434, 0},     /* 2024: Databoks */
        [BP_RATE_CASES] = {2, 100, 0},                /* assumed */
        [BP_RATE_DEATHS] = {16, 10000, 0},            /* 486 of 297434 in 2024: SinPo, RMOL */
        [BP_RATE_FAILED] = {3, 100, 0},               /* assumed */
        [BP_RATE_STATE_RETURNS] = {10568, 297434, 0}, /* 2024: SinPo, RMOL 31 December 2024 */
        [BP_RATE_PREVENTED] = {4191, 297434, 0},      /* the same */
        /* "over 300" in 2025 (ministry, December 2025); two dozen at least, so that a small set
         * shows what becomes of them */
        [BP_RATE_FRAUD_REPORTS] = {300, 296948, 24},
    };
    uint64_t n = ((uint64_t)placements * rates[rate].count + rates[rate].of / 2) / rates[rate].of;
    return n > rates[rate].least ? (uint32_t)n : rates[rate].least;
}

/* Assumed; one labour office promises verification in one to two days. */
const unsigned bp_stage_days[BP_STAGES] = {
    [BP_STAGE_VERIFIED] = 3,   [BP_STAGE_TRAINED] = 45,  [BP_STAGE_CERTIFIED] = 14,
    [BP_STAGE_DOCUMENTS] = 30, [BP_STAGE_CONTRACT] = 20, [BP_STAGE_ORIENTED] = 7,
    [BP_STAGE_CLEARED] = 3,    [BP_STAGE_DEPARTED] = 7,
};

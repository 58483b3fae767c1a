#include "person.h"

#include <stdio.h>
#include <string.h>

#define COUNT(list) (uint32_t)(sizeof(list) / sizeof((list)[0]))

static const char *const women[] = {
    "SITI",  "SRI",   "DEWI",  "NUR",    "RINA",  "YULI",  "EKA",   "TRI",     "WIWIN", "LINA",
    "ANI",   "RATNA", "SULIS", "ENDANG", "MARIA", "INDAH", "FITRI", "NURUL",   "TITIK", "PUTRI",
    "AYU",   "WATI",  "LILIS", "SUSI",   "DIAN",  "MEGA",  "NOVI",  "RETNO",   "UMI",   "ERNA",
    "MURNI", "YANTI", "SARI",  "ELI",    "DESI",  "TUTI",  "IDA",   "KARTINI", "RINI",  "WULAN"};
static const char *const women_second[] = {
    "LESTARI",  "WAHYUNI", "HANDAYANI", "RAHAYU",    "ASTUTI",  "MULYANI",    "SUSANTI",
    "FITRIANI", "NINGSIH", "SETIAWATI", "PUSPITA",   "HASANAH", "KHOTIMAH",   "ROHMAH",
    "AMINAH",   "SAFITRI", "ANGGRAINI", "KURNIASIH", "MARYATI", "UTAMI",      "SUHARTINI",
    "PERMATA",  "YULIANA", "MAISAROH",  "ZUBAIDAH",  "HARTATI", "WIDIASTUTI", "SUMARNI"};
static const char *const men[] = {"AGUS",   "BUDI",   "EKO",    "DEDI",   "HERI",     "JOKO",
                                  "SLAMET", "WAHYU",  "ANDI",   "RUDI",   "YUDI",     "AHMAD",
                                  "DWI",    "TRI",    "SUGENG", "HENDRA", "IMAM",     "ARIF",
                                  "FAJAR",  "BAYU",   "RIZKI",  "DANI",   "SUTRISNO", "MUHAMMAD",
                                  "ALI",    "NANANG", "ROHMAN", "TEGUH",  "WAWAN",    "YANTO"};
static const char *const men_second[] = {
    "SAPUTRA", "PRASETYO",  "WIBOWO",     "SETIAWAN", "NUGROHO", "SANTOSO",   "KURNIAWAN",
    "HIDAYAT", "SUSANTO",   "PRATAMA",    "RAMADHAN", "GUNAWAN", "SUPRIYADI", "MAULANA",
    "PURNOMO", "SYAHPUTRA", "FIRMANSYAH", "HARTONO",  "WIJAYA",  "MUSTOFA",   "ABIDIN",
    "SUWANDI", "ISKANDAR",  "HARIANTO",   "SUPRAPTO", "FAUZI"};

#define YOUNGEST 17
#define OLDEST 60
#define SERIAL_MAX 9999

bp_status bp_people_init(struct bp_people *p, const struct bp_place *place, struct bp_prng *prng,
                         bp_day first, bp_day last)
{
    bp_day from = first - (OLDEST + 1) * 366, until = last - YOUNGEST * 365;
    *p = (struct bp_people){.place = place, .prng = prng, .first_birth = from};
    p->births = (size_t)(until - from) + 1;
    p->serials = calloc(p->births * 2, sizeof(*p->serials));
    return p->serials != NULL ? BP_OK : BP_ENOMEM;
}

void bp_people_fini(struct bp_people *p)
{
    free(p->serials);
    p->serials = NULL;
}

void bp_name_make(struct bp_prng *r, bool is_woman, char *out, size_t size)
{
    const char *given =
        is_woman ? women[bp_prng_below(r, COUNT(women))] : men[bp_prng_below(r, COUNT(men))];
    const char *second = is_woman ? women_second[bp_prng_below(r, COUNT(women_second))]
                                  : men_second[bp_prng_below(r, COUNT(men_second))];
    snprintf(out, size, "%s %s", given, second);
}

/* A birthday with a serial left, and that serial. */
static bp_day draw_birth(struct bp_people *p, bool is_woman, bp_day on, unsigned youngest,
                         unsigned oldest, unsigned *serial)
{
    uint32_t days = (oldest - youngest + 1) * 365 - 1;
    for (;;) {
        bp_day born = on - (bp_day)(youngest * 366 + bp_prng_below(p->prng, days));
        uint16_t *last = &p->serials[(size_t)(born - p->first_birth) * 2 + is_woman];
        if (*last < SERIAL_MAX) {
            *serial = ++*last;
            return born;
        }
    }
}

void bp_people_make(struct bp_people *p, bool is_woman, bp_day on, unsigned youngest,
                    unsigned oldest, struct bp_person *out)
{
    BP_ASSERT(youngest >= YOUNGEST && youngest <= oldest && oldest <= OLDEST);
    unsigned serial;
    out->is_woman = is_woman;
    out->number = ++p->n;
    out->born = draw_birth(p, is_woman, on, youngest, oldest, &serial);
    struct bp_civil c = bp_civil_of(out->born);
    snprintf(out->nik, sizeof(out->nik), "%02u%02u99%02u%02u%02u%04u", p->place->province % 100,
             p->place->regency % 100, (c.day + (is_woman ? 40 : 0)) % 100, c.month % 100,
             c.year % 100, serial % 10000);
    bp_name_make(p->prng, is_woman, out->name, sizeof(out->name));
    bp_place_village(p->place, p->prng, out->village);
}

void bp_person_phone(const struct bp_person *p, unsigned which, char out[17])
{
    snprintf(out, 17, "+6281200%06u", (p->number * 2 + which) % 1000000);
}

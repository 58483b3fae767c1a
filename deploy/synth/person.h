/* People who do not exist. Their identity numbers carry the district part 99, which no district of
 * the country has, so a number belongs to nobody and still passes every check up to the regency;
 * their phones and mail addresses lead nowhere. */
#ifndef BERBAGI_SYNTH_PERSON_H
#define BERBAGI_SYNTH_PERSON_H

#include "calendar.h"
#include "places.h"

struct bp_person {
    char nik[17];
    char name[60];
    char village[14];
    bool is_woman;
    bp_day born;
    uint32_t number; /* from 1, of the run */
};

struct bp_people {
    const struct bp_place *place;
    struct bp_prng *prng;
    bp_day first_birth;
    size_t births;     /* days on which somebody may be born */
    uint16_t *serials; /* last given for each day and sex */
    uint32_t n;
};

/* People who are 17 to 60 on any day from first to last. place and prng are borrowed. BP_ENOMEM. */
BP_MUST_USE bp_status bp_people_init(struct bp_people *p, const struct bp_place *place,
                                     struct bp_prng *prng, bp_day first, bp_day last);
void bp_people_fini(struct bp_people *p);

/* Somebody nobody has met, who is `youngest` to `oldest` years old on that day; within 17 and 60.
 */
void bp_people_make(struct bp_people *p, bool is_woman, bp_day on, unsigned youngest,
                    unsigned oldest, struct bp_person *out);

/* A name alone, for a relative. */
void bp_name_make(struct bp_prng *r, bool is_woman, char *out, size_t size);

/* A mobile number of a range that is not in use here; which = 0 the person's, 1 the family's. */
void bp_person_phone(const struct bp_person *p, unsigned which, char out[17]);

#endif

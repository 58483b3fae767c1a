/* Direct-mapped by the digest's first bytes. */
#include "verdicts.h"

#include <pthread.h>
#include <stdlib.h>

#define PLACES 1024u

struct verdict {
    uint8_t digest[BP_SHA256_BYTES];
    int64_t from_ns, until_ns; /* from > until: the place is empty */
};

struct bp_verdicts {
    pthread_mutex_t lock; /* guards places; a leaf */
    struct verdict places[PLACES];
};

struct bp_verdicts *bp_verdicts_create(void)
{
    struct bp_verdicts *v = calloc(1, sizeof(*v));
    if (v == NULL)
        return NULL;
    pthread_mutex_init(&v->lock, NULL);
    for (size_t i = 0; i < PLACES; i++)
        v->places[i].from_ns = 1;
    return v;
}

void bp_verdicts_destroy(struct bp_verdicts *v)
{
    if (v == NULL)
        return;
    pthread_mutex_destroy(&v->lock);
    free(v);
}

static struct verdict *place_of_locked(struct bp_verdicts *v, const uint8_t *digest)
{
    return &v->places[(((unsigned)digest[0] << 8) | digest[1]) % PLACES];
}

bool bp_verdicts_holds(struct bp_verdicts *v, const uint8_t digest[BP_SHA256_BYTES], int64_t now_ns)
{
    bool holds;
    pthread_mutex_lock(&v->lock);
    const struct verdict *place = place_of_locked(v, digest);
    holds = place->from_ns <= now_ns && now_ns <= place->until_ns &&
            memcmp(place->digest, digest, BP_SHA256_BYTES) == 0;
    pthread_mutex_unlock(&v->lock);
    return holds;
}

void bp_verdicts_keep(struct bp_verdicts *v, const uint8_t digest[BP_SHA256_BYTES], int64_t from_ns,
                      int64_t until_ns)
{
    pthread_mutex_lock(&v->lock);
    struct verdict *place = place_of_locked(v, digest);
    memcpy(place->digest, digest, BP_SHA256_BYTES);
    place->from_ns = from_ns;
    place->until_ns = until_ns;
    pthread_mutex_unlock(&v->lock);
}

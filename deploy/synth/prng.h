/* The one source of chance: xoshiro256** (Blackman and Vigna, public domain), seeded by splitmix64.
 * The same seed gives the same numbers on every machine; nothing here uses floating point. One
 * thread. */
#ifndef BERBAGI_SYNTH_PRNG_H
#define BERBAGI_SYNTH_PRNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bp_prng {
    uint64_t s[4];
};

void bp_prng_init(struct bp_prng *r, uint64_t seed);
uint64_t bp_prng_next(struct bp_prng *r);

/* 0 to n - 1, each as likely; n at least 1. */
uint32_t bp_prng_below(struct bp_prng *r, uint32_t n);

/* least to most, both included; least <= most. */
uint32_t bp_prng_between(struct bp_prng *r, uint32_t least, uint32_t most);

/* True in share of `of` draws; of at least 1. */
bool bp_prng_chance(struct bp_prng *r, uint32_t share, uint32_t of);

/* An index below n, as likely as its weight; the weights add up to more than 0 and fit 32 bits. */
size_t bp_prng_pick(struct bp_prng *r, const uint32_t *weights, size_t n);

/* One well-mixed number of two: for values that belong to a thing and not to a moment of the run.
 */
uint64_t bp_mix(uint64_t a, uint64_t b);

#endif

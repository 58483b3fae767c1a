#include "prng.h"

#include "error.h"

#define GOLDEN UINT64_C(0x9E3779B97F4A7C15)

static uint64_t finish(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

uint64_t bp_mix(uint64_t a, uint64_t b)
{
    return finish(finish(a + GOLDEN) ^ (b * GOLDEN + GOLDEN));
}

void bp_prng_init(struct bp_prng *r, uint64_t seed)
{
    for (size_t i = 0; i < 4; i++) {
        seed += GOLDEN;
        r->s[i] = finish(seed);
    }
}

static uint64_t rotate(uint64_t x, unsigned by)
{
    return (x << by) | (x >> (64 - by));
}

uint64_t bp_prng_next(struct bp_prng *r)
{
    uint64_t *s = r->s;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

uint32_t bp_prng_below(struct bp_prng *r, uint32_t n)
{
    BP_ASSERT(n > 0);
    /* The numbers of the last, incomplete run of n are drawn again: no remainder is likelier. */
    uint32_t incomplete = (uint32_t)((UINT64_C(1) << 32) % n);
    uint32_t draw;
    do {
        draw = (uint32_t)(bp_prng_next(r) >> 32);
    } while (draw > UINT32_MAX - incomplete);
    return draw % n;
}

uint32_t bp_prng_between(struct bp_prng *r, uint32_t least, uint32_t most)
{
    return least + bp_prng_below(r, most - least + 1);
}

bool bp_prng_chance(struct bp_prng *r, uint32_t share, uint32_t of)
{
    return bp_prng_below(r, of) < share;
}

size_t bp_prng_pick(struct bp_prng *r, const uint32_t *weights, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += weights[i];
    uint32_t draw = bp_prng_below(r, sum);
    size_t i = 0;
    while (draw >= weights[i])
        draw -= weights[i++];
    return i;
}

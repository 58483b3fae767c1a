#include "crc32c.h"

#include <pthread.h>
#include <string.h>

#define POLYNOMIAL 0x82F63B78u /* reflected */

static uint32_t table[8][256];

static void make_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (POLYNOMIAL & (0u - (crc & 1)));
        table[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++) {
        for (int k = 1; k < 8; k++)
            table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 0xFF];
    }
}

/* Eight bytes a step (slicing by eight). */
static uint32_t by_table(uint32_t crc, const uint8_t *p, size_t n)
{
    for (; n >= 8; n -= 8, p += 8) {
        crc ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        crc = table[7][crc & 0xFF] ^ table[6][crc >> 8 & 0xFF] ^ table[5][crc >> 16 & 0xFF] ^
              table[4][crc >> 24] ^ table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^
              table[0][p[7]];
    }
    for (; n != 0; n--, p++)
        crc = crc >> 8 ^ table[0][(crc ^ *p) & 0xFF];
    return crc;
}

#if defined(__x86_64__)
/* The instruction takes three cycles and can be begun in each, so long texts are taken in three
 * lanes at once. What the lanes behind it do to the sum of one is linear in its four bytes. */
#define LANE 128u
static uint32_t behind_lane[4][256];

static uint64_t word_at(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    return word;
}

__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *p,
                                                                 size_t n)
{
    uint64_t wide = crc;
    for (; n >= 8; n -= 8, p += 8)
        wide = __builtin_ia32_crc32di(wide, word_at(p));
    crc = (uint32_t)wide;
    for (; n != 0; n--, p++)
        crc = __builtin_ia32_crc32qi(crc, *p);
    return crc;
}

static void make_lanes(void)
{
    static const uint8_t zeros[LANE];
    for (unsigned byte = 0; byte < 4; byte++) {
        for (uint32_t i = 0; i < 256; i++)
            behind_lane[byte][i] = by_instruction(i << 8 * byte, zeros, LANE);
    }
}

static uint32_t pass_lane(uint32_t crc)
{
    return behind_lane[0][crc & 0xFF] ^ behind_lane[1][crc >> 8 & 0xFF] ^
           behind_lane[2][crc >> 16 & 0xFF] ^ behind_lane[3][crc >> 24];
}

__attribute__((target("sse4.2"))) static uint32_t by_lanes(uint32_t crc, const uint8_t *p, size_t n)
{
    for (; n >= 3 * LANE; n -= 3 * LANE, p += 3 * LANE) {
        uint64_t a = crc, b = 0, c = 0;
        for (size_t i = 0; i < LANE; i += 8) {
            a = __builtin_ia32_crc32di(a, word_at(p + i));
            b = __builtin_ia32_crc32di(b, word_at(p + LANE + i));
            c = __builtin_ia32_crc32di(c, word_at(p + 2 * LANE + i));
        }
        crc = pass_lane(pass_lane((uint32_t)a) ^ (uint32_t)b) ^ (uint32_t)c;
    }
    return by_instruction(crc, p, n);
}
#endif

static uint32_t (*update)(uint32_t crc, const uint8_t *p, size_t n);

static void choose(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) {
        make_lanes();
        update = by_lanes;
        return;
    }
#endif
    make_table();
    update = by_table;
}

uint32_t bp_crc32c(uint32_t crc, const void *p, size_t n)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, choose);
    return ~update(~crc, p, n);
}

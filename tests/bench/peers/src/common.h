/* Shared by all the bench clients: clock, events, latency samples, JSON output. */
#ifndef PEERS_COMMON_H
#define PEERS_COMMON_H
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define EV_SIZE 300 /* bytes of one event: seq u64, send time u64, 284 pseudo-random bytes */

static inline uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static inline void sleep_until(uint64_t ns)
{
    struct timespec t = {(time_t)(ns / 1000000000ull), (long)(ns % 1000000000ull)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0) {
    }
}

static inline uint64_t mix64(uint64_t *s)
{
    uint64_t z = (*s += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

static inline void ev_make(uint8_t *p, uint64_t seq, uint64_t ts)
{
    uint64_t s = seq * 0xd1342543de82ef95ull + 1, r;
    int i = 16;
    memcpy(p, &seq, 8);
    memcpy(p + 8, &ts, 8);
    for (; i + 8 <= EV_SIZE; i += 8) {
        r = mix64(&s);
        memcpy(p + i, &r, 8);
    }
    r = mix64(&s);
    memcpy(p + i, &r, (size_t)(EV_SIZE - i));
}

static inline uint64_t ev_seq(const void *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

static inline uint64_t ev_ts(const void *p)
{
    uint64_t v;
    memcpy(&v, (const uint8_t *)p + 8, 8);
    return v;
}

static inline int ev_ok(const void *p, size_t len)
{
    uint8_t b[EV_SIZE];
    if (len != EV_SIZE)
        return 0;
    ev_make(b, ev_seq(p), ev_ts(p));
    return memcmp(b, p, EV_SIZE) == 0;
}

/* Keys that no other run used: microseconds of real time, shifted. */
static inline uint64_t fresh_base(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return ((uint64_t)t.tv_sec * 1000000ull + (uint64_t)t.tv_nsec / 1000) << 8;
}

struct lat {
    uint64_t *v;
    size_t n, cap;
};

static inline void lat_add(struct lat *l, uint64_t ns)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 4096;
        l->v = (uint64_t *)realloc(l->v, l->cap * sizeof *l->v);
        if (!l->v)
            abort();
    }
    l->v[l->n++] = ns;
}

static inline void lat_merge(struct lat *to, const struct lat *from)
{
    for (size_t i = 0; i < from->n; i++)
        lat_add(to, from->v[i]);
}

static int lat_cmp(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static inline double lat_us(const struct lat *l, double q) /* l sorted */
{
    if (!l->n)
        return -1;
    size_t i = (size_t)(q * (double)(l->n - 1) + 0.5);
    return (double)l->v[i] / 1000.0;
}

static inline void out_lat(uint64_t n, double secs, struct lat *l)
{
    qsort(l->v, l->n, sizeof *l->v, lat_cmp);
    printf("{\"n\":%llu,\"secs\":%.3f,\"rate\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%."
           "1f}\n",
           (unsigned long long)n, secs, (double)n / secs, lat_us(l, .5), lat_us(l, .99),
           lat_us(l, 1));
    fflush(stdout);
}

static inline void out_rate(uint64_t n, double secs)
{
    printf("{\"n\":%llu,\"secs\":%.3f,\"rate\":%.1f}\n", (unsigned long long)n, secs,
           (double)n / secs);
    fflush(stdout);
}

static inline void out_live(uint64_t sent, uint64_t want, double secs, struct lat *l)
{
    qsort(l->v, l->n, sizeof *l->v, lat_cmp);
    printf("{\"n\":%llu,\"sent\":%llu,\"missing\":%lld,\"secs\":%.3f,\"p50_us\":%.1f,\"p99_us\":%."
           "1f,\"max_us\":%.1f}\n",
           (unsigned long long)l->n, (unsigned long long)sent, (long long)want - (long long)l->n,
           secs, lat_us(l, .5), lat_us(l, .99), lat_us(l, 1));
    fflush(stdout);
}

static inline void die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why ? why : "");
    exit(1);
}

static inline const char *need_env(const char *k)
{
    const char *v = getenv(k);
    if (!v || !*v)
        die("environment variable not set", k);
    return v;
}

/* $PEER_CERTS/NAME in a fresh string */
static inline char *cert_path(const char *name)
{
    const char *d = need_env("PEER_CERTS");
    size_t n = strlen(d) + strlen(name) + 2;
    char *s = (char *)malloc(n);
    if (!s)
        abort();
    snprintf(s, n, "%s/%s", d, name);
    return s;
}

/* 1: leave the client certificate out, to show that the server refuses it */
static inline int no_cert(void)
{
    const char *v = getenv("PEER_NOCERT");
    return v && *v == '1';
}

/* An event source: a file of EV_SIZE records, or generated sequence numbers. */
struct src {
    const uint8_t *map;
    uint64_t from, n;
};

static inline struct src src_file(const char *path)
{
    struct src s = {NULL, 0, 0};
    struct stat st;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &st) != 0)
        die(path, "cannot open");
    s.n = (uint64_t)st.st_size / EV_SIZE;
    s.map = (const uint8_t *)mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE,
                                  fd, 0);
    if (s.map == MAP_FAILED)
        die(path, "cannot map");
    close(fd);
    return s;
}

static inline const uint8_t *src_get(const struct src *s, uint64_t i, uint8_t *buf)
{
    if (s->map)
        return s->map + i * EV_SIZE;
    ev_make(buf, s->from + i, 0);
    return buf;
}

/* Checks of a replay: every sequence number 1..n exactly once, content sampled. */
struct replay {
    uint64_t n, sum, bad;
};

static inline void replay_add(struct replay *r, const void *p, size_t len)
{
    r->n++;
    if (len != EV_SIZE) {
        r->bad++;
        return;
    }
    r->sum += ev_seq(p);
    if (r->n % 97 == 0 && !ev_ok(p, len))
        r->bad++;
}

static inline void replay_out(struct replay *r, uint64_t want, uint64_t t0)
{
    double secs = (double)(now_ns() - t0) / 1e9;
    if (r->bad || r->n != want || r->sum != want * (want + 1) / 2) {
        fprintf(stderr, "replay is wrong: %llu of %llu events, %llu bad\n",
                (unsigned long long)r->n, (unsigned long long)want, (unsigned long long)r->bad);
        exit(1);
    }
    out_rate(r->n, secs);
}
#endif

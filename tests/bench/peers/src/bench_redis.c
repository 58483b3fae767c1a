/* Redis Streams client: RESP over OpenSSL (Debian's hiredis 0.14 has no TLS).
   Verbs: ping, publish, bulk, fill, live, replay. */
#include "common.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>

struct rc {
    SSL *ssl;
    int fd;
    char *in;
    size_t pos, len, cap;
    char *out;
    size_t olen, ocap;
};

static SSL_CTX *ctx(void)
{
    static SSL_CTX *c;
    if (c)
        return c;
    c = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION);
    if (SSL_CTX_load_verify_locations(c, cert_path("ca.pem"), NULL) != 1)
        die("ca", ERR_error_string(ERR_get_error(), NULL));
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
    if (!no_cert() &&
        (SSL_CTX_use_certificate_chain_file(c, cert_path("client.pem")) != 1 ||
         SSL_CTX_use_PrivateKey_file(c, cert_path("client.key"), SSL_FILETYPE_PEM) != 1))
        die("client certificate", ERR_error_string(ERR_get_error(), NULL));
    SSL_CTX_set_mode(c, SSL_MODE_AUTO_RETRY);
    return c;
}

static struct rc *dial(void)
{
    struct rc *r = calloc(1, sizeof *r);
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)atoi(need_env("PEER_PORT")))};
    int one = 1;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    r->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(r->fd, (struct sockaddr *)&a, sizeof a) != 0)
        die("connect", strerror(errno));
    setsockopt(r->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    r->ssl = SSL_new(ctx());
    SSL_set_fd(r->ssl, r->fd);
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(r->ssl), "127.0.0.1");
    if (SSL_connect(r->ssl) != 1)
        die("tls", ERR_error_string(ERR_get_error(), NULL));
    r->cap = 1 << 16;
    r->in = malloc(r->cap);
    r->ocap = 1 << 16;
    r->out = malloc(r->ocap);
    return r;
}

static void fill_in(struct rc *r, size_t want) /* until `want` bytes lie at pos */
{
    while (r->len - r->pos < want) {
        if (r->pos && (r->cap - r->pos < want || r->pos == r->len)) {
            memmove(r->in, r->in + r->pos, r->len - r->pos);
            r->len -= r->pos;
            r->pos = 0;
        }
        if (r->cap - r->pos < want || r->len == r->cap) {
            r->cap = r->cap * 2 + want;
            r->in = realloc(r->in, r->cap);
        }
        int n = SSL_read(r->ssl, r->in + r->len, (int)(r->cap - r->len));
        if (n <= 0)
            die("read", ERR_error_string(ERR_get_error(), NULL));
        r->len += (size_t)n;
    }
}

static char *line(struct rc *r) /* one CRLF line, cut at CR */
{
    size_t off = 0;
    for (;;) {
        fill_in(r, off + 1);
        char *nl = memchr(r->in + r->pos + off, '\n', r->len - r->pos - off);
        if (nl) {
            char *s = r->in + r->pos;
            nl[-1] = 0;
            r->pos = (size_t)(nl - r->in) + 1;
            return s;
        }
        off = r->len - r->pos;
    }
}

/* One reply; every bulk string goes to f (may be NULL). Returns the array length or string length, -1: nil. */
static long reply(struct rc *r, void (*f)(void *, const char *, size_t), void *arg)
{
    char *s = line(r);
    long n;
    switch (s[0]) {
    case '-':
        die("redis", s);
        return 0;
    case '+':
    case ':':
        return 0;
    case '$':
        n = atol(s + 1);
        if (n >= 0) {
            fill_in(r, (size_t)n + 2);
            if (f)
                f(arg, r->in + r->pos, (size_t)n);
            r->pos += (size_t)n + 2;
        }
        return n;
    case '*':
        n = atol(s + 1);
        for (long i = 0; i < n; i++)
            reply(r, f, arg);
        return n;
    }
    die("redis protocol", s);
    return 0;
}

static void put(struct rc *r, const void *p, size_t n)
{
    if (r->olen + n > r->ocap) {
        r->ocap = r->ocap * 2 + n;
        r->out = realloc(r->out, r->ocap);
    }
    memcpy(r->out + r->olen, p, n);
    r->olen += n;
}

static void puts_(struct rc *r, const char *s)
{
    put(r, s, strlen(s));
}

static void flush(struct rc *r)
{
    size_t off = 0;
    while (off < r->olen) {
        int n = SSL_write(r->ssl, r->out + off, (int)(r->olen - off));
        if (n <= 0)
            die("write", ERR_error_string(ERR_get_error(), NULL));
        off += (size_t)n;
    }
    r->olen = 0;
}

static void xadd(struct rc *r, const uint8_t *ev)
{
    char h[128], k[24];
    int kl = snprintf(k, sizeof k, "%llu", (unsigned long long)ev_seq(ev));
    int n = snprintf(
        h, sizeof h,
        "*7\r\n$4\r\nXADD\r\n$2\r\nev\r\n$1\r\n*\r\n$1\r\nk\r\n$%d\r\n%s\r\n$1\r\nd\r\n$%d\r\n", kl,
        k, EV_SIZE);
    put(r, h, (size_t)n);
    put(r, ev, EV_SIZE);
    put(r, "\r\n", 2);
}

/* ---- publish: a thread per connection, `k` in flight each ---- */
struct pub {
    pthread_t t;
    struct rc *c;
    struct lat lat;
    int k;
};
static uint64_t g_deadline, g_base;
static atomic_ullong g_seq;

static void *pub_run(void *arg)
{
    struct pub *p = arg;
    uint64_t ring[4096], h = 0, t = 0;
    uint8_t b[EV_SIZE];
    int open = 0;
    for (;;) {
        uint64_t now = now_ns();
        if (now < g_deadline)
            while (open < p->k) {
                ev_make(b, g_base + atomic_fetch_add(&g_seq, 1), now);
                xadd(p->c, b);
                ring[h++ % 4096] = now;
                open++;
            }
        flush(p->c);
        if (!open)
            return NULL;
        do { /* the reply that we wait for, and all that came with it */
            reply(p->c, NULL, NULL);
            lat_add(&p->lat, now_ns() - ring[t++ % 4096]);
            open--;
        } while (open && p->c->pos < p->c->len);
    }
}

static void publish(double secs, int conns, int inflight)
{
    struct pub *ps = calloc((size_t)conns, sizeof *ps);
    struct lat all = {0};
    g_base = fresh_base();
    for (int i = 0; i < conns; i++) {
        ps[i].c = dial();
        ps[i].k = inflight / conns > 0 ? inflight / conns : 1;
    }
    uint64_t t0 = now_ns();
    g_deadline = t0 + (uint64_t)(secs * 1e9);
    for (int i = 0; i < conns; i++)
        pthread_create(&ps[i].t, NULL, pub_run, &ps[i]);
    for (int i = 0; i < conns; i++) {
        pthread_join(ps[i].t, NULL);
        lat_merge(&all, &ps[i].lat);
    }
    out_lat(all.n, (double)(now_ns() - t0) / 1e9, &all);
}

/* ---- bulk: MULTI .. EXEC of BATCH adds, a few batches in flight ---- */
static void bulk(struct src s)
{
    enum { BATCH = 512, WINDOW = 4 };
    struct rc *r = dial();
    uint8_t b[EV_SIZE];
    uint64_t sent = 0, open = 0, sizes[WINDOW + 1], hd = 0, tl = 0;
    uint64_t t0 = now_ns();
    while (sent < s.n || open) {
        if (sent < s.n && open < WINDOW) {
            uint64_t k = s.n - sent < BATCH ? s.n - sent : BATCH;
            puts_(r, "*1\r\n$5\r\nMULTI\r\n");
            for (uint64_t i = 0; i < k; i++)
                xadd(r, src_get(&s, sent + i, b));
            puts_(r, "*1\r\n$4\r\nEXEC\r\n");
            flush(r);
            sizes[hd++ % (WINDOW + 1)] = k;
            sent += k;
            open++;
            continue;
        }
        uint64_t k = sizes[tl++ % (WINDOW + 1)];
        for (uint64_t i = 0; i <= k; i++) /* +OK and k times +QUEUED */
            reply(r, NULL, NULL);
        if (reply(r, NULL, NULL) != (long)k)
            die("EXEC", "did not add the batch");
        open--;
    }
    out_rate(s.n, (double)(now_ns() - t0) / 1e9);
}

/* ---- readers ---- */
struct reader {
    pthread_t t;
    struct rc *c;
    struct lat lat;
    struct replay rep;
    char last[64];
    uint64_t now, want, got;
    int is_live;
};

static atomic_int g_ready;

static void on_bulk(void *arg, const char *p, size_t n)
{
    struct reader *r = arg;
    if (n == EV_SIZE) {
        r->got++;
        if (r->is_live)
            lat_add(&r->lat, now_ns() - ev_ts(p));
        else
            replay_add(&r->rep, p, n);
    } else if (n < 40 && memchr(p, '-', n)) { /* an entry id */
        memcpy(r->last, p, n);
        r->last[n] = 0;
    }
}

static void xread(struct reader *r, int block, int count)
{
    char q[256];
    int n = block >= 0
                ? snprintf(q, sizeof q,
                           "*8\r\n$5\r\nXREAD\r\n$5\r\nCOUNT\r\n$%d\r\n%d\r\n$5\r\nBLOCK\r\n$4\r\n%"
                           "04d\r\n$7\r\n"
                           "STREAMS\r\n$2\r\nev\r\n$%zu\r\n%s\r\n",
                           snprintf(NULL, 0, "%d", count), count, block, strlen(r->last), r->last)
                : snprintf(q, sizeof q,
                           "*6\r\n$5\r\nXREAD\r\n$5\r\nCOUNT\r\n$%d\r\n%d\r\n$7\r\nSTREAMS\r\n$"
                           "2\r\nev\r\n$%zu\r\n%"
                           "s\r\n",
                           snprintf(NULL, 0, "%d", count), count, strlen(r->last), r->last);
    put(r->c, q, (size_t)n);
    flush(r->c);
    reply(r->c, on_bulk, r);
}

static uint64_t g_stop;

static void *live_run(void *arg)
{
    struct reader *r = arg;
    atomic_fetch_add(&g_ready, 1);
    while (r->got < r->want && now_ns() < g_stop)
        xread(r, 1000, 1000);
    return NULL;
}

static void live(double secs, int rate, int subs)
{
    struct reader *rs = calloc((size_t)subs, sizeof *rs);
    uint64_t n = (uint64_t)(secs * rate), base = fresh_base(), t0, open = 0, acked = 0;
    struct lat all = {0};
    struct rc *c = dial();
    uint8_t b[EV_SIZE];
    g_stop = now_ns() + (uint64_t)((secs + 6) * 1e9);
    for (int i = 0; i < subs; i++) {
        struct reader *r = &rs[i];
        r->c = dial();
        r->want = n;
        strcpy(r->last, "0-0");
        puts_(r->c, "*6\r\n$9\r\nXREVRANGE\r\n$2\r\nev\r\n$1\r\n+\r\n$1\r\n-\r\n$5\r\nCOUNT\r\n$"
                    "1\r\n1\r\n");
        flush(r->c);
        reply(r->c, on_bulk, r);
        r->got = 0;
        r->lat.n = 0;
        r->rep = (struct replay){0};
        r->is_live = 1;
        pthread_create(&r->t, NULL, live_run, r);
    }
    while (atomic_load(&g_ready) < subs)
        usleep(1000);
    usleep(200000);
    t0 = now_ns();
    for (uint64_t i = 0; i < n;) {
        uint64_t due = t0 + i * 1000000000ull / (uint64_t)rate, now = now_ns();
        if (now < due) {
            /* replies that are here already are taken; none is waited for */
            while (open && (c->pos < c->len || SSL_has_pending(c->ssl) ||
                            recv(c->fd, (char[1]){0}, 1, MSG_PEEK | MSG_DONTWAIT) == 1)) {
                reply(c, NULL, NULL);
                open--;
                acked++;
            }
            sleep_until(due);
            now = now_ns();
        }
        while (i < n && (due = t0 + i * 1000000000ull / (uint64_t)rate) <= now) {
            ev_make(b, base + i, due);
            xadd(c, b);
            open++;
            i++;
        }
        flush(c);
    }
    double took = (double)(now_ns() - t0) / 1e9;
    for (; open; open--, acked++)
        reply(c, NULL, NULL);
    for (int i = 0; i < subs; i++) {
        pthread_join(rs[i].t, NULL);
        lat_merge(&all, &rs[i].lat);
    }
    out_live(acked, n * (uint64_t)subs, took, &all);
}

static void replay(uint64_t n)
{
    struct reader r = {0};
    uint64_t t0 = now_ns(), before;
    r.c = dial();
    strcpy(r.last, "0-0");
    do {
        before = r.got;
        xread(&r, -1, 1000);
    } while (r.got > before && r.got < n);
    replay_out(&r.rep, n, t0);
}

int main(int argc, char **argv)
{
    const char *v = argc > 1 ? argv[1] : "";
    signal(SIGPIPE, SIG_IGN);
    if (!strcmp(v, "ping")) {
        struct rc *r = dial();
        puts_(r, "*1\r\n$4\r\nPING\r\n");
        flush(r);
        reply(r, NULL, NULL);
    } else if (!strcmp(v, "publish") && argc == 5)
        publish(atof(argv[2]), atoi(argv[3]), atoi(argv[4]));
    else if (!strcmp(v, "bulk") && argc == 3)
        bulk(src_file(argv[2]));
    else if (!strcmp(v, "fill") && argc == 4)
        bulk((struct src){NULL, strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10)});
    else if (!strcmp(v, "live") && argc == 5)
        live(atof(argv[2]), atoi(argv[3]), atoi(argv[4]));
    else if (!strcmp(v, "replay") && argc == 3)
        replay(strtoull(argv[2], NULL, 10));
    else
        die("usage", "ping | publish SECS CONNS INFLIGHT | bulk FILE | fill FROM N | live SECS "
                     "RATE SUBS | replay N");
    return 0;
}

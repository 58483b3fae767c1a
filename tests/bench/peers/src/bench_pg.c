/* PostgreSQL client on libpq. Verbs: ping, init, publish, bulk, fill, live, replay, sql. */
#include "common.h"
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

static PGconn *dial(void)
{
    char s[2048];
    snprintf(s, sizeof s,
             "host=127.0.0.1 port=%s dbname=postgres user=bench sslmode=verify-full sslrootcert=%s "
             "%s%s %s%s "
             "gssencmode=disable",
             need_env("PEER_PORT"), cert_path("ca.pem"),
             no_cert() ? "sslcert=/none" : "sslcert=", no_cert() ? "" : cert_path("client.pem"),
             no_cert() ? "sslkey=/none" : "sslkey=", no_cert() ? "" : cert_path("client.key"));
    PGconn *c = PQconnectdb(s);
    if (PQstatus(c) != CONNECTION_OK)
        die("connect", PQerrorMessage(c));
    return c;
}

static void done(PGconn *c, PGresult *r)
{
    ExecStatusType s = PQresultStatus(r);
    if (s != PGRES_COMMAND_OK && s != PGRES_TUPLES_OK && s != PGRES_PIPELINE_SYNC)
        die("postgres", PQerrorMessage(c));
    PQclear(r);
}

static void sql(PGconn *c, const char *q)
{
    done(c, PQexec(c, q));
}

static void prep(PGconn *c)
{
    done(c, PQprepare(c, "i", "INSERT INTO ev VALUES ($1::bigint, $2::bytea)", 2, NULL));
}

static const int g_len[2] = {8, EV_SIZE}, g_fmt[2] = {1, 1};

/* ---- publish: a thread per connection; one INSERT = one transaction; above 1 in flight per connection: pipeline mode,
   each INSERT with a Sync of its own, so that it still is a transaction of its own ---- */
struct pub {
    pthread_t t;
    PGconn *c;
    struct lat lat;
    int k;
};
static uint64_t g_deadline, g_base, g_stop;
static atomic_ullong g_seq;
static atomic_int g_ready;

static void *pub_run(void *arg)
{
    struct pub *p = arg;
    uint8_t b[EV_SIZE];
    uint64_t ring[256], head = 0, tail = 0, now;
    for (;;) {
        while ((now = now_ns()) < g_deadline && head - tail < (uint64_t)p->k) {
            uint64_t seq = g_base + atomic_fetch_add(&g_seq, 1), be = htobe64(seq);
            const char *v[2] = {(char *)&be, (char *)b};
            ev_make(b, seq, now);
            ring[head++ % 256] = now;
            if (p->k == 1)
                done(p->c, PQexecPrepared(p->c, "i", 2, v, g_len, g_fmt, 1));
            else if (PQsendQueryPrepared(p->c, "i", 2, v, g_len, g_fmt, 1) != 1 ||
                     PQpipelineSync(p->c) != 1)
                die("send", PQerrorMessage(p->c));
        }
        if (head == tail)
            return NULL;
        if (p->k > 1) {
            done(p->c, PQgetResult(p->c));
            PQgetResult(p->c);             /* NULL after the statement */
            done(p->c, PQgetResult(p->c)); /* the sync: this event is durable */
        }
        lat_add(&p->lat, now_ns() - ring[tail++ % 256]);
    }
}

static void publish(double secs, int conns, int inflight)
{
    struct pub *ps = calloc((size_t)conns, sizeof *ps);
    struct lat all = {0};
    g_base = fresh_base();
    for (int i = 0; i < conns; i++) {
        ps[i].c = dial();
        prep(ps[i].c);
        ps[i].k = inflight / conns > 1 ? inflight / conns : 1;
        if (ps[i].k > 1 && PQenterPipelineMode(ps[i].c) != 1)
            die("pipeline", PQerrorMessage(ps[i].c));
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

/* ---- bulk: one COPY in binary format ---- */
static void bulk(struct src s)
{
    PGconn *c = dial();
    uint8_t b[EV_SIZE], row[2 + 4 + 8 + 4 + EV_SIZE], *buf = malloc(1 << 16);
    size_t n = 0;
    uint64_t t0 = now_ns();
    PGresult *r = PQexec(c, "COPY ev FROM STDIN (FORMAT binary)");
    if (PQresultStatus(r) != PGRES_COPY_IN)
        die("copy", PQerrorMessage(c));
    PQclear(r);
    memcpy(buf, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
    n = 19;
    for (uint64_t i = 0; i < s.n; i++) {
        const uint8_t *e = src_get(&s, i, b);
        uint16_t two = htons(2);
        uint32_t l1 = htonl(8), l2 = htonl(EV_SIZE);
        uint64_t be = htobe64(ev_seq(e));
        memcpy(row, &two, 2);
        memcpy(row + 2, &l1, 4);
        memcpy(row + 6, &be, 8);
        memcpy(row + 14, &l2, 4);
        memcpy(row + 18, e, EV_SIZE);
        if (n + sizeof row > 1 << 16) {
            if (PQputCopyData(c, (char *)buf, (int)n) != 1)
                die("copy", PQerrorMessage(c));
            n = 0;
        }
        memcpy(buf + n, row, sizeof row);
        n += sizeof row;
    }
    if (PQputCopyData(c, (char *)buf, (int)n) != 1 || PQputCopyData(c, "\377\377", 2) != 1 ||
        PQputCopyEnd(c, NULL) != 1)
        die("copy", PQerrorMessage(c));
    done(c, PQgetResult(c));
    out_rate(s.n, (double)(now_ns() - t0) / 1e9);
}

/* ---- live: LISTEN, then SELECT what is above the last key seen. The LIMIT also keeps the planner on the index:
   without it the generic plan scans and sorts the table. ---- */
struct reader {
    pthread_t t;
    PGconn *c;
    struct lat lat;
    uint64_t want;
};

static void *live_run(void *arg)
{
    struct reader *r = arg;
    uint64_t last = g_base - 1, got = 0;
    int full = 0;
    sql(r->c, "LISTEN ev");
    done(r->c, PQprepare(r->c, "s",
                         "SELECT seq, d FROM ev WHERE seq > $1::bigint ORDER BY seq LIMIT 1000", 1,
                         NULL));
    atomic_fetch_add(&g_ready, 1);
    while (got < r->want && now_ns() < g_stop) {
        PGnotify *nf;
        int any = full;
        PQconsumeInput(r->c);
        while ((nf = PQnotifies(r->c))) {
            PQfreemem(nf);
            any = 1;
        }
        if (!any) {
            struct pollfd p = {PQsocket(r->c), POLLIN, 0};
            poll(&p, 1, 500);
            continue;
        }
        uint64_t be = htobe64(last);
        const char *v[1] = {(char *)&be};
        PGresult *q = PQexecPrepared(r->c, "s", 1, v, g_len, g_fmt, 1);
        uint64_t t = now_ns();
        if (PQresultStatus(q) != PGRES_TUPLES_OK)
            die("select", PQerrorMessage(r->c));
        int n = PQntuples(q);
        full = n == 1000;
        for (int i = 0; i < n; i++) {
            const char *e = PQgetvalue(q, i, 1);
            lat_add(&r->lat, t - ev_ts(e));
            last = ev_seq(e);
            got++;
        }
        PQclear(q);
    }
    return NULL;
}

static void live(double secs, int rate, int subs)
{
    struct reader *rs = calloc((size_t)subs, sizeof *rs);
    uint64_t n = (uint64_t)(secs * rate), t0;
    struct lat all = {0};
    PGconn *c = dial();
    uint8_t b[EV_SIZE];
    g_base = fresh_base();
    g_stop = now_ns() + (uint64_t)((secs + 6) * 1e9);
    prep(c);
    done(c, PQprepare(c, "n", "NOTIFY ev", 0, NULL));
    for (int i = 0; i < subs; i++) {
        rs[i].c = dial();
        rs[i].want = n;
        pthread_create(&rs[i].t, NULL, live_run, &rs[i]);
    }
    while (atomic_load(&g_ready) < subs)
        usleep(1000);
    usleep(200000);
    if (PQenterPipelineMode(c) != 1)
        die("pipeline", PQerrorMessage(c));
    t0 = now_ns();
    for (uint64_t i = 0; i < n;) { /* all that is due goes into one transaction */
        uint64_t due = t0 + i * 1000000000ull / (uint64_t)rate;
        int k = 0;
        if (now_ns() < due)
            sleep_until(due);
        uint64_t now = now_ns();
        while (i < n && (due = t0 + i * 1000000000ull / (uint64_t)rate) <= now) {
            uint64_t be = htobe64(g_base + i);
            ev_make(b, g_base + i, due);
            const char *v[2] = {(char *)&be, (char *)b};
            if (PQsendQueryPrepared(c, "i", 2, v, g_len, g_fmt, 1) != 1)
                die("send", PQerrorMessage(c));
            k++;
            i++;
        }
        PQsendQueryPrepared(c, "n", 0, NULL, NULL, NULL, 1);
        PQpipelineSync(c);
        for (int j = 0; j < k + 1; j++) {
            done(c, PQgetResult(c));
            PQgetResult(c); /* NULL between the statements */
        }
        done(c, PQgetResult(c)); /* the sync: the transaction is durable */
    }
    double took = (double)(now_ns() - t0) / 1e9;
    for (int i = 0; i < subs; i++) {
        pthread_join(rs[i].t, NULL);
        lat_merge(&all, &rs[i].lat);
    }
    out_live(n, n * (uint64_t)subs, took, &all);
}

/* ---- replay: COPY .. TO STDOUT in key order ---- */
static void replay(uint64_t n)
{
    struct replay rep = {0};
    uint64_t t0 = now_ns();
    PGconn *c = dial();
    PGresult *r = PQexec(c, "COPY (SELECT seq, d FROM ev ORDER BY seq) TO STDOUT (FORMAT binary)");
    char *buf;
    int len, first = 1;
    if (PQresultStatus(r) != PGRES_COPY_OUT)
        die("copy", PQerrorMessage(c));
    PQclear(r);
    while ((len = PQgetCopyData(c, &buf, 0)) > 0) {
        char *p = buf, *end = buf + len;
        if (first)
            p += 19;
        first = 0;
        while (end - p >= 2 + 4 + 8 + 4) {
            uint32_t l;
            memcpy(&l, p + 14, 4);
            l = ntohl(l);
            replay_add(&rep, p + 18, l);
            p += 18 + l;
        }
        PQfreemem(buf);
    }
    done(c, PQgetResult(c));
    replay_out(&rep, n, t0);
}

int main(int argc, char **argv)
{
    const char *v = argc > 1 ? argv[1] : "";
    if (!strcmp(v, "ping"))
        sql(dial(), "SELECT 1");
    else if (!strcmp(v, "init"))
        sql(dial(), "CREATE TABLE ev (seq bigint PRIMARY KEY, d bytea NOT NULL)");
    else if (!strcmp(v, "sql") && argc == 3)
        sql(dial(), argv[2]);
    else if (!strcmp(v, "publish") && argc == 5)
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
        die("usage", "ping | init | sql Q | publish SECS CONNS INFLIGHT | bulk FILE | fill FROM N "
                     "| live SECS RATE SUBS | replay N");
    return 0;
}

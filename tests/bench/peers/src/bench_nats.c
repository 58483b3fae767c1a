/* JetStream client on libnats. Verbs: init, publish, bulk, fill, live, replay, ping. */
#include "common.h"
#include <nats/nats.h>
#include <pthread.h>
#include <stdatomic.h>

static void ok(natsStatus s, const char *what)
{
    if (s != NATS_OK) {
        const char *e = nats_GetLastError(NULL);
        fprintf(stderr, "%s: %s %s\n", what, natsStatus_GetText(s), e ? e : "");
        exit(1);
    }
}

static natsConnection *dial(bool asap)
{
    natsOptions *o = NULL;
    natsConnection *nc = NULL;
    char url[64];
    snprintf(url, sizeof url, "tls://127.0.0.1:%s", need_env("PEER_PORT"));
    ok(natsOptions_Create(&o), "options");
    ok(natsOptions_SetURL(o, url), "url");
    ok(natsOptions_SetSecure(o, true), "secure");
    ok(natsOptions_LoadCATrustedCertificates(o, cert_path("ca.pem")), "ca");
    if (!no_cert())
        ok(natsOptions_LoadCertificatesChain(o, cert_path("client.pem"), cert_path("client.key")),
           "cert");
    ok(natsOptions_SetSendAsap(o, asap), "asap");
    ok(natsOptions_SetAllowReconnect(o, false), "reconnect");
    ok(natsConnection_Connect(&nc, o), "connect");
    natsOptions_Destroy(o);
    return nc;
}

static jsCtx *jetstream(natsConnection *nc, jsOptions *o)
{
    jsCtx *js = NULL;
    ok(natsConnection_JetStream(&js, nc, o), "jetstream");
    return js;
}

/* ---- publish: closed loop, `inflight` per connection, acks matched in order ---- */
#define MAXIN 4096
struct conn {
    natsConnection *nc;
    natsSubscription *sub;
    natsInbox *inbox;
    uint64_t sent[MAXIN];
    unsigned head, tail;
    pthread_mutex_t mu;
    struct lat lat;
    uint64_t acked;
    atomic_int open;
};
static uint64_t g_deadline, g_base;
static atomic_ullong g_seq;
static int g_inflight;

static void send_one(struct conn *c)
{
    uint8_t b[EV_SIZE];
    atomic_fetch_add(&c->open, 1);
    pthread_mutex_lock(&c->mu);
    uint64_t t = now_ns();
    ev_make(b, g_base + atomic_fetch_add(&g_seq, 1), t);
    c->sent[c->head++ % MAXIN] = t;
    ok(natsConnection_PublishRequest(c->nc, "ev", c->inbox, b, EV_SIZE), "publish");
    pthread_mutex_unlock(&c->mu);
}

static void on_ack(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *arg)
{
    struct conn *c = arg;
    uint64_t t = now_ns();
    (void)nc;
    (void)sub;
    if (!memmem(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg), "\"seq\"", 5))
        die("not acknowledged", natsMsg_GetData(msg));
    natsMsg_Destroy(msg);
    lat_add(&c->lat, t - c->sent[c->tail++ % MAXIN]);
    c->acked++;
    if (t < g_deadline)
        send_one(c);
    atomic_fetch_sub(&c->open, 1);
}

static void publish(double secs, int conns, int inflight)
{
    struct conn *cs = calloc((size_t)conns, sizeof *cs);
    struct lat all = {0};
    uint64_t n = 0, t0;
    g_inflight = inflight / conns > 0 ? inflight / conns : 1;
    g_base = fresh_base();
    for (int i = 0; i < conns; i++) {
        cs[i].nc = dial(true);
        pthread_mutex_init(&cs[i].mu, NULL);
        ok(natsInbox_Create(&cs[i].inbox), "inbox");
        ok(natsConnection_Subscribe(&cs[i].sub, cs[i].nc, cs[i].inbox, on_ack, &cs[i]),
           "subscribe");
        ok(natsConnection_Flush(cs[i].nc), "flush");
    }
    t0 = now_ns();
    g_deadline = t0 + (uint64_t)(secs * 1e9);
    for (int k = 0; k < g_inflight; k++)
        for (int i = 0; i < conns; i++)
            send_one(&cs[i]);
    for (int i = 0; i < conns; i++)
        while (atomic_load(&cs[i].open) > 0)
            usleep(1000);
    uint64_t t1 = now_ns();
    for (int i = 0; i < conns; i++) {
        lat_merge(&all, &cs[i].lat);
        n += cs[i].acked;
    }
    out_lat(n, (double)(t1 - t0) / 1e9, &all);
}

/* ---- bulk: js_PublishAsync with a window ---- */
static void pub_err(jsCtx *js, jsPubAckErr *e, void *arg)
{
    (void)js;
    (void)arg;
    die("not acknowledged", e->ErrText);
}

static void bulk(struct src s)
{
    natsConnection *nc = dial(false);
    jsOptions o;
    jsPubOptions po;
    uint8_t b[EV_SIZE];
    ok(jsOptions_Init(&o), "jsopts");
    o.PublishAsync.MaxPending = 2048;
    o.PublishAsync.StallWait = 20000;
    o.PublishAsync.ErrHandler = pub_err;
    jsCtx *js = jetstream(nc, &o);
    uint64_t t0 = now_ns();
    for (uint64_t i = 0; i < s.n; i++)
        ok(js_PublishAsync(js, "ev", src_get(&s, i, b), EV_SIZE, NULL), "publish");
    jsPubOptions_Init(&po);
    po.MaxWait = 30000;
    ok(js_PublishAsyncComplete(js, &po), "complete");
    out_rate(s.n, (double)(now_ns() - t0) / 1e9);
}

/* ---- subscribers ---- */
struct subr {
    natsConnection *nc;
    jsCtx *js;
    natsSubscription *sub;
    struct lat lat;
    struct replay rep;
    atomic_ullong got;
};

static void on_live(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *arg)
{
    struct subr *r = arg;
    uint64_t t = now_ns();
    (void)nc;
    (void)sub;
    lat_add(&r->lat, t - ev_ts(natsMsg_GetData(msg)));
    natsMsg_Destroy(msg);
    atomic_fetch_add(&r->got, 1);
}

static void on_ack_count(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *arg)
{
    (void)nc;
    (void)sub;
    natsMsg_Destroy(msg);
    atomic_fetch_add((atomic_ullong *)arg, 1);
}

static void subscribe(struct subr *r, natsMsgHandler h, jsDeliverPolicy p)
{
    jsSubOptions so;
    r->nc = dial(true);
    r->js = jetstream(r->nc, NULL);
    ok(jsSubOptions_Init(&so), "subopts");
    so.Stream = "EV";
    so.Ordered = true;
    so.Config.DeliverPolicy = p;
    ok(js_Subscribe(&r->sub, r->js, "ev", h, r, NULL, &so, NULL), "subscribe");
    ok(natsSubscription_SetPendingLimits(r->sub, -1, -1), "limits");
}

static void live(double secs, int rate, int subs)
{
    struct subr *rs = calloc((size_t)subs, sizeof *rs);
    natsConnection *nc = dial(true);
    natsInbox *inbox = NULL;
    natsSubscription *as = NULL;
    atomic_ullong acks = 0;
    uint64_t n = (uint64_t)(secs * rate), base = fresh_base(), t0, stop;
    struct lat all = {0};
    uint8_t b[EV_SIZE];
    for (int i = 0; i < subs; i++)
        subscribe(&rs[i], on_live, js_DeliverNew);
    ok(natsInbox_Create(&inbox), "inbox");
    ok(natsConnection_Subscribe(&as, nc, inbox, on_ack_count, &acks), "subscribe");
    ok(natsConnection_Flush(nc), "flush");
    usleep(200000);
    t0 = now_ns();
    for (uint64_t i = 0; i < n; i++) {
        uint64_t due = t0 + i * 1000000000ull / (uint64_t)rate;
        if (now_ns() < due)
            sleep_until(due);
        ev_make(b, base + i, due);
        ok(natsConnection_PublishRequest(nc, "ev", inbox, b, EV_SIZE), "publish");
    }
    double took = (double)(now_ns() - t0) / 1e9;
    stop = now_ns() + 5000000000ull;
    for (int i = 0; i < subs; i++)
        while (atomic_load(&rs[i].got) < n && now_ns() < stop)
            usleep(2000);
    while (atomic_load(&acks) < n && now_ns() < stop)
        usleep(2000);
    for (int i = 0; i < subs; i++) {
        natsSubscription_Unsubscribe(rs[i].sub);
        lat_merge(&all, &rs[i].lat);
    }
    out_live(atomic_load(&acks), n * (uint64_t)subs, took, &all);
}

static void on_replay(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *arg)
{
    struct subr *r = arg;
    (void)nc;
    (void)sub;
    replay_add(&r->rep, natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg));
    natsMsg_Destroy(msg);
    atomic_store(&r->got, r->rep.n);
}

static void replay(uint64_t n)
{
    struct subr r = {0};
    uint64_t t0 = now_ns(), stop = t0 + 60000000000ull;
    subscribe(&r, on_replay, js_DeliverAll);
    while (atomic_load(&r.got) < n && now_ns() < stop)
        usleep(500);
    replay_out(&r.rep, n, t0);
}

int main(int argc, char **argv)
{
    const char *v = argc > 1 ? argv[1] : "";
    ok(nats_Open(-1), "open");
    if (!strcmp(v, "init")) {
        jsStreamConfig c;
        const char *subj[] = {"ev"};
        jsErrCode je = 0;
        jsCtx *js = jetstream(dial(true), NULL);
        jsStreamConfig_Init(&c);
        c.Name = "EV";
        c.Subjects = subj;
        c.SubjectsLen = 1;
        c.Storage = js_FileStorage;
        ok(js_AddStream(NULL, js, &c, NULL, &je), "stream");
    } else if (!strcmp(v, "ping")) {
        natsConnection *nc = dial(true);
        ok(natsConnection_FlushTimeout(nc, 2000), "ping");
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
        die("usage", "init | ping | publish SECS CONNS INFLIGHT | bulk FILE | fill FROM N | live "
                     "SECS RATE SUBS | replay N");
    fflush(NULL);
    _exit(0);
}

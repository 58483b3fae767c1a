/* Physical limits of this machine, one verb each: fsync, lmdb N (puts per durable commit), scan N, tls SIZE, tlsrtt. */
#include "common.h"
#include <arpa/inet.h>
#include <errno.h>
#include <lmdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/socket.h>

static void do_fsync(const char *dir, double secs)
{
    enum { BLK = 4096, N = 4096 };
    char path[4096], b[BLK];
    struct lat l = {0};
    snprintf(path, sizeof path, "%s/fsync.dat", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        die(path, strerror(errno));
    memset(b, 7, sizeof b);
    for (int i = 0; i < N; i++)
        if (pwrite(fd, b, BLK, (off_t)i * BLK) != BLK)
            die("pwrite", strerror(errno));
    fsync(fd);
    uint64_t t0 = now_ns(), end = t0 + (uint64_t)(secs * 1e9), t;
    for (uint64_t i = 0; (t = now_ns()) < end; i++) {
        memcpy(b, &i, sizeof i);
        if (pwrite(fd, b, BLK, (off_t)(i % N) * BLK) != BLK || fdatasync(fd) != 0)
            die("fdatasync", strerror(errno));
        lat_add(&l, now_ns() - t);
    }
    out_lat(l.n, (double)(now_ns() - t0) / 1e9, &l);
    close(fd);
    unlink(path);
}

static void mdb(int rc, const char *what)
{
    if (rc)
        die(what, mdb_strerror(rc));
}

static MDB_env *mopen(const char *dir)
{
    MDB_env *e;
    mdb(mdb_env_create(&e), "env");
    mdb(mdb_env_set_mapsize(e, (size_t)8 << 30), "mapsize");
    mdb(mdb_env_open(e, dir, 0, 0600), "open");
    return e;
}

/* keys are ascending big-endian numbers: appended, as an event log would */
static uint64_t mputs(MDB_env *e, uint64_t from, unsigned n)
{
    MDB_txn *t;
    MDB_dbi d;
    uint8_t b[EV_SIZE];
    mdb(mdb_txn_begin(e, NULL, 0, &t), "begin");
    mdb(mdb_dbi_open(t, NULL, 0, &d), "dbi");
    for (unsigned i = 0; i < n; i++) {
        uint64_t k = __builtin_bswap64(from + i);
        MDB_val kv = {8, &k}, v = {EV_SIZE, b};
        ev_make(b, from + i, 0);
        mdb(mdb_put(t, d, &kv, &v, MDB_APPEND), "put");
    }
    mdb(mdb_txn_commit(t), "commit");
    return from + n;
}

static void do_lmdb(const char *dir, unsigned per, double secs)
{
    MDB_env *e = mopen(dir);
    struct lat l = {0};
    uint64_t seq = 1, t0 = now_ns(), end = t0 + (uint64_t)(secs * 1e9), t;
    while ((t = now_ns()) < end) {
        seq = mputs(e, seq, per);
        lat_add(&l, now_ns() - t);
    }
    out_lat(seq - 1, (double)(now_ns() - t0) / 1e9, &l);
}

static void do_scan(const char *dir, uint64_t n)
{
    MDB_env *e = mopen(dir);
    MDB_txn *t;
    MDB_dbi d;
    MDB_cursor *c;
    MDB_val k, v;
    uint64_t got = 0, sum = 0;
    struct stat st;
    char path[4096];
    for (uint64_t s = 1; s <= n;)
        s = mputs(e, s, 1000);
    uint64_t t0 = now_ns();
    mdb(mdb_txn_begin(e, NULL, MDB_RDONLY, &t), "begin");
    mdb(mdb_dbi_open(t, NULL, 0, &d), "dbi");
    mdb(mdb_cursor_open(t, d, &c), "cursor");
    while (mdb_cursor_get(c, &k, &v, MDB_NEXT) == 0) {
        const uint8_t *p = v.mv_data;
        for (int i = 0; i < EV_SIZE; i += 8) /* touch the value */
            sum += p[i];
        got++;
    }
    double secs = (double)(now_ns() - t0) / 1e9;
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    stat(path, &st);
    printf("{\"n\":%llu,\"secs\":%.3f,\"rate\":%.1f,\"disk_per_event\":%.1f,\"sum\":%llu}\n",
           (unsigned long long)got, secs, (double)got / secs,
           (double)st.st_blocks * 512.0 / (double)got, (unsigned long long)sum);
}

/* ---- TLS 1.3 with client certificates between two threads over loopback TCP ---- */
static SSL *tls(SSL_METHOD const *m, int fd, const char *name, int server)
{
    SSL_CTX *c = SSL_CTX_new(m);
    char p[64];
    SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(c, getenv("PEER_SUITE") ? getenv("PEER_SUITE")
                                                     : "TLS_AES_128_GCM_SHA256");
    SSL_CTX_load_verify_locations(c, cert_path("ca.pem"), NULL);
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    snprintf(p, sizeof p, "%s.pem", name);
    SSL_CTX_use_certificate_chain_file(c, cert_path(p));
    snprintf(p, sizeof p, "%s.key", name);
    SSL_CTX_use_PrivateKey_file(c, cert_path(p), SSL_FILETYPE_PEM);
    SSL_CTX_set_mode(c, SSL_MODE_AUTO_RETRY);
    SSL *s = SSL_new(c);
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    SSL_set_fd(s, fd);
    if ((server ? SSL_accept(s) : SSL_connect(s)) != 1)
        die("tls", ERR_error_string(ERR_get_error(), NULL));
    return s;
}

static int g_listen, g_echo;

static void *tls_server(void *arg)
{
    char b[16384];
    SSL *s = tls(TLS_server_method(), accept(g_listen, NULL, NULL), "server", 1);
    int n;
    (void)arg;
    while ((n = SSL_read(s, b, sizeof b)) > 0)
        if (g_echo)
            SSL_write(s, b, n);
    return NULL;
}

static void do_tls(int size, int echo, double secs)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t al = sizeof a;
    pthread_t t;
    char b[16384] = {1};
    struct lat l = {0};
    uint64_t n = 0;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    g_listen = socket(AF_INET, SOCK_STREAM, 0);
    g_echo = echo;
    if (bind(g_listen, (struct sockaddr *)&a, al) || listen(g_listen, 1) ||
        getsockname(g_listen, (struct sockaddr *)&a, &al))
        die("listen", strerror(errno));
    pthread_create(&t, NULL, tls_server, NULL);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&a, al))
        die("connect", strerror(errno));
    SSL *s = tls(TLS_client_method(), fd, "client", 0);
    uint64_t t0 = now_ns(), end = t0 + (uint64_t)(secs * 1e9), x;
    while ((x = now_ns()) < end) {
        if (SSL_write(s, b, size) != size || (echo && SSL_read(s, b, size) != size))
            die("tls io", ERR_error_string(ERR_get_error(), NULL));
        if (echo)
            lat_add(&l, now_ns() - x);
        n++;
    }
    double took = (double)(now_ns() - t0) / 1e9;
    if (echo)
        out_lat(n, took, &l);
    else
        printf("{\"n\":%llu,\"secs\":%.3f,\"rate\":%.1f,\"mb_s\":%.1f}\n", (unsigned long long)n,
               took, (double)n / took, (double)n * size / took / 1e6);
}

int main(int argc, char **argv)
{
    const char *v = argc > 2 ? argv[1] : "";
    if (!strcmp(v, "fsync"))
        do_fsync(argv[2], atof(argv[3]));
    else if (!strcmp(v, "lmdb"))
        do_lmdb(argv[2], (unsigned)atoi(argv[3]), atof(argv[4]));
    else if (!strcmp(v, "scan"))
        do_scan(argv[2], strtoull(argv[3], NULL, 10));
    else if (!strcmp(v, "tls"))
        do_tls(atoi(argv[2]), 0, atof(argv[3]));
    else if (!strcmp(v, "tlsrtt"))
        do_tls(EV_SIZE, 1, atof(argv[2]));
    else
        die("usage",
            "fsync DIR SECS | lmdb DIR PUTS SECS | scan DIR N | tls SIZE SECS | tlsrtt SECS");
    return 0;
}

/* Fails each allocation in turn, once and from then on, in what our own code does at the start, while
 * it serves and when it reads a policy: allocations FOLDER POLICY-FILE
 *
 * Each try is a process of its own. It may succeed, answer with a failure, or stop with the words of a
 * broken assumption, which is what a digest without memory comes to; it may not crash or hang. What
 * it told before is there when the folder is opened again. */
#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "digest.h"
#include "policy.h"
#include "policy_yaml.h"
#include "schema.h"
#include "storage.h"

/* --- the allocator --- */

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t alignment, size_t n);

static atomic_ulong countdown; /* 0: nothing fails; 1: the next one does */
static atomic_bool goes_on, has_fired;

static bool fails(void)
{
    unsigned long left = atomic_load(&countdown);
    do {
        if (left == 0)
            return false;
    } while (!atomic_compare_exchange_weak(&countdown, &left,
                                           left > 1 ? left - 1 : atomic_load(&goes_on)));
    if (left > 1)
        return false;
    atomic_store(&has_fired, true);
    errno = ENOMEM;
    return true;
}

void *malloc(size_t n)
{
    return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    return fails() ? NULL : __libc_realloc(p, n);
}

void *aligned_alloc(size_t alignment, size_t n)
{
    return fails() ? NULL : __libc_memalign(alignment, n);
}

int posix_memalign(void **out, size_t alignment, size_t n)
{
    void *p = fails() ? NULL : __libc_memalign(alignment, n);
    if (p == NULL)
        return ENOMEM;
    *out = p;
    return 0;
}

/* --- what is tried --- */

struct told {
    uint64_t head; /* the newest position that was told */
    bool is_done;  /* without a failure */
    bool has_fired;
};

struct place {
    const char *folder;
    struct bp_buf policy; /* as it stands in the log */
    struct told *told;    /* seen by both processes */
    struct bp_schema *schema;
};

static bp_status serve(struct place *p)
{
    struct storage s = {0};
    struct bp_err err;
    uint64_t positions[8], version;
    bp_status st = storage_open(&s, p->folder, &err);
    if (st != BP_OK)
        return st;
    for (unsigned i = 0; i < 4; i++) {
        bp_status mine = storage_publish(&s, "served", 8 * i, 8, 300, positions);
        if (mine == BP_OK)
            p->told->head = positions[7];
        st = st == BP_OK ? mine : st;
    }
    bp_status applied = storage_apply(&s, 3000, &version);
    bp_status kept = storage_acknowledge(&s, "nightly", p->told->head);
    storage_close(&s);
    return st != BP_OK ? st : applied != BP_OK ? applied : kept;
}

static bp_status read_schema(struct place *p)
{
    struct bp_schema *schema = NULL;
    struct bp_err err;
    (void)p;
    bp_status st = bp_schema_open(NULL, 0, &schema, &err);
    bp_schema_destroy(schema);
    return st;
}

static bp_status read_policy(struct place *p)
{
    struct bp_policy *policy = NULL;
    struct bp_policy_findings findings = {0};
    struct bp_err err;
    Berbagi__V1__Policy *message = berbagi__v1__policy__unpack(NULL, p->policy.n, p->policy.p);
    if (message == NULL)
        return BP_ENOMEM;
    bp_status st = bp_policy_compile(message, 1, p->schema, &policy, &findings, &err);
    bp_policy_findings_fini(&findings);
    bp_policy_unref(policy);
    berbagi__v1__policy__free_unpacked(message, NULL);
    return st;
}

static const struct scenario {
    const char *name;
    bp_status (*run)(struct place *p);
    bool needs_past; /* a folder whose server was killed */
    bool has_folder;
} scenarios[] = {
    {"a new folder", serve, false, true},
    {"a folder whose server was killed", serve, true, true},
    {"the event types", read_schema, false, false},
    {"a policy", read_policy, false, false},
};

/* --- one try --- */

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info, (void)kind, (void)walk;
    return remove(path);
}

static void empty(const char *folder)
{
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Its exit status as of waitpid. */
static int apart(void (*run)(struct place *p, const struct scenario *s, unsigned long nth,
                             bool is_lasting),
                 struct place *p, const struct scenario *s, unsigned long nth, bool is_lasting)
{
    int status = 0;
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(30);
        run(p, s, nth, is_lasting);
        _exit(0);
    }
    return child > 0 && waitpid(child, &status, 0) == child ? status : -1;
}

/* Something is durable, and the server is gone at once. */
static void leave_past(struct place *p, const struct scenario *s, unsigned long nth,
                       bool is_lasting)
{
    struct storage storage;
    struct bp_err err;
    uint64_t positions[8], version;
    (void)s, (void)nth, (void)is_lasting;
    if (storage_open(&storage, p->folder, &err) != BP_OK ||
        storage_publish(&storage, "past", 0, 8, 500, positions) != BP_OK ||
        storage_apply(&storage, 5000, &version) != BP_OK ||
        storage_publish(&storage, "past", 8, 8, 500, positions) != BP_OK)
        _exit(1);
    p->told->head = positions[7];
    (void)raise(SIGKILL);
}

static void try_it(struct place *p, const struct scenario *s, unsigned long nth, bool is_lasting)
{
    if (freopen("/dev/null", "w", stderr) == NULL)
        _exit(1);
    atomic_store(&goes_on, is_lasting);
    atomic_store(&countdown, nth);
    bp_status st = s->run(p);
    p->told->is_done = st == BP_OK;
    atomic_store(&countdown, 0);
    p->told->has_fired = atomic_load(&has_fired);
}

static void look_again(struct place *p, const struct scenario *s, unsigned long nth,
                       bool is_lasting)
{
    struct storage storage;
    struct bp_err err = {{0}};
    uint64_t position = 0;
    (void)s, (void)nth, (void)is_lasting;
    bp_status st = storage_open(&storage, p->folder, &err);
    if (st == BP_OK && bp_journal_head(storage.journal) < p->told->head)
        st = bp_fail(&err, BP_ECORRUPT, "the head is less than was told");
    if (st == BP_OK)
        st = storage_publish(&storage, "later", 0, 1, 10, &position);
    storage_close(&storage);
    if (st != BP_OK)
        fprintf(stderr, "afterwards: %s %s\n", bp_status_name(st), err.text);
    _exit(st == BP_OK ? 0 : 1);
}

/* False: it did harm. *fired: there was such an allocation. */
static bool try_nth(struct place *p, const struct scenario *s, unsigned long nth, bool is_lasting,
                    bool *fired)
{
    *p->told = (struct told){0};
    if (s->has_folder)
        empty(p->folder);
    if (s->needs_past)
        (void)apart(leave_past, p, s, 0, false);
    int status = apart(try_it, p, s, nth, is_lasting);
    bool is_loud = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
    *fired = is_loud || p->told->has_fired;
    if (!is_loud && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
        *fired = true;
        fprintf(stderr, "%s, allocation %lu%s: ended with status %#x\n", s->name, nth,
                is_lasting ? " and all behind it" : "", (unsigned)status);
        return false;
    }
    if (!*fired && !p->told->is_done) {
        fprintf(stderr, "%s: fails without a fault\n", s->name);
        return false;
    }
    if (!s->has_folder || apart(look_again, p, s, 0, false) == 0)
        return true;
    fprintf(stderr, "%s, allocation %lu%s: what was told is not there\n", s->name, nth,
            is_lasting ? " and all behind it" : "");
    return false;
}

/* Every one of the first hundred; then, where there are thousands, one in so many. */
static unsigned long next_of(unsigned long nth, bool is_lasting)
{
    return (nth < 100 ? nth + 1 : nth + nth / 33) + (is_lasting ? 6 : 0);
}

static unsigned long try_all(struct place *p, const struct scenario *s, bool is_lasting,
                             unsigned *harm)
{
    unsigned long tries = 0, nth = 1;
    for (bool fired = true; *harm < 10; nth = next_of(nth, is_lasting), tries++) {
        *harm += !try_nth(p, s, nth, is_lasting, &fired);
        if (!fired)
            break;
    }
    printf("%s: %lu of the first %lu allocations failed in turn%s\n", s->name, tries, nth - 1,
           is_lasting ? ", with all behind them" : "");
    return tries;
}

/* What OpenSSL allocates once and for all is its own; it crashes where it gets nothing. */
static void wake_openssl(void)
{
    uint8_t some[BP_SHA256_BYTES];
    bp_random(some, sizeof(some));
    bp_sha256(some, sizeof(some), some);
    bp_hmac_sha256(some, sizeof(some), NULL, 0, some);
}

/* libfyaml crashes where it gets no memory; the server reads no YAML but its own options. */
static bp_status load_policy(const char *file, struct bp_buf *out, struct bp_err *err)
{
    Berbagi__V1__Policy *message = NULL;
    bp_status st = bp_policy_yaml_load(file, &message, NULL, err);
    if (st != BP_OK)
        return st;
    uint8_t *place = bp_buf_reserve(out, berbagi__v1__policy__get_packed_size(message));
    if (place != NULL)
        out->n = berbagi__v1__policy__pack(message, place);
    berbagi__v1__policy__free_unpacked(message, NULL);
    return place != NULL ? BP_OK : BP_ENOMEM;
}

int main(int argc, char **argv)
{
    struct bp_err err = {{0}};
    unsigned long tries = 0;
    unsigned harm = 0;
    struct place p = {0};
    if (argc != 3)
        return 2;
    wake_openssl();
    p.folder = argv[1];
    p.told = mmap(NULL, sizeof(*p.told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p.told == MAP_FAILED || load_policy(argv[2], &p.policy, &err) != BP_OK ||
        bp_schema_open(NULL, 0, &p.schema, &err) != BP_OK) {
        fprintf(stderr, "allocations: cannot begin: %s\n", err.text);
        return 1;
    }
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        tries += try_all(&p, &scenarios[i], false, &harm);
        tries += try_all(&p, &scenarios[i], true, &harm);
    }
    empty(p.folder);
    bp_schema_destroy(p.schema);
    bp_buf_fini(&p.policy);
    printf("%lu allocations failed, %u of them did harm\n", tries, harm);
    return harm == 0 ? 0 : 1;
}

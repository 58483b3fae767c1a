/* The audit record as its reader finds it: whole lines, a file for each day, and what is read back.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "audit.h"
#include "audit_chain.h"
#include "buffer.h"
#include "file.h"

/* 2026-06-01 23:59:59 in Jakarta, a second before the next day. */
#define EVENING_NS (INT64_C(1780333199) * BP_NS_PER_S)

static char dir[64];
static struct bp_audit *audit;

static int make(void **state)
{
    const char *tmp = getenv("TMPDIR");
    (void)state;
    (void)snprintf(dir, sizeof(dir), "%s/audit-XXXXXX",
                   tmp != NULL && strlen(tmp) < 40 ? tmp : "/tmp");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(bp_audit_open(dir, &audit, NULL), BP_OK);
    return 0;
}

static int destroy(void **state)
{
    char path[128];
    (void)state;
    bp_audit_close(audit);
    audit = NULL;
    (void)snprintf(path, sizeof(path), "%s/2026-06-01.jsonl", dir);
    (void)unlink(path);
    (void)rmdir(path);
    (void)snprintf(path, sizeof(path), "%s/2026-06-02.jsonl", dir);
    (void)unlink(path);
    return rmdir(dir);
}

struct waiting {
    struct bp_audit_record record;
    pthread_mutex_t lock; /* guards the two below */
    pthread_cond_t changed;
    bool is_done;
    bp_status st;
};

static void on_done(struct bp_audit_record *record, bp_status st)
{
    struct waiting *w = (struct waiting *)record;
    (void)pthread_mutex_lock(&w->lock);
    w->is_done = true;
    w->st = st;
    (void)pthread_cond_signal(&w->changed);
    (void)pthread_mutex_unlock(&w->lock);
}

/* Writes a line and waits until it is on disk. */
static bp_status write_one(struct bp_audit_record record)
{
    struct waiting w = {
        .record = record, .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    w.record.done = on_done;
    assert_true(bp_audit_write(audit, &w.record));
    (void)pthread_mutex_lock(&w.lock);
    while (!w.is_done)
        (void)pthread_cond_wait(&w.changed, &w.lock);
    (void)pthread_mutex_unlock(&w.lock);
    return w.st;
}

static struct bp_audit_record resolve(int64_t time_ns, const char *who, uint64_t count)
{
    return (struct bp_audit_record){
        .kind = BP_AUDIT_RESOLVE, .time_ns = time_ns, .who = who, .serial = "0a1b", .count = count};
}

/* Strips what the chain adds to each line. */
static void strip(char *text)
{
    char *out = text;
    for (const char *in = text; *in != '\0';) {
        const char *chain = strstr(in, ",\"chain\":\""), *after = strstr(in, ",\"after\":\"");
        assert_non_null(chain);
        const char *own_end = after != NULL && after < chain ? after : chain;
        memmove(out, in, (size_t)(own_end - in));
        out += own_end - in;
        in = strstr(chain, "}\n") + 2;
        *out++ = '}';
        *out++ = '\n';
    }
    *out = '\0';
}

static void expect_file(const char *name, const char *text)
{
    struct bp_buf content = {0};
    char *path = bp_path_join(dir, name);
    assert_int_equal(bp_file_read(path, 1 << 20, &content, NULL), BP_OK);
    bp_buf_add_byte(&content, 0);
    strip((char *)content.p);
    assert_string_equal((const char *)content.p, text);
    bp_buf_fini(&content);
    free(path);
}

static void on_finding(void *context, const struct bp_audit_finding *finding)
{
    unsigned *damages = context;
    *damages += finding->is_damage;
}

/* The chain holds over all files. */
static void expect_chain(unsigned lines)
{
    unsigned damages = 0;
    uint64_t sound = 0;
    assert_int_equal(bp_audit_verify(dir, on_finding, &damages, &sound, NULL), BP_OK);
    assert_int_equal(damages, 0);
    assert_int_equal(sound, lines);
}

static void append(const char *name, const char *text)
{
    char *path = bp_path_join(dir, name);
    FILE *file = fopen(path, "ae");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    free(path);
}

struct told {
    unsigned lines;
    uint64_t count;
    char last[65];
};

static void on_line(void *context, struct bp_str who, uint64_t count)
{
    struct told *told = context;
    told->lines++;
    told->count += count;
    assert_true(bp_str_copy(told->last, sizeof(told->last), who));
}

static struct told read_day(int64_t time_ns)
{
    struct told told = {0};
    assert_int_equal(bp_audit_read_resolves(dir, bp_day_in_jakarta(time_ns), on_line, &told, NULL),
                     BP_OK);
    return told;
}

static void test_audit_line_says_who_when_how_often_and_nothing_else(void **state)
{
    struct bp_audit_record record = resolve(EVENING_NS, "kab.18.07", 512);
    (void)state;
    record.is_dry_run = true;

    assert_int_equal(write_one(record), BP_OK);
    record = (struct bp_audit_record){.kind = BP_AUDIT_POLICY_APPLIED,
                                      .time_ns = EVENING_NS,
                                      .who = "operator/dewi",
                                      .serial = "0c",
                                      .count = 3};
    assert_int_equal(write_one(record), BP_OK);

    expect_file("2026-06-01.jsonl",
                "{\"time\":\"2026-06-01T16:59:59Z\",\"kind\":\"resolve\",\"who\":\"kab.18.07\","
                "\"serial\":\"0a1b\",\"count\":512,\"dry_run\":true}\n"
                "{\"time\":\"2026-06-01T16:59:59Z\",\"kind\":\"policy.applied\","
                "\"who\":\"operator/dewi\",\"serial\":\"0c\",\"version\":3}\n");
}

static void test_audit_act_of_an_operator_says_about_what(void **state)
{
    (void)state;
    assert_int_equal(write_one((struct bp_audit_record){.kind = BP_AUDIT_DISCONNECT,
                                                        .time_ns = EVENING_NS,
                                                        .who = "operator/dewi",
                                                        .serial = "0c",
                                                        .about = "identity agency/kab.18.07",
                                                        .count = 2}),
                     BP_OK);

    expect_file("2026-06-01.jsonl",
                "{\"time\":\"2026-06-01T16:59:59Z\",\"kind\":\"disconnected\","
                "\"who\":\"operator/dewi\",\"serial\":\"0c\","
                "\"about\":\"identity agency/kab.18.07\",\"count\":2,\"dry_run\":false}\n");
}

static void test_audit_each_day_of_jakarta_has_its_file(void **state)
{
    (void)state;
    assert_int_equal(write_one(resolve(EVENING_NS, "kab.18.07", 1)), BP_OK);
    assert_int_equal(write_one(resolve(EVENING_NS + BP_NS_PER_S, "prov.18", 2)), BP_OK);
    assert_int_equal(write_one(resolve(EVENING_NS, "kab.18.07", 4)), BP_OK);

    assert_int_equal(read_day(EVENING_NS).count, 5);
    assert_int_equal(read_day(EVENING_NS + BP_NS_PER_S).count, 2);
    assert_string_equal(read_day(EVENING_NS + BP_NS_PER_S).last, "prov.18");
    assert_int_equal(read_day(EVENING_NS + 3 * 86400 * BP_NS_PER_S).lines, 0);
    expect_chain(3);
}

static void test_audit_line_cut_short_by_a_crash_spoils_no_other(void **state)
{
    (void)state;
    append("2026-06-01.jsonl", "{\"time\":\"2026-06-01T01:00:00Z\",\"kind\":\"resol");

    assert_int_equal(write_one(resolve(EVENING_NS, "kab.18.07", 7)), BP_OK);

    assert_int_equal(read_day(EVENING_NS).lines, 1);
    assert_int_equal(read_day(EVENING_NS).count, 7);
    expect_chain(1);
}

static void test_audit_lines_that_are_none_are_passed_over(void **state)
{
    (void)state;
    append("2026-06-01.jsonl",
           "\n[1]\nnull\n{\"kind\":\"resolve\",\"who\":3,\"count\":9}\n"
           "{\"kind\":\"resolve\",\"who\":\"x\",\"count\":-9}\n"
           "{\"kind\":\"policy.applied\",\"who\":\"operator/x\",\"count\":9}\n");

    assert_int_equal(read_day(EVENING_NS).lines, 0);
}

static void test_audit_what_cannot_be_written_is_told(void **state)
{
    char path[128];
    (void)state;
    (void)snprintf(path, sizeof(path), "%s/2026-06-01.jsonl", dir);
    assert_int_equal(mkdir(path, 0700), 0); /* a folder stands where the file should be */

    assert_int_equal(write_one(resolve(EVENING_NS, "kab.18.07", 7)), BP_EIO);

    assert_int_equal(rmdir(path), 0);
    assert_int_equal(write_one(resolve(EVENING_NS, "kab.18.07", 7)), BP_OK);
    assert_int_equal(read_day(EVENING_NS).count, 7);
}

/* No file may grow beyond so many bytes. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_audit_chain_does_not_move_with_a_line_that_failed(void **state)
{
    struct stat file;
    char *path = bp_path_join(dir, "2026-06-01.jsonl");
    (void)state;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(write_one(resolve(EVENING_NS, "kab.18.07", 7)), BP_OK);
    for (unsigned bytes = 0; bytes < 150; bytes += 30) {
        assert_int_equal(stat(path, &file), 0);
        limit_files((rlim_t)file.st_size + bytes);
        bp_status st = write_one(resolve(EVENING_NS, "kab.18.07", 7));
        limit_files(RLIM_INFINITY);
        assert_int_equal(st, BP_EIO);

        assert_int_equal(write_one(resolve(EVENING_NS, "kab.18.07", 7)), BP_OK);

        expect_chain(read_day(EVENING_NS).lines);
    }
    assert_int_equal(read_day(EVENING_NS).lines, 6);
    free(path);
}

static void test_audit_close_writes_what_waits(void **state)
{
    struct waiting w[20];
    (void)state;
    for (size_t i = 0; i < 20; i++) {
        w[i] = (struct waiting){.record = resolve(EVENING_NS, "kab.18.07", 1),
                                .lock = PTHREAD_MUTEX_INITIALIZER,
                                .changed = PTHREAD_COND_INITIALIZER};
        w[i].record.done = on_done;
        assert_true(bp_audit_write(audit, &w[i].record));
    }
    bp_audit_close(audit);
    audit = NULL;

    assert_int_equal(read_day(EVENING_NS).lines, 20);
    expect_chain(20);
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(w[i].st, BP_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, destroy)
    const struct CMUnitTest tests[] = {
        TEST(test_audit_line_says_who_when_how_often_and_nothing_else),
        TEST(test_audit_act_of_an_operator_says_about_what),
        TEST(test_audit_each_day_of_jakarta_has_its_file),
        TEST(test_audit_line_cut_short_by_a_crash_spoils_no_other),
        TEST(test_audit_lines_that_are_none_are_passed_over),
        TEST(test_audit_what_cannot_be_written_is_told),
        TEST(test_audit_chain_does_not_move_with_a_line_that_failed),
        TEST(test_audit_close_writes_what_waits),
    };
    return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}

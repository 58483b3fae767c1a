/* The chain through the audit record: what was harmed is found and named, what a crash, a clock or
 * somebody's rules for keeping files may do is not taken for harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "audit_chain.h"
#include "file.h"

#define DAY 20605 /* 2026-06-01 */
#define DAYS 4

static char dir[64];

static char *path_of(unsigned day)
{
    char *path = bp_audit_path(dir, DAY + (bp_day)day);
    assert_non_null(path);
    return path;
}

static void take_away(unsigned day)
{
    char *path = path_of(day);
    (void)unlink(path);
    free(path);
}

static int make(void **state)
{
    const char *tmp = getenv("TMPDIR");
    (void)state;
    (void)snprintf(dir, sizeof(dir), "%s/chain-XXXXXX",
                   tmp != NULL && strlen(tmp) < 40 ? tmp : "/tmp");
    assert_non_null(mkdtemp(dir));
    return 0;
}

static int destroy(void **state)
{
    (void)state;
    for (unsigned day = 0; day < DAYS; day++)
        take_away(day);
    return rmdir(dir);
}

static void write_file(unsigned day, const void *p, size_t n, const char *mode)
{
    char *path = path_of(day);
    FILE *file = fopen(path, mode);
    assert_non_null(file);
    assert_int_equal(fwrite(p, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
    free(path);
}

static struct bp_buf read_file(unsigned day)
{
    struct bp_buf content = {0};
    char *path = path_of(day);
    assert_int_equal(bp_file_read(path, 1 << 20, &content, NULL), BP_OK);
    free(path);
    return content;
}

/* Lines of a day, as the server adds them after a restart. */
static void add(unsigned day, unsigned lines)
{
    struct bp_audit_chain chain;
    struct bp_buf text = {0};
    assert_int_equal(bp_audit_chain_open(dir, DAY + (bp_day)day, &chain), BP_OK);
    for (unsigned i = 0; i < lines; i++) {
        size_t from = text.n;
        bp_buf_printf(&text, "{\"day\":%u,\"count\":%u", day, i);
        bp_audit_chain_end_line(&chain, &text, from);
    }
    assert_false(text.failed);
    write_file(day, text.p, text.n, "ae");
    bp_buf_fini(&text);
}

struct seen {
    unsigned damages, cuts;
    char file[20]; /* of the first damage */
    uint64_t line;
    uint64_t sound;
};

static void note(void *context, const struct bp_audit_finding *finding)
{
    struct seen *seen = context;
    if (!finding->is_damage)
        seen->cuts++;
    else if (seen->damages++ == 0) {
        assert_true(bp_str_copy(seen->file, sizeof(seen->file), bp_str(finding->file)));
        seen->line = finding->line;
    }
}

static struct seen verify(void)
{
    struct seen seen = {0};
    assert_int_equal(bp_audit_verify(dir, note, &seen, &seen.sound, NULL), BP_OK);
    return seen;
}

static void expect_sound(unsigned lines)
{
    struct seen seen = verify();
    assert_int_equal(seen.damages, 0);
    assert_int_equal(seen.sound, lines);
}

static void expect_damage(const char *file, uint64_t line)
{
    struct seen seen = verify();
    assert_int_not_equal(seen.damages, 0);
    assert_string_equal(seen.file, file);
    assert_int_equal(seen.line, line);
}

/* The bytes of one line, from 0, with its end. */
static struct bp_str line_of(const struct bp_buf *file, unsigned number)
{
    const char *p = (const char *)file->p;
    while (number-- > 0)
        p = strchr(p, '\n') + 1;
    return bp_str_of(p, (size_t)(strchr(p, '\n') + 1 - p));
}

/* A file of these lines of another. */
static void write_lines(unsigned day, const struct bp_buf *was, const char *numbers)
{
    write_file(day, "", 0, "we");
    for (const char *c = numbers; *c != '\0'; c++) {
        struct bp_str line = line_of(was, (unsigned)(*c - '0'));
        write_file(day, line.p, line.n, "ae");
    }
}

/* As sha256sum(1) tells it. */
static void test_audit_chain_value_is_the_hash_of_the_line_with_the_value_before(void **state)
{
    static const char lines[] =
        "{\"day\":0,\"count\":0,\"after\":\"none\",\"chain\":\"5a06623a739649919e67eeb8b7b19cac\"}"
        "\n"
        "{\"day\":0,\"count\":1,\"chain\":\"ef7126d3b3938100739760a5462694d8\"}\n";
    (void)state;

    add(0, 2);

    struct bp_buf file = read_file(0);
    assert_true(bp_str_is(bp_buf_str(&file), lines));
    bp_buf_fini(&file);
}

static void test_audit_chain_goes_on_over_days_and_restarts(void **state)
{
    (void)state;
    expect_sound(0);
    add(0, 2);
    add(0, 1);
    add(1, 3);
    add(3, 1);
    expect_sound(7);
}

static void test_audit_chain_any_flipped_bit_is_found_in_its_line(void **state)
{
    (void)state;
    for (unsigned day = 0; day < 2; day++)
        add(day, 3);
    for (unsigned day = 0; day < 2; day++) {
        struct bp_buf file = read_file(day);
        uint64_t line = 1;
        for (size_t i = 0; i < file.n; i++) {
            for (unsigned bit = 0; bit < 8; bit++) {
                file.p[i] ^= (uint8_t)(1u << bit);
                write_file(day, file.p, file.n, "we");
                file.p[i] ^= (uint8_t)(1u << bit);
                struct seen seen = verify();
                assert_int_not_equal(seen.damages, 0);
                assert_string_equal(seen.file, day == 0 ? "2026-06-01.jsonl" : "2026-06-02.jsonl");
                /* a line end that is gone or new shifts the count by one */
                assert_true(seen.line == line || seen.line == line + 1);
            }
            line += file.p[i] == '\n';
        }
        write_file(day, file.p, file.n, "we");
        bp_buf_fini(&file);
    }
    expect_sound(6);
}

static void test_audit_chain_lines_taken_out_doubled_or_moved_are_found(void **state)
{
    static const struct {
        const char *lines;
        uint64_t found;
    } harms[] = {{"1234", 1}, {"0234", 2}, {"0124", 4}, {"01123", 3}, {"02134", 2}, {"10234", 1}};
    (void)state;
    add(0, 5);
    struct bp_buf was = read_file(0);
    for (size_t i = 0; i < sizeof(harms) / sizeof(harms[0]); i++) {
        write_lines(0, &was, harms[i].lines);
        expect_damage("2026-06-01.jsonl", harms[i].found);
    }
    write_lines(0, &was, "01234");
    expect_sound(5);
    bp_buf_fini(&was);
}

static void test_audit_chain_end_of_a_file_is_held_by_the_next(void **state)
{
    (void)state;
    add(0, 3);
    add(1, 2);
    struct bp_buf first = read_file(0), second = read_file(1);

    for (size_t n = 0; n < first.n - 1; n++) { /* without the last line's end it is whole */
        write_file(0, first.p, n, "we");
        expect_damage("2026-06-02.jsonl", 0);
    }
    write_lines(0, &first, "012");
    write_lines(1, &second, "0");
    expect_sound(4); /* nothing goes on from the line that is missing */
    bp_buf_fini(&first);
    bp_buf_fini(&second);
}

static void test_audit_chain_goes_on_behind_a_line_that_was_cut_short(void **state)
{
    (void)state;
    add(0, 2);
    add(1, 2);
    struct bp_buf file = read_file(1);
    for (size_t n = 1; n < file.n; n++) {
        write_file(1, file.p, n, "we");
        bool is_cut = file.p[n] != '\n' && file.p[n - 1] != '\n';
        assert_int_equal(verify().damages, 0);
        assert_int_equal(verify().cuts, is_cut);
        if (file.p[n - 1] != '\n')
            write_file(1, "\n", 1, "ae"); /* as the server does */
        add(1, 2);
        assert_int_equal(verify().damages, 0);
        assert_int_equal(verify().cuts, is_cut);
    }
    bp_buf_fini(&file);
}

static void test_audit_chain_old_files_may_go_and_others_not(void **state)
{
    (void)state;
    for (unsigned day = 0; day < DAYS; day++)
        add(day, 2);

    take_away(0);
    expect_sound(6);
    struct bp_buf file = read_file(1);
    write_lines(1, &file, "1"); /* the first line of the oldest */
    expect_damage("2026-06-02.jsonl", 1);
    write_lines(1, &file, "01");
    take_away(2);
    expect_damage("2026-06-04.jsonl", 0);
    bp_buf_fini(&file);
}

static void test_audit_chain_clock_that_was_put_back_breaks_nothing(void **state)
{
    (void)state;
    add(0, 2);
    add(2, 2);
    add(0, 1);
    add(1, 2);
    add(2, 1);
    add(1, 1);
    add(3, 1);
    expect_sound(10);

    take_away(0);
    expect_sound(7);
}

static void test_audit_chain_other_files_and_empty_ones_are_passed_over(void **state)
{
    char *other = bp_path_join(dir, "2026-06-01.jsonl.gz");
    (void)state;
    add(0, 1);
    write_file(1, "", 0, "we");
    write_file(2, "{\"time\":\n", 9, "we");
    assert_int_equal(bp_file_write(other, "x", 1, 0600, NULL), BP_OK);
    add(3, 1);

    struct seen seen = verify();

    assert_int_equal(seen.damages, 0);
    assert_int_equal(seen.cuts, 1);
    assert_int_equal(seen.sound, 2);
    assert_int_equal(unlink(other), 0);
    free(other);
    struct bp_buf file = read_file(3);
    assert_non_null(strstr((char *)file.p, "\"after\":\"2026-06-01/"));
    bp_buf_fini(&file);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, destroy)
    const struct CMUnitTest tests[] = {
        TEST(test_audit_chain_value_is_the_hash_of_the_line_with_the_value_before),
        TEST(test_audit_chain_goes_on_over_days_and_restarts),
        TEST(test_audit_chain_any_flipped_bit_is_found_in_its_line),
        TEST(test_audit_chain_lines_taken_out_doubled_or_moved_are_found),
        TEST(test_audit_chain_end_of_a_file_is_held_by_the_next),
        TEST(test_audit_chain_goes_on_behind_a_line_that_was_cut_short),
        TEST(test_audit_chain_old_files_may_go_and_others_not),
        TEST(test_audit_chain_clock_that_was_put_back_breaks_nothing),
        TEST(test_audit_chain_other_files_and_empty_ones_are_passed_over),
    };
    return cmocka_run_group_tests_name("audit_chain", tests, NULL, NULL);
}

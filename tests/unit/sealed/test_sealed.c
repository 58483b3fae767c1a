/* A sealed file is read by the key it is for, and by no other; what was done to it shows. */
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recipient.h"
#include "sealer.h"
#include "unsealer.h"

static char folder[64];

static const char *path_of(const char *name, const char *what)
{
    return recipient_path(folder, name, what);
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/sealed-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    recipient_make(folder, "ec", "P-256");
    recipient_make(folder, "wide", "P-384");
    recipient_make(folder, "rsa", "RSA");
    recipient_make(folder, "ed", "ED25519");
    recipient_make(folder, "other", "P-256");
    return 0;
}

static int remove_entry(const char *path, const struct stat *info, int flag, struct FTW *where)
{
    (void)info, (void)flag, (void)where;
    return remove(path);
}

static int remove_folder(void **state)
{
    (void)state;
    return nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- files --- */

#define PAGES 3
static const char *const contents[PAGES] = {"first page", "", "the third and last"};

/* The pieces of a file for this recipient: header, then pages. */
struct sealed {
    struct bp_buf pieces[PAGES + 1];
};

static void seal_for(const char *name, struct sealed *out)
{
    struct bp_sealer *s;
    struct bp_err err = {""};
    *out = (struct sealed){{{0}}};
    assert_int_equal(bp_sealer_create(path_of(name, "pem"), &out->pieces[0], &s, &err), BP_OK);
    for (int i = 0; i < PAGES; i++)
        assert_int_equal(
            bp_sealer_page(s, bp_str(contents[i]), i + 1 == PAGES, &out->pieces[i + 1]), BP_OK);
    bp_sealer_destroy(s);
}

static void drop(struct sealed *s)
{
    for (int i = 0; i <= PAGES; i++)
        bp_buf_fini(&s->pieces[i]);
}

static struct bp_sealed_piece piece_of(const struct bp_buf *bytes)
{
    struct bp_sealed_piece p;
    assert_int_equal(bp_sealed_piece_check(bp_buf_str(bytes), &p), BP_OK);
    return p;
}

static struct bp_unsealer *unsealer_of(const struct sealed *s, const char *name)
{
    struct bp_sealed_piece header = piece_of(&s->pieces[0]);
    struct bp_unsealer *u = NULL;
    struct bp_err err = {""};
    assert_int_equal(bp_unsealer_create(&header, path_of(name, "key"), &u, &err), BP_OK);
    return u;
}

/* The status of the next page of u being this piece. */
static bp_status next(struct bp_unsealer *u, const struct bp_buf *bytes, struct bp_buf *content)
{
    struct bp_sealed_piece p = piece_of(bytes);
    return bp_unsealer_page(u, &p, content);
}

static void test_sealed_is_read_by_its_recipient(void **state)
{
    static const char *const kinds[] = {"ec", "wide", "rsa"};
    struct bp_buf content = {0};
    (void)state;
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        struct sealed s;
        seal_for(kinds[k], &s);
        struct bp_unsealer *u = unsealer_of(&s, kinds[k]);
        for (int i = 0; i < PAGES; i++) {
            assert_false(bp_unsealer_is_complete(u));
            assert_int_equal(next(u, &s.pieces[i + 1], &content), BP_OK);
            assert_true(bp_str_eq(bp_buf_str(&content), bp_str(contents[i])));
        }
        assert_true(bp_unsealer_is_complete(u));
        assert_int_equal(next(u, &s.pieces[PAGES], &content), BP_ECORRUPT);
        bp_unsealer_destroy(u);
        drop(&s);
    }
    bp_buf_fini(&content);
}

static void test_sealed_shows_nothing_of_its_content(void **state)
{
    struct sealed s;
    (void)state;
    seal_for("ec", &s);
    for (int i = 1; i <= PAGES; i++) {
        size_t n = strlen(contents[i - 1]);
        assert_true(n == 0 || memmem(s.pieces[i].p, s.pieces[i].n, contents[i - 1], n) == NULL);
    }
    drop(&s);
}

static void test_sealed_is_not_opened_by_another_key(void **state)
{
    struct sealed s;
    struct bp_unsealer *u = NULL;
    struct bp_err err;
    (void)state;
    seal_for("ec", &s);
    struct bp_sealed_piece header = piece_of(&s.pieces[0]);
    assert_int_equal(bp_unsealer_create(&header, path_of("other", "key"), &u, &err), BP_EAUTH);
    assert_int_equal(bp_unsealer_create(&header, path_of("rsa", "key"), &u, &err), BP_EAUTH);
    assert_int_equal(bp_unsealer_create(&header, path_of("none", "key"), &u, &err), BP_ENOENT);
    assert_int_equal(chmod(path_of("ec", "key"), 0644), 0);
    assert_int_equal(bp_unsealer_create(&header, path_of("ec", "key"), &u, &err), BP_EPERM);
    assert_int_equal(chmod(path_of("ec", "key"), 0600), 0);
    header = piece_of(&s.pieces[1]);
    assert_int_equal(bp_unsealer_create(&header, path_of("ec", "key"), &u, &err), BP_EINVAL);
    assert_null(u);
    drop(&s);
}

static void test_sealed_pages_keep_their_place(void **state)
{
    struct sealed s, other;
    struct bp_buf content = {0};
    (void)state;
    seal_for("ec", &s);
    seal_for("ec", &other);
    struct bp_unsealer *u = unsealer_of(&s, "ec");
    assert_int_equal(next(u, &s.pieces[2], &content), BP_ECORRUPT);     /* left out */
    assert_int_equal(next(u, &other.pieces[1], &content), BP_ECORRUPT); /* of another file */
    assert_int_equal(next(u, &s.pieces[0], &content), BP_ECORRUPT);     /* no page */
    assert_int_equal(content.n, 0);
    assert_int_equal(next(u, &s.pieces[1], &content), BP_OK);
    assert_int_equal(next(u, &s.pieces[1], &content), BP_ECORRUPT); /* twice */

    /* A page passed off as the last: whoever holds the file can make its digest anew. */
    struct bp_buf forged = {0};
    struct bp_sealed_piece second = piece_of(&s.pieces[2]);
    bp_sealed_piece_put(&forged, BP_SEALED_LAST, second.body);
    assert_int_equal(next(u, &forged, &content), BP_ECORRUPT);
    assert_int_equal(next(u, &s.pieces[2], &content), BP_OK);
    bp_buf_fini(&forged);
    bp_buf_fini(&content);
    bp_unsealer_destroy(u);
    drop(&s);
    drop(&other);
}

static void test_sealed_damage_shows_without_a_key(void **state)
{
    struct sealed s;
    struct bp_sealed_piece p;
    (void)state;
    seal_for("ec", &s);
    for (int k = 0; k <= PAGES; k++) {
        struct bp_buf *b = &s.pieces[k];
        for (size_t bit = 0; bit < 8 * b->n; bit += 3) {
            b->p[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(bp_sealed_piece_check(bp_buf_str(b), &p), BP_ECORRUPT);
            b->p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t n = 0; n < b->n; n++)
            assert_int_equal(bp_sealed_piece_check(bp_str_of(b->p, n), &p), BP_ECORRUPT);
    }
    drop(&s);
}

static void test_sealed_files_are_read_piece_by_piece(void **state)
{
    struct sealed s;
    struct bp_buf bytes = {0};
    struct bp_sealed_piece p;
    (void)state;
    seal_for("ec", &s);
    FILE *f = tmpfile();
    assert_non_null(f);
    for (int i = 0; i <= PAGES; i++)
        assert_int_equal(fwrite(s.pieces[i].p, 1, s.pieces[i].n, f), s.pieces[i].n);
    rewind(f);
    for (int i = 0; i <= PAGES; i++) {
        assert_int_equal(bp_sealed_piece_read(f, &bytes, &p), BP_OK);
        assert_true(bp_str_eq(bp_buf_str(&bytes), bp_buf_str(&s.pieces[i])));
        assert_int_equal(p.kind, i == 0       ? BP_SEALED_HEADER
                                 : i == PAGES ? BP_SEALED_LAST
                                              : BP_SEALED_PAGE);
    }
    assert_int_equal(bp_sealed_piece_read(f, &bytes, &p), BP_ENOENT);
    assert_int_equal(ftruncate(fileno(f), (off_t)s.pieces[0].n + 40), 0);
    rewind(f);
    assert_int_equal(bp_sealed_piece_read(f, &bytes, &p), BP_OK);
    assert_int_equal(bp_sealed_piece_read(f, &bytes, &p), BP_ECORRUPT);
    (void)fclose(f);
    bp_buf_fini(&bytes);
    drop(&s);
}

static void test_sealed_recipients_that_cannot_be_are_refused(void **state)
{
    struct bp_buf out = {0};
    struct bp_sealer *s = NULL;
    struct bp_err err = {""};
    (void)state;
    assert_int_equal(bp_sealer_create(path_of("ed", "pem"), &out, &s, &err), BP_EINVAL);
    assert_non_null(strstr(err.text, "Ed25519"));
    assert_int_equal(bp_sealer_create(path_of("ec", "key"), &out, &s, &err), BP_EINVAL);
    assert_int_equal(bp_sealer_create(path_of("none", "pem"), &out, &s, &err), BP_ENOENT);
    assert_null(s);
    bp_buf_fini(&out);
}

static void test_sealed_pages_have_a_bound(void **state)
{
    struct bp_buf out = {0}, content = {0};
    struct bp_sealer *s = NULL;
    struct bp_err err;
    (void)state;
    assert_int_equal(bp_sealer_create(path_of("ec", "pem"), &out, &s, &err), BP_OK);
    uint8_t *p = bp_buf_reserve(&content, BP_SEALED_PAGE_MAX + 1);
    assert_non_null(p);
    memset(p, 'x', BP_SEALED_PAGE_MAX + 1);
    content.n = BP_SEALED_PAGE_MAX + 1;
    assert_int_equal(bp_sealer_page(s, bp_buf_str(&content), false, &out), BP_ETOOLARGE);
    content.n--;
    size_t before = out.n;
    assert_int_equal(bp_sealer_page(s, bp_buf_str(&content), false, &out), BP_OK);
    assert_int_equal(out.n - before, BP_SEALED_PAGE_MAX + BP_SEALED_OVERHEAD);
    bp_sealer_destroy(s);
    bp_buf_fini(&content);
    bp_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sealed_is_read_by_its_recipient),
        cmocka_unit_test(test_sealed_shows_nothing_of_its_content),
        cmocka_unit_test(test_sealed_is_not_opened_by_another_key),
        cmocka_unit_test(test_sealed_pages_keep_their_place),
        cmocka_unit_test(test_sealed_damage_shows_without_a_key),
        cmocka_unit_test(test_sealed_files_are_read_piece_by_piece),
        cmocka_unit_test(test_sealed_recipients_that_cannot_be_are_refused),
        cmocka_unit_test(test_sealed_pages_have_a_bound),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

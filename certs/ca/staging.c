/* The new content of NAME is NAME.new-T, T the number of the ledger's transaction: what a later one
 * left that never committed has another number, or is in no list. The list stays in the ledger
 * until the next: finishing it twice does nothing. */
#include "staging.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

#define FACT "staged"
#define MARK ".new-"

static char *staged_path(const char *dir, const char *name, uint64_t transaction)
{
    struct bp_buf path = {0};
    bp_buf_printf(&path, "%s/%s" MARK "%" PRIu64, dir, name, transaction);
    bp_buf_add_byte(&path, 0);
    if (!path.failed)
        return (char *)path.p;
    bp_buf_fini(&path);
    return NULL;
}

static bp_status add_name(struct bp_staging *s, const char *mark, const char *name,
                          struct bp_err *err)
{
    bp_buf_printf(&s->names, "%s%s\n", mark, name);
    return s->names.failed ? bp_fail(err, BP_ENOMEM, "out of memory") : BP_OK;
}

bp_status bp_staging_add(struct bp_staging *s, struct bp_ledger *l, const char *dir,
                         const char *name, const void *p, size_t n, unsigned mode,
                         struct bp_err *err)
{
    char *path = staged_path(dir, name, bp_ledger_transaction(l));
    bp_status st = path != NULL ? bp_file_write(path, p, n, mode, err)
                                : bp_fail(err, BP_ENOMEM, "out of memory");
    free(path);
    return st == BP_OK ? add_name(s, "", name, err) : st;
}

bp_status bp_staging_remove(struct bp_staging *s, const char *name, struct bp_err *err)
{
    return add_name(s, "-", name, err);
}

/* ENOENT: an earlier run has done it. */
static bp_status finish_one(const char *dir, const char *name, uint64_t transaction,
                            struct bp_err *err)
{
    const bool is_removal = name[0] == '-';
    char *path = bp_path_join(dir, is_removal ? name + 1 : name);
    char *staged = staged_path(dir, name, transaction);
    bp_status st;

    if (path == NULL || staged == NULL)
        st = bp_fail(err, BP_ENOMEM, "out of memory");
    else if ((is_removal ? unlink(path) : rename(staged, path)) == 0)
        st = bp_dir_flush_parent(path, err);
    else
        st = errno == ENOENT ? BP_OK : bp_fail(err, BP_EIO, "%s: %s", path, strerror(errno));
    free(path);
    free(staged);
    return st;
}

/* names: one a line. */
static bp_status finish_all(struct bp_str names, const char *dir, uint64_t transaction,
                            struct bp_err *err)
{
    bp_status st = BP_OK;
    while (st == BP_OK && names.n != 0) {
        const char *end = memchr(names.p, '\n', names.n);
        char *name = end != NULL ? bp_str_dup(bp_str_of(names.p, (size_t)(end - names.p))) : NULL;
        if (name == NULL)
            return bp_fail(err, BP_ENOMEM, "out of memory");
        st = finish_one(dir, name, transaction, err);
        names = bp_str_of(end + 1, names.n - strlen(name) - 1);
        free(name);
    }
    return st;
}

/* The list is kept as "<transaction>\n" and the names. */
static bp_status put_list(const struct bp_staging *s, struct bp_ledger *l, struct bp_err *err)
{
    struct bp_buf text = {0};
    bp_status st;
    bp_buf_printf(&text, "%" PRIu64 "\n", bp_ledger_transaction(l));
    bp_buf_add(&text, s->names.p, s->names.n);
    st = text.failed ? bp_fail(err, BP_ENOMEM, "out of memory")
                     : bp_ledger_put_fact(l, FACT, bp_buf_str(&text), err);
    bp_buf_fini(&text);
    return st;
}

bp_status bp_staging_commit(struct bp_staging *s, struct bp_ledger *l, const char *dir,
                            struct bp_err *err)
{
    const uint64_t transaction = bp_ledger_transaction(l);
    bp_status st = BP_OK;
    if (s->names.n != 0)
        st = put_list(s, l, err);
    if (st == BP_OK)
        st = bp_ledger_commit(l, err);
    if (st == BP_OK && (st = finish_all(bp_buf_str(&s->names), dir, transaction, err)) != BP_OK)
        bp_fail_in(err, st, "done, and recorded; the next run of berbagi-ca writes its files");
    return st;
}

/* nftw has no context. */
static int remove_left(const char *path, const struct stat *s, int type, struct FTW *where)
{
    (void)s;
    return type == FTW_F && strstr(path + where->base, MARK) != NULL ? unlink(path) : 0;
}

bp_status bp_staging_recover(struct bp_ledger *l, const char *dir, struct bp_err *err)
{
    struct bp_str list;
    uint64_t transaction = 0;
    bp_status st = bp_ledger_get_fact(l, FACT, &list, err);
    const char *end = st == BP_OK && list.n != 0 ? memchr(list.p, '\n', list.n) : NULL;

    if (st == BP_OK && list.n != 0 &&
        (end == NULL || !bp_parse_u64(bp_str_of(list.p, (size_t)(end - list.p)), &transaction)))
        st = bp_fail(err, BP_ECORRUPT, "ledger: its list of files is damaged");
    if (st == BP_OK && end != NULL)
        st = finish_all(bp_str_of(end + 1, list.n - (size_t)(end + 1 - list.p)), dir, transaction,
                        err);
    if (st == BP_OK && nftw(dir, remove_left, 8, FTW_PHYS) != 0)
        st = bp_fail(err, BP_EIO, "%s: what an earlier run left cannot be removed: %s", dir,
                     strerror(errno));
    return st;
}

void bp_staging_fini(struct bp_staging *s)
{
    bp_buf_fini(&s->names);
}

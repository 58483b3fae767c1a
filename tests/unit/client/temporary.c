#include "temporary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <ftw.h>

static char dir[256];

void temporary_make(void)
{
    const char *base = getenv("TMPDIR");
    int n = snprintf(dir, sizeof(dir), "%s/berbagi-client-XXXXXX", base != NULL ? base : "/tmp");
    assert_true(n > 0 && (size_t)n < sizeof(dir));
    assert_non_null(mkdtemp(dir));
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

void temporary_remove(void)
{
    assert_int_equal(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

const char *temporary_path(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    int n = snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
    assert_true(n > 0 && (size_t)n < sizeof(paths[0]));
    return path;
}

const char *temporary_write(const char *name, struct bp_str content)
{
    const char *path = temporary_path(name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(content.p, 1, content.n, f), content.n);
    assert_int_equal(fclose(f), 0);
    return path;
}

const char *temporary_read(const char *path)
{
    static char content[65536];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(content, 1, sizeof(content) - 1, f);
    assert_int_equal(fclose(f), 0);
    content[n] = '\0';
    return content;
}

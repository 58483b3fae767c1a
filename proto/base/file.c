#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bp_status status_of_errno(int code)
{
    if (code == ENOENT)
        return BP_ENOENT;
    if (code == ENOSPC || code == EDQUOT)
        return BP_ENOSPC;
    return BP_EIO;
}

static bp_status fail_errno(struct bp_err *err, const char *what, const char *path)
{
    int code = errno;
    return bp_fail(err, status_of_errno(code), "%s %s: %s", what, path, strerror(code));
}

static bp_status read_all(int fd, const char *path, size_t most, struct bp_buf *out,
                          struct bp_err *err)
{
    size_t start = out->n;
    for (;;) {
        uint8_t *to = bp_buf_reserve(out, 64 * 1024);
        if (to == NULL)
            return bp_fail(err, BP_ENOMEM, "read %s: out of memory", path);
        ssize_t got = read(fd, to, 64 * 1024);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(err, "read", path);
        if (got == 0)
            return BP_OK;
        out->n += (size_t)got;
        if (out->n - start > most)
            return bp_fail(err, BP_ETOOLARGE, "read %s: over %zu bytes", path, most);
    }
}

bp_status bp_file_read(const char *path, size_t most, struct bp_buf *out, struct bp_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(err, "open", path);
    bp_status st = read_all(fd, path, most, out, err);
    (void)close(fd);
    return st;
}

bp_status bp_fd_write(int fd, const char *path, const void *p, size_t n, struct bp_err *err)
{
    const uint8_t *rest = p;
    while (n != 0) {
        ssize_t put = write(fd, rest, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return fail_errno(err, "write", path);
        rest += put;
        n -= (size_t)put;
    }
    return BP_OK;
}

static bp_status write_all(int fd, const char *path, const void *p, size_t n, struct bp_err *err)
{
    bp_status st = bp_fd_write(fd, path, p, n, err);
    if (st != BP_OK)
        return st;
    return fsync(fd) == 0 ? BP_OK : fail_errno(err, "flush", path);
}

static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return bp_str_dup(BP_STR("."));
    return bp_str_dup(bp_str_of(path, slash == path ? 1 : (size_t)(slash - path)));
}

static bp_status open_folder(const char *path, int *fd, struct bp_err *err)
{
    char *dir = folder_of(path);
    if (dir == NULL)
        return bp_fail(err, BP_ENOMEM, "%s: out of memory", path);
    bp_status st = BP_OK;
    *fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0)
        st = fail_errno(err, "open", dir);
    free(dir);
    return st;
}

bp_status bp_dir_flush(const char *path, struct bp_err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bp_status st = fd >= 0 && fsync(fd) == 0 ? BP_OK : fail_errno(err, "flush", path);
    if (fd >= 0)
        (void)close(fd);
    return st;
}

bp_status bp_dir_flush_parent(const char *path, struct bp_err *err)
{
    char *dir = folder_of(path);
    if (dir == NULL)
        return bp_fail(err, BP_ENOMEM, "%s: out of memory", path);
    bp_status st = bp_dir_flush(dir, err);
    free(dir);
    return st;
}

bp_status bp_file_rename(const char *from, const char *to, struct bp_err *err)
{
    return rename(from, to) == 0 ? bp_dir_flush_parent(to, err) : fail_errno(err, "rename to", to);
}

bp_status bp_file_lock_folder(const char *path, int *fd, struct bp_err *err)
{
    int folder = -1;
    bp_status st = open_folder(path, &folder, err);
    if (st != BP_OK)
        return st;
    if (flock(folder, LOCK_EX | LOCK_NB) == 0) {
        *fd = folder;
        return BP_OK;
    }
    st = errno == EWOULDBLOCK ? bp_fail(err, BP_EAGAIN, "%s: another program is changing it", path)
                              : fail_errno(err, "lock the folder of", path);
    (void)close(folder);
    return st;
}

bp_status bp_file_write(const char *path, const void *p, size_t n, unsigned mode,
                        struct bp_err *err)
{
    struct bp_buf temporary = {0};
    bp_buf_printf(&temporary, "%s.XXXXXX", path);
    bp_buf_add_byte(&temporary, 0);
    if (temporary.failed) {
        bp_buf_fini(&temporary);
        return bp_fail(err, BP_ENOMEM, "write %s: out of memory", path);
    }
    char *name = (char *)temporary.p;
    bp_status st;
    int fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0) {
        st = fail_errno(err, "create", name);
        bp_buf_fini(&temporary);
        return st;
    }
    st = fchmod(fd, (mode_t)mode) == 0 ? write_all(fd, name, p, n, err)
                                       : fail_errno(err, "chmod", name);
    if (close(fd) != 0 && st == BP_OK)
        st = fail_errno(err, "close", name);
    if (st == BP_OK)
        st = bp_file_rename(name, path, err);
    if (st != BP_OK)
        (void)unlink(name); /* if it is still there */
    bp_buf_fini(&temporary);
    return st;
}

static int64_t ns_of(struct timespec t)
{
    return (int64_t)t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

struct bp_file_stamp bp_file_stamp_of(const char *path)
{
    struct stat s;
    if (stat(path, &s) != 0)
        return (struct bp_file_stamp){0};
    return (struct bp_file_stamp){.device = (uint64_t)s.st_dev,
                                  .inode = (uint64_t)s.st_ino,
                                  .bytes = (uint64_t)s.st_size,
                                  .written_ns = ns_of(s.st_mtim),
                                  .changed_ns = ns_of(s.st_ctim)};
}

bool bp_file_stamp_is(const struct bp_file_stamp *a, const struct bp_file_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
           a->written_ns == b->written_ns && a->changed_ns == b->changed_ns;
}

static bp_status make_one(const char *path, unsigned mode, struct bp_err *err)
{
    struct stat found;
    if (mkdir(path, (mode_t)mode) == 0)
        return bp_dir_flush_parent(path, err);
    if (errno == EEXIST && stat(path, &found) == 0 && S_ISDIR(found.st_mode))
        return BP_OK;
    return fail_errno(err, "make folder", path);
}

bp_status bp_dir_make(const char *path, unsigned mode, struct bp_err *err)
{
    char *copy = bp_str_dup(bp_str(path));
    if (copy == NULL)
        return bp_fail(err, BP_ENOMEM, "make folder %s: out of memory", path);
    bp_status st = BP_OK;
    for (char *p = copy + 1; copy[0] != '\0' && *p != '\0' && st == BP_OK; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        st = make_one(copy, mode, err);
        *p = '/';
    }
    if (st == BP_OK)
        st = make_one(copy, mode, err);
    free(copy);
    return st;
}

char *bp_path_join(const char *dir, const char *name)
{
    size_t size = strlen(dir) + strlen(name) + 2;
    char *path = malloc(size);
    if (path != NULL)
        (void)snprintf(path, size, "%s/%s", dir, name);
    return path;
}

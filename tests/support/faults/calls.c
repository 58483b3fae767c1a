/* The calls that change a disk, wrapped. Each goes straight to the kernel, so that no wrapper meets
 * another. The hard part is a write: it may be torn, cut short or durable in itself, and where it
 * went has to be known. */
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ALIAS(name) __attribute__((alias(#name)))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* one call at a time */

_Noreturn void fault_die(void)
{
    (void)kill(getpid(), SIGKILL);
    for (;;)
        (void)pause();
}

/* --- paths --- */

static const char *within(const char *path)
{
    const char *dir = getenv("FAULTS_DIR");
    size_t n = dir != NULL ? strlen(dir) : 0;
    if (n == 0 || strncmp(path, dir, n) != 0)
        return NULL;
    return path[n] == 0 ? "." : path[n] == '/' ? path + n + 1 : NULL;
}

const char *fault_path_of(int fd, char *place)
{
    char link[40];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, place, PATH_MAX - 1);
    if (n <= 0 || place[0] != '/')
        return NULL;
    place[n] = 0;
    return within(place);
}

const char *fault_path_at(int dir_fd, const char *name, char *place)
{
    if (name[0] == '/')
        return within(name);
    ssize_t n = -1;
    if (dir_fd == AT_FDCWD) {
        n = getcwd(place, PATH_MAX) != NULL ? (ssize_t)strlen(place) : -1;
    } else if (fault_path_of(dir_fd, place) != NULL) {
        n = (ssize_t)strlen(place);
    }
    if (n < 0 || (size_t)n + strlen(name) + 2 > PATH_MAX)
        return NULL;
    (void)snprintf(place + n, PATH_MAX - (size_t)n, "/%s", name);
    return within(place);
}

static uint64_t inode_of(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

/* --- one call, from verdict to record --- */

struct job {
    struct fault_verdict verdict;
    struct fault_record record;
    const char *path;
};

/* Takes the lock; false: the call fails, errno says how, and the lock is free again. */
static bool begin(struct job *job, enum fault_call call, const char *path)
{
    (void)pthread_mutex_lock(&lock);
    *job = (struct job){.verdict = fault_decide(call, path), .path = path};
    enum fault_act act = job->verdict.act;
    if (act == FAULT_KILL ||
        (act == FAULT_TEAR && call != FAULT_WRITE && call != FAULT_DURABLE_WRITE))
        fault_die();
    if (act == FAULT_FAIL) {
        (void)pthread_mutex_unlock(&lock);
        errno = job->verdict.code;
        return false;
    }
    job->record.call = call;
    job->record.began_ns = fault_now_ns();
    return true;
}

/* Frees the lock; the call has been recorded. */
static long end(const struct job *job, long result)
{
    int code = errno;
    if (job->verdict.act == FAULT_KILL_AFTER || job->verdict.act == FAULT_TEAR)
        fault_die();
    (void)pthread_mutex_unlock(&lock);
    errno = code;
    return result;
}

/* Records a call that succeeded, named by its path (and another one), and ends it. */
static long end_named(struct job *job, long result, uint64_t inode, const char *other)
{
    int code = errno;
    struct fault_record *r = &job->record;
    if (result >= 0 && fault_is_tracing()) {
        r->inode = inode;
        r->ended_ns = fault_now_ns();
        r->parts[0] = (struct iovec){(void *)(uintptr_t)job->path, strlen(job->path)};
        if (other != NULL) {
            r->parts[0].iov_len++; /* its NUL */
            r->parts[1] = (struct iovec){(void *)(uintptr_t)other, strlen(other)};
        }
        fault_trace(r);
    }
    errno = code;
    return end(job, result);
}

/* --- opening --- */

static int open_at(int dir_fd, const char *name, int flags, mode_t mode)
{
    char place[PATH_MAX];
    struct job job;
    struct stat before;
    const char *path = fault_path_at(dir_fd, name, place);
    if (path == NULL)
        return (int)syscall(SYS_openat, dir_fd, name, flags, mode);
    bool is_changing = (flags & (O_ACCMODE | O_CREAT | O_TRUNC)) != O_RDONLY;
    if (!begin(&job, is_changing ? FAULT_OPEN : FAULT_READ, path))
        return -1;
    bool was_there = fstatat(dir_fd, name, &before, AT_SYMLINK_NOFOLLOW) == 0;
    int fd = (int)syscall(SYS_openat, dir_fd, name, flags, mode);
    if (!is_changing)
        return (int)end(&job, fd);
    job.record.size = !was_there ? 1 : (flags & O_TRUNC) != 0 ? 2 : 0;
    return (int)end_named(&job, fd, fd >= 0 ? inode_of(fd) : 0, NULL);
}

#define MODE_OF(flags, last)                                                                       \
    __extension__({                                                                                \
        mode_t mode_ = 0;                                                                          \
        if (((flags) & (O_CREAT | O_TMPFILE)) != 0) {                                              \
            va_list rest_;                                                                         \
            va_start(rest_, last);                                                                 \
            mode_ = (mode_t)va_arg(rest_, int);                                                    \
            va_end(rest_);                                                                         \
        }                                                                                          \
        mode_;                                                                                     \
    })

int open(const char *name, int flags, ...)
{
    return open_at(AT_FDCWD, name, flags, MODE_OF(flags, flags));
}

int openat(int dir_fd, const char *name, int flags, ...)
{
    return open_at(dir_fd, name, flags, MODE_OF(flags, flags));
}

int open64(const char *name, int flags, ...) ALIAS(open);
int openat64(int dir_fd, const char *name, int flags, ...) ALIAS(openat);

/* What a fortified program calls. */
int __open_2(const char *name, int flags);
int __open_2(const char *name, int flags)
{
    return open_at(AT_FDCWD, name, flags, 0);
}
int __open64_2(const char *name, int flags);
int __open64_2(const char *name, int flags) ALIAS(__open_2);

int creat(const char *name, mode_t mode)
{
    return open_at(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
int creat64(const char *name, mode_t mode) ALIAS(creat);

int mkostemp(char *pattern, int flags)
{
    static unsigned serial;
    size_t n = strlen(pattern);
    for (;;) {
        char digits[7];
        (void)snprintf(digits, sizeof(digits), "%06u",
                       (unsigned)((unsigned)fault_now_ns() + serial++) % 1000000u);
        memcpy(pattern + n - 6, digits, 6);
        int fd = open_at(AT_FDCWD, pattern, flags | O_RDWR | O_CREAT | O_EXCL, 0600);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
}
int mkostemp64(char *pattern, int flags) ALIAS(mkostemp);

/* --- reading --- */

#define WHERE_IT_STANDS (-1)

static ssize_t read_some(int fd, void *p, size_t n, off_t at)
{
    char place[PATH_MAX];
    struct job job = {0};
    const char *path = fault_path_of(fd, place);
    if (path != NULL && !begin(&job, FAULT_READ, path))
        return -1;
    if (job.verdict.act == FAULT_SHORT)
        n /= 2;
    long got = at == WHERE_IT_STANDS ? syscall(SYS_read, fd, p, n)
                                     : syscall(SYS_pread64, fd, p, n, (long)at);
    return path != NULL ? end(&job, got) : got;
}

ssize_t read(int fd, void *p, size_t n)
{
    return read_some(fd, p, n, WHERE_IT_STANDS);
}

ssize_t pread(int fd, void *p, size_t n, off_t at)
{
    return read_some(fd, p, n, at);
}
ssize_t pread64(int fd, void *p, size_t n, off_t at) ALIAS(pread);

/* --- writing --- */

static long raw_write(int fd, const struct iovec *v, int n, off_t at)
{
    return at == WHERE_IT_STANDS ? syscall(SYS_writev, fd, v, n)
                                 : syscall(SYS_pwritev, fd, v, n, (long)at, 0L);
}

/* The first half of what was to be written. */
static long half_write(int fd, const struct iovec *v, int n, off_t at)
{
    size_t all = 0;
    for (int i = 0; i < n; i++)
        all += v[i].iov_len;
    long done = 0;
    for (int i = 0; i < n && (size_t)done < all / 2; i++) {
        struct iovec part = v[i];
        if (part.iov_len > all / 2 - (size_t)done)
            part.iov_len = all / 2 - (size_t)done;
        long wrote = raw_write(fd, &part, 1, at == WHERE_IT_STANDS ? at : at + done);
        if (wrote <= 0)
            return done != 0 ? done : wrote;
        done += wrote;
    }
    return done;
}

static bool is_durable(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_DSYNC) != 0;
}

static ssize_t write_all(int fd, const struct iovec *v, int n, off_t at, bool is_flushed)
{
    char place[PATH_MAX];
    struct job job;
    const char *path = fault_path_of(fd, place);
    if (path == NULL)
        return raw_write(fd, v, n, at);
    if (!begin(&job, is_flushed || is_durable(fd) ? FAULT_DURABLE_WRITE : FAULT_WRITE, path))
        return -1;
    enum fault_act act = job.verdict.act;
    long wrote = act == FAULT_SHORT || act == FAULT_TEAR ? half_write(fd, v, n, at)
                                                         : raw_write(fd, v, n, at);
    int code = errno;
    if (wrote > 0 && fault_is_tracing()) {
        job.record.inode = inode_of(fd);
        job.record.at = (uint64_t)(at != WHERE_IT_STANDS ? at : lseek(fd, 0, SEEK_CUR) - wrote);
        job.record.ended_ns = fault_now_ns();
        fault_trace_write(&job.record, v, (size_t)wrote);
    }
    errno = code;
    return end(&job, wrote);
}

ssize_t write(int fd, const void *p, size_t n)
{
    return write_all(fd, &(struct iovec){(void *)(uintptr_t)p, n}, 1, WHERE_IT_STANDS, false);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
    return write_all(fd, v, n, WHERE_IT_STANDS, false);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    return write_all(fd, &(struct iovec){(void *)(uintptr_t)p, n}, 1, at, false);
}
ssize_t pwrite64(int fd, const void *p, size_t n, off_t at) ALIAS(pwrite);

ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at)
{
    return write_all(fd, v, n, at, false);
}
ssize_t pwritev64(int fd, const struct iovec *v, int n, off_t at) ALIAS(pwritev);

ssize_t pwritev2(int fd, const struct iovec *v, int n, off_t at, int flags)
{
    return write_all(fd, v, n, at, (flags & (RWF_DSYNC | RWF_SYNC)) != 0);
}
ssize_t pwritev64v2(int fd, const struct iovec *v, int n, off_t at, int flags) ALIAS(pwritev2);

/* --- flushing and sizes --- */

static int flush(int fd, long number)
{
    char place[PATH_MAX];
    struct job job;
    const char *path = fault_path_of(fd, place);
    if (path == NULL)
        return (int)syscall(number, fd);
    if (!begin(&job, FAULT_FLUSH, path))
        return -1;
    return (int)end_named(&job, syscall(number, fd), inode_of(fd), NULL);
}

int fsync(int fd)
{
    return flush(fd, SYS_fsync);
}

int fdatasync(int fd)
{
    return flush(fd, SYS_fdatasync);
}

static int resize(int fd, long number, int mode, off_t at, off_t n)
{
    char place[PATH_MAX];
    struct job job;
    struct stat now;
    const char *path = fault_path_of(fd, place);
    if (path != NULL && !begin(&job, FAULT_RESIZE, path))
        return -1;
    int rc =
        (int)(number == SYS_ftruncate ? syscall(number, fd, n) : syscall(number, fd, mode, at, n));
    if (path == NULL)
        return rc;
    job.record.size = fstat(fd, &now) == 0 ? (uint64_t)now.st_size : 0;
    return (int)end_named(&job, rc, inode_of(fd), NULL);
}

int ftruncate(int fd, off_t n)
{
    return resize(fd, SYS_ftruncate, 0, 0, n);
}
int ftruncate64(int fd, off_t n) ALIAS(ftruncate);

int fallocate(int fd, int mode, off_t at, off_t n)
{
    return resize(fd, SYS_fallocate, mode, at, n);
}
int fallocate64(int fd, int mode, off_t at, off_t n) ALIAS(fallocate);

int posix_fallocate(int fd, off_t at, off_t n)
{
    return resize(fd, SYS_fallocate, 0, at, n) == 0 ? 0 : errno;
}
int posix_fallocate64(int fd, off_t at, off_t n) ALIAS(posix_fallocate);

/* --- names --- */

static int move(enum fault_call call, long number, const char *from, const char *to)
{
    char place[PATH_MAX], other_place[PATH_MAX];
    struct job job;
    const char *path = fault_path_at(AT_FDCWD, from, place);
    const char *other = fault_path_at(AT_FDCWD, to, other_place);
    if (path == NULL || other == NULL)
        return (int)syscall(number, from, to);
    if (!begin(&job, call, other))
        return -1;
    job.path = path;
    return (int)end_named(&job, syscall(number, from, to), 0, other);
}

int rename(const char *from, const char *to)
{
    return move(FAULT_RENAME, SYS_rename, from, to);
}

int link(const char *from, const char *to)
{
    return move(FAULT_LINK, SYS_link, from, to);
}

static int change_name(enum fault_call call, int dir_fd, const char *name, long number, long flags)
{
    char place[PATH_MAX];
    struct job job;
    const char *path = fault_path_at(dir_fd, name, place);
    if (path == NULL)
        return (int)syscall(number, dir_fd, name, flags);
    if (!begin(&job, call, path))
        return -1;
    return (int)end_named(&job, syscall(number, dir_fd, name, flags), 0, NULL);
}

int unlink(const char *name)
{
    return change_name(FAULT_UNLINK, AT_FDCWD, name, SYS_unlinkat, 0);
}

int unlinkat(int dir_fd, const char *name, int flags)
{
    return change_name(FAULT_UNLINK, dir_fd, name, SYS_unlinkat, flags);
}

int rmdir(const char *name)
{
    return change_name(FAULT_UNLINK, AT_FDCWD, name, SYS_unlinkat, AT_REMOVEDIR);
}

int remove(const char *name)
{
    int rc = unlink(name);
    return rc != 0 && errno == EISDIR ? rmdir(name) : rc;
}

int mkdir(const char *name, mode_t mode)
{
    return change_name(FAULT_MKDIR, AT_FDCWD, name, SYS_mkdirat, (long)mode);
}

int mkdirat(int dir_fd, const char *name, mode_t mode)
{
    return change_name(FAULT_MKDIR, dir_fd, name, SYS_mkdirat, (long)mode);
}

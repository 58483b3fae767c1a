/* Preloaded into a program: kills it before the nth of its calls that change the disk, n from the
 * variable KILL_AT; without that it lives. Flushes are counted and left out: what a process wrote
 * outlives its death without them, and the tests have thousands. */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static void count(void)
{
    static long calls;
    const char *at = getenv("KILL_AT");
    if (at != NULL && ++calls == atol(at))
        (void)raise(SIGKILL);
}

/* A function's address comes from dlsym as an object's; the union is the way round that C allows.
 */
#define FORWARD(result, name, parameters, arguments)                                               \
    result name parameters;                                                                        \
    result name parameters                                                                         \
    {                                                                                              \
        union {                                                                                    \
            void *object;                                                                          \
            result(*function) parameters;                                                          \
        } real = {dlsym(RTLD_NEXT, #name)};                                                        \
        count();                                                                                   \
        return real.function arguments;                                                            \
    }

FORWARD(int, rename, (const char *from, const char *to), (from, to))
FORWARD(int, mkdir, (const char *path, mode_t mode), (path, mode))
FORWARD(int, unlink, (const char *path), (path))
FORWARD(int, fchmod, (int fd, mode_t mode), (fd, mode))
FORWARD(int, ftruncate, (int fd, off_t n), (fd, n))
FORWARD(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n))
FORWARD(ssize_t, pwrite, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
FORWARD(ssize_t, pwritev, (int fd, const struct iovec *v, int n, off_t at), (fd, v, n, at))
FORWARD(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n))

int fsync(int fd)
{
    (void)fd;
    count();
    return 0;
}

int fdatasync(int fd)
{
    return fsync(fd);
}

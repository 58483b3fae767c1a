/* The time of day, shifted by what FAULTS_CLOCK says at that moment. The monotonic clock is left
 * alone: it never jumps. */
#include "faults.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000

static int64_t shift_ns(void)
{
    static _Atomic(int64_t *) shared;
    int64_t *at = atomic_load(&shared);
    const char *file = getenv("FAULTS_CLOCK");
    if (file == NULL)
        return 0;
    if (at == NULL) {
        int fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC, 0);
        void *map = fd >= 0 ? mmap(NULL, sizeof(*at), PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
        if (fd >= 0)
            (void)close(fd);
        if (map == MAP_FAILED)
            return 0;
        at = map;
        atomic_store(&shared, at);
    }
    return __atomic_load_n(at, __ATOMIC_RELAXED);
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    int rc = (int)syscall(SYS_clock_gettime, clock, out);
    if (rc != 0 || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
        return rc;
    int64_t ns = (int64_t)out->tv_sec * NS_PER_S + out->tv_nsec + shift_ns();
    out->tv_sec = ns / NS_PER_S;
    out->tv_nsec = ns % NS_PER_S;
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL)
        *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *out, void *zone)
{
    struct timespec now = {0};
    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}

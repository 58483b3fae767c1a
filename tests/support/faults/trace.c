/* The record of changes. Each begins with a line, bytes follow it:
 *
 *   CALL INODE AT SIZE BEGAN ENDED N newline, then N bytes
 *
 * Written at once, so that it is whole up to the call at which the program was killed. */
#include "faults.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PARTS_MAX 1026 /* LMDB's most is 64; writev(2) takes 1024 */

static int trace_fd(void)
{
    static int fd = -1;
    const char *file = getenv("FAULTS_TRACE");
    if (fd < 0 && file != NULL)
        fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                          0600);
    return fd;
}

bool fault_is_tracing(void)
{
    return trace_fd() >= 0;
}

int64_t fault_now_ns(void)
{
    struct timespec t = {0};
    (void)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* A trace with a hole would prove what is not so. */
static void put(const struct iovec *parts, int n, size_t bytes)
{
    if (syscall(SYS_writev, trace_fd(), parts, n) != (long)bytes) {
        (void)fprintf(stderr, "faults: the trace cannot be written\n");
        abort();
    }
}

void fault_trace_write(const struct fault_record *r, const struct iovec *parts, size_t n)
{
    char line[160];
    struct iovec v[PARTS_MAX];
    int count = 1;
    int head =
        snprintf(line, sizeof(line), "%s %llu %llu %llu %lld %lld %zu\n", fault_call_name(r->call),
                 (unsigned long long)r->inode, (unsigned long long)r->at,
                 (unsigned long long)r->size, (long long)r->began_ns, (long long)r->ended_ns, n);
    v[0] = (struct iovec){line, (size_t)head};
    for (size_t left = n; left != 0 && count < PARTS_MAX; parts++) {
        size_t take = parts->iov_len < left ? parts->iov_len : left;
        v[count++] = (struct iovec){parts->iov_base, take};
        left -= take;
    }
    put(v, count, (size_t)head + n);
}

void fault_trace(const struct fault_record *r)
{
    fault_trace_write(r, r->parts, r->parts[0].iov_len + r->parts[1].iov_len);
}

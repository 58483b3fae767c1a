/* The hard part is that the poller tells of arrivals, not of what has been left lying: setting a
 * socket's low-water mark makes the kernel look, and tell again (tcp_set_rcvlowat). It is done at
 * every refusal, so that no order of events leaves bytes that nobody is told of.
 *
 * gRPC reads a socket on one thread at a time, and not always the same: hence atomics, and no more
 * than that. A count that two threads change at once may miss a little of it. */
#include "rpc_intake.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "rpc_sockets.h"

/* About a record of TLS. Smaller turns cost a push four system calls each, and the record is worked
 * off in one piece all the same. */
#define TURN_BYTES (16u << 10)

/* Connections beyond this number share places, which only mixes up their counts. */
#define SOCKETS 65536

/* Frames around what came of them, and what no call is about: windows, pings, acknowledgements. */
#define FRAMES_BYTES 4096
#define FORGIVEN_PER_S (INT64_C(1) << 20)

static _Atomic uint64_t most; /* 0: not started */
static atomic_uint turn;      /* how often the poller was asked */

static struct intake {
    atomic_bool accepted; /* else it is no connection of ours */
    atomic_bool closed;
    atomic_uint turn, used;        /* bytes in that turn */
    _Atomic int64_t bytes, second; /* that came to nothing, up to this second */
} intakes[SOCKETS];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the two below; a leaf */
static char addresses[SOCKETS][BP_RPC_ADDRESS_BYTES];
static int n_addresses; /* up to the highest ever used */

void bp_rpc_intake_start(uint64_t most_bytes)
{
    atomic_store(&most, most_bytes);
}

static int find_locked(const char *address)
{
    int i = n_addresses - 1;
    while (i >= 0 && strcmp(addresses[i], address) != 0)
        i--;
    return i;
}

int bp_rpc_intake_account(const char *address)
{
    (void)pthread_mutex_lock(&lock);
    int found = find_locked(address);
    (void)pthread_mutex_unlock(&lock);
    return found;
}

/* Nobody tells when a descriptor is closed: an address that comes again leaves its old place here. */
void bp_rpc_intake_open(int fd, const char *address)
{
    int i = fd % SOCKETS;
    (void)pthread_mutex_lock(&lock);
    int before = find_locked(address);
    if (before >= 0)
        addresses[before][0] = '\0';
    (void)bp_str_copy(addresses[i], sizeof(addresses[i]), bp_str(address));
    if (i >= n_addresses)
        n_addresses = i + 1;
    (void)pthread_mutex_unlock(&lock);
    atomic_store(&intakes[i].bytes, 0);
    atomic_store(&intakes[i].closed, false);
    atomic_store(&intakes[i].accepted, true);
}

bool bp_rpc_intake_is_closed(int account)
{
    return account >= 0 && atomic_load(&intakes[account].closed);
}

static void count(struct intake *in, int64_t change)
{
    int64_t bytes = atomic_load_explicit(&in->bytes, memory_order_relaxed) + change;
    atomic_store_explicit(&in->bytes, bytes > 0 ? bytes : 0, memory_order_relaxed);
}

void bp_rpc_intake_accept(int account, size_t bytes)
{
    if (account >= 0)
        count(&intakes[account], -(int64_t)(bytes + bytes / 8 + FRAMES_BYTES));
}

static bool is_too_much(struct intake *in, ssize_t bytes)
{
    int64_t now = bp_monotonic_ms(&bp_system_clock) / 1000;
    int64_t passed = now - atomic_exchange_explicit(&in->second, now, memory_order_relaxed);
    if (passed > 0)
        count(in, -passed * FORGIVEN_PER_S);
    count(in, bytes);
    return (uint64_t)atomic_load_explicit(&in->bytes, memory_order_relaxed) > atomic_load(&most);
}

static void close_connection(int fd, struct intake *in)
{
    static struct bp_log_limit limit = {.most = 10, .interval_ms = 1000};
    if (bp_log_admit(&limit))
        bp_log(BP_LOG_WARN, "rpc.connection_closed", "why=bytes_without_calls");
    atomic_store(&in->closed, true);
    (void)shutdown(fd, SHUT_RDWR);
}

static unsigned left_of(struct intake *in)
{
    unsigned now = atomic_load_explicit(&turn, memory_order_relaxed);
    if (atomic_exchange_explicit(&in->turn, now, memory_order_relaxed) != now)
        atomic_store_explicit(&in->used, 0, memory_order_relaxed);
    unsigned used = atomic_load_explicit(&in->used, memory_order_relaxed);
    return used < TURN_BYTES ? TURN_BYTES - used : 0;
}

static ssize_t come_again(int fd)
{
    int any = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &any, (socklen_t)sizeof(any));
    errno = EAGAIN;
    return -1;
}

static ssize_t receive(int fd, struct msghdr *message, int flags)
{
    return syscall(SYS_recvmsg, fd, message, flags);
}

/* The caller's room is made smaller for the call. */
static ssize_t receive_at_most(int fd, struct msghdr *message, int flags, size_t bytes)
{
    size_t n = message->msg_iovlen, i = 0;
    while (i < n && message->msg_iov[i].iov_len <= bytes)
        bytes -= message->msg_iov[i++].iov_len;
    if (i == n)
        return receive(fd, message, flags);
    size_t room = message->msg_iov[i].iov_len;
    message->msg_iov[i].iov_len = bytes;
    message->msg_iovlen = i + 1;
    ssize_t got = receive(fd, message, flags);
    message->msg_iov[i].iov_len = room;
    message->msg_iovlen = n;
    return got;
}

/* libgrpc calls this one. */
ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    struct intake *in = &intakes[(unsigned)fd % SOCKETS];
    if (!atomic_load_explicit(&in->accepted, memory_order_relaxed) || atomic_load(&most) == 0)
        return receive(fd, message, flags);
    unsigned left = left_of(in);
    if (left == 0)
        return come_again(fd);
    ssize_t got = receive_at_most(fd, message, flags, left);
    if (got <= 0)
        return got;
    atomic_fetch_add_explicit(&in->used, (unsigned)got, memory_order_relaxed);
    if (!is_too_much(in, got))
        return got;
    close_connection(fd, in);
    return 0;
}

/* And this one, when it has nothing left to do. */
int epoll_wait(int poller, struct epoll_event *events, int n, int timeout_ms)
{
    atomic_fetch_add_explicit(&turn, 1, memory_order_relaxed);
    return epoll_pwait(poller, events, n, timeout_ms, NULL);
}

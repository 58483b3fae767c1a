#include "rpc_accept.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"
#include "rpc_intake.h"
#include "rpc_sockets.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards kept; a leaf */
static int kept = -1;
static atomic_ulong sent_away;

bp_status bp_rpc_keep_descriptor(struct bp_err *err)
{
    (void)pthread_mutex_lock(&lock);
    if (kept < 0)
        kept = open("/dev/null", O_RDONLY | O_CLOEXEC);
    bool is_kept = kept >= 0;
    (void)pthread_mutex_unlock(&lock);
    return is_kept ? BP_OK : bp_fail(err, BP_EIO, "cannot open /dev/null: %s", strerror(errno));
}

/* Everybody who waits, with the one descriptor that was kept; the log needs none. */
static void send_away_locked(int listener)
{
    int fd;
    (void)close(kept);
    while ((fd = (int)syscall(SYS_accept4, listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        (void)close(fd);
        atomic_fetch_add(&sent_away, 1);
    }
    kept = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void send_away(int listener)
{
    static struct bp_log_limit limit = {.most = 1, .interval_ms = 1000};
    (void)pthread_mutex_lock(&lock);
    if (kept >= 0)
        send_away_locked(listener);
    (void)pthread_mutex_unlock(&lock);
    if (bp_log_admit(&limit))
        bp_log(BP_LOG_ERROR, "rpc.no_descriptors", "sent_away=%lu", atomic_load(&sent_away));
}

/* What a reader does not take waits with us, as a place in the log, rather than as megabytes in the
 * kernel that this thread had to encrypt beforehand while others waited. */
#define UNSENT_BYTES (128 << 10)

static void bound_unsent(int fd)
{
    const int most = UNSENT_BYTES;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, sizeof(most));
}

/* libgrpc calls this one. */
int accept4(int listener, struct sockaddr *peer, socklen_t *peer_n, int flags)
{
    char address[BP_RPC_ADDRESS_BYTES];
    int fd = (int)syscall(SYS_accept4, listener, peer, peer_n, flags);
    if (fd >= 0)
        bound_unsent(fd);
    if (fd >= 0 && peer != NULL && bp_rpc_sockets_describe(peer, address))
        bp_rpc_intake_open(fd, address);
    if (fd >= 0 || (errno != EMFILE && errno != ENFILE))
        return fd;
    send_away(listener);
    errno = EAGAIN;
    return -1;
}

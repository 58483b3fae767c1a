#include "stop.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

static int stop_fd = -1;
static bool requested;

void bp_stop_install(void)
{
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    stop_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* From now on SIGINT does what it does to any program. */
static void let_second_through(void)
{
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGINT);
    (void)pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
}

bool bp_stop_requested(void)
{
    struct pollfd fd = {.fd = stop_fd, .events = POLLIN};
    if (requested || stop_fd < 0 || poll(&fd, 1, 0) != 1)
        return requested;
    struct signalfd_siginfo info;
    if (read(stop_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        requested = true;
        let_second_through();
    }
    return requested;
}

int bp_stop_fd(void)
{
    return stop_fd;
}

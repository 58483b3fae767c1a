#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stop.h"

#define TURN_MS 100

bp_status bp_source_open(const char *path, struct bp_source *out, struct bp_err *err)
{
    *out = (struct bp_source){.fd = STDIN_FILENO, .name = path};
    if (strcmp(path, "-") == 0) {
        out->name = "standard input";
        return BP_OK;
    }
    struct stat st;
    out->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (out->fd < 0)
        return bp_fail(err, BP_EIO, "%s: %s", path, strerror(errno));
    out->is_own = true;
    if (fstat(out->fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        bp_source_close(out);
        return bp_fail(err, BP_EIO, "%s: is a folder", path);
    }
    return BP_OK;
}

void bp_source_close(struct bp_source *s)
{
    if (s->is_own)
        (void)close(s->fd);
    s->is_own = false;
}

/* Waits until there is something to read. */
static bp_status wait_readable(struct bp_source *s, struct bp_err *err)
{
    for (int timeout_ms = 0;; timeout_ms = TURN_MS) {
        struct pollfd fds[2] = {{.fd = s->fd, .events = POLLIN},
                                {.fd = bp_stop_fd(), .events = POLLIN}};
        int n = poll(fds, 2, timeout_ms);
        if (bp_stop_requested())
            return bp_fail(err, BP_ECLOSED, "interrupted");
        if (n > 0 && fds[0].revents != 0)
            return BP_OK;
        bp_status st = s->idle != NULL ? s->idle(s->context, err) : BP_OK;
        if (st != BP_OK)
            return st;
    }
}

bp_status bp_source_read(struct bp_source *s, void *p, size_t n, size_t *got, struct bp_err *err)
{
    bp_status st = wait_readable(s, err);
    if (st != BP_OK)
        return st;
    ssize_t r;
    do {
        r = read(s->fd, p, n);
    } while (r < 0 && errno == EINTR);
    if (r < 0)
        return bp_fail(err, BP_EIO, "%s: %s", s->name, strerror(errno));
    *got = (size_t)r;
    return BP_OK;
}

/* The file grows under another name beside its own, and gets its name when all of it is on disk: a
 * file of that name is a whole backup. */
#include "backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "buffer.h"
#include "clock.h"
#include "file.h"
#include "progress.h"
#include "stop.h"

struct session {
    struct bp_progress progress;
    const char *path; /* of what grows */
    int fd;
    uint64_t bytes;
    bool is_broken; /* a write failed; err says how */
    struct bp_err err;
};

static bool take_piece(void *context, const void *p, size_t n, uint64_t done, uint64_t total)
{
    struct session *s = context;
    s->is_broken = bp_fd_write(s->fd, s->path, p, n, &s->err) != BP_OK;
    if (s->is_broken)
        return false;
    s->bytes += n;
    s->progress.stored = done;
    s->progress.total = total;
    bp_progress_tick(&s->progress, bp_monotonic_ms(&bp_system_clock));
    return !bp_stop_requested();
}

static int receive(struct session *s, struct berbagi_client *client)
{
    struct berbagi_error error = {0};
    bp_progress_start(&s->progress, stderr, isatty(STDERR_FILENO) == 1,
                      bp_monotonic_ms(&bp_system_clock));
    berbagi_status status = berbagi_backup(client, take_piece, s, &error);
    bp_progress_end(&s->progress);
    if (s->is_broken) {
        bp_cli_say("operator backup: %s", s->err.text);
        return CLI_FAILED;
    }
    return status == BERBAGI_OK ? CLI_DONE : bp_cli_fail("operator backup", status, &error);
}

/* link(2) and not rename(2): it never takes the place of a file that came meanwhile. */
static int keep(const struct session *s, const char *path)
{
    char mib[32], entries[32];
    if (fsync(s->fd) != 0 || link(s->path, path) != 0 || bp_dir_flush_parent(path, NULL) != BP_OK) {
        bp_cli_say("operator backup: %s: %s", path, strerror(errno));
        return CLI_FAILED;
    }
    bp_cli_say("%s: %s entries, %s MiB; only the holder of the backup's key can read it", path,
               bp_count_text(s->progress.total, entries), bp_count_text(s->bytes >> 20, mib));
    return CLI_DONE;
}

static int back_up(struct berbagi_client *client, const char *path, const char *part)
{
    struct session s = {.progress = {.unit = "entries"}, .path = part};
    (void)unlink(part); /* of a run that was killed */
    s.fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (s.fd < 0) {
        bp_cli_say("operator backup: %s: %s", part, strerror(errno));
        return CLI_FAILED;
    }
    int code = receive(&s, client);
    if (code == CLI_DONE)
        code = keep(&s, path);
    (void)close(s.fd);
    (void)unlink(part);
    return code;
}

int bp_operator_backup(struct berbagi_client *client, const char *path)
{
    struct bp_buf part = {0};
    if (access(path, F_OK) == 0) {
        bp_cli_say("operator backup: %s: there is such a file already", path);
        return CLI_FAILED;
    }
    bp_buf_printf(&part, "%s.part", path);
    bp_buf_add_byte(&part, '\0');
    int code = CLI_FAILED;
    if (part.failed)
        bp_cli_say("out of memory");
    else
        code = back_up(client, path, (const char *)part.p);
    bp_buf_fini(&part);
    return code;
}

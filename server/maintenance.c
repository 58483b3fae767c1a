#include "maintenance.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "clock.h"
#include "restore.h"

/* Ends in place on a terminal, and says nothing elsewhere: a log needs no percentages. */
static void show_progress(void *context, uint64_t done, uint64_t total)
{
    (void)context;
    if (isatty(STDERR_FILENO) != 1)
        return;
    fprintf(stderr, "\rrestoring: %3u %% of %" PRIu64 " MiB%s",
            total == 0 ? 100 : (unsigned)(done * 100 / total), total >> 20,
            done == total ? "\n" : "");
}

int bp_maintenance_restore(const struct bp_config *config)
{
    const struct bp_restore_config restore = {.file = config->restore,
                                              .key = config->restore_key,
                                              .data_dir = config->data,
                                              .clock = &bp_system_clock,
                                              .progress = show_progress};
    struct bp_restored done;
    struct bp_err err;
    char before[33], now[33], taken[36];
    if (bp_restore(&restore, &done, &err) != BP_OK) {
        fprintf(stderr, "berbagid: %s\n", err.text);
        return 1;
    }
    bp_log_id_format(&done.about.log_id, before);
    bp_log_id_format(&done.log_id, now);
    bp_time_format(done.about.taken_at_ns, taken);
    printf("restored %" PRIu64 " events, %" PRIu64 " entries in all and %" PRIu64
           " subscriptions, as of %s\n"
           "the log was %s and goes on as %s: subscribers are told that events behind position "
           "%" PRIu64 " may be lost\n"
           "put the pseudonym key back into the data folder before the server is started\n",
           done.end.head, done.end.entries, done.end.subscriptions, taken, before, now,
           done.end.head);
    return 0;
}

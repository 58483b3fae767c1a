/* The program: options, signals, one line when it serves. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "clock.h"
#include "log.h"
#include "maintenance.h"
#include "memory.h"
#include "rpc_status.h"
#include "server.h"
#include "signals.h"

static void print_reasons(void)
{
    for (int r = BP_REASON_NONE + 1; r < BP_REASONS; r++)
        printf("%-22s %-20s %s\n", bp_rpc_reason_name((enum bp_rpc_reason)r),
               bp_rpc_reason_code_name((enum bp_rpc_reason)r),
               bp_rpc_reason_meaning((enum bp_rpc_reason)r));
}

/* The next signal. Meanwhile a service manager with a watchdog gets a sign of life twice in its
 * time, as long as the exchange turns. */
static int wait_for_signal(const struct bp_server *server, const sigset_t *set)
{
    uint64_t watchdog_us = 0;
    if (sd_watchdog_enabled(0, &watchdog_us) <= 0)
        return sigwaitinfo(set, NULL);
    int64_t half_ns = (int64_t)(watchdog_us / 2) * 1000;
    const struct timespec half = {(time_t)(half_ns / BP_NS_PER_S), (long)(half_ns % BP_NS_PER_S)};
    int number = sigtimedwait(set, NULL, &half);
    if (number < 0 && bp_server_is_alive(server, (int64_t)(watchdog_us / 1000)))
        (void)sd_notify(0, "WATCHDOG=1");
    return number;
}

/* Returns when it is time to stop. */
static void wait_for_stop(struct bp_server *server, const sigset_t *set)
{
    for (;;) {
        int number = wait_for_signal(server, set);
        if (number < 0)
            continue;
        if (number != SIGHUP) {
            bp_log(BP_LOG_INFO, "server.stopping", "signal=%d", number);
            return;
        }
        bp_server_reload(server);
    }
}

static int run(const struct bp_config *config)
{
    struct bp_server *server = NULL;
    struct bp_err err;
    bp_memory_bound_kept();
    sigset_t set = bp_signals_block();
    if (bp_server_start(config, &server, &err) != BP_OK) {
        fprintf(stderr, "berbagid: %s\n", err.text);
        return 1;
    }
    printf("ready %s\n", bp_server_address(server));
    (void)fflush(stdout);
    (void)sd_notify(0, "READY=1\nSTATUS=Serving");
    wait_for_stop(server, &set);
    (void)sd_notify(0, "STOPPING=1");
    bp_server_stop(server);
    bp_log(BP_LOG_INFO, "server.stopped", "pid=%d", (int)getpid());
    return 0;
}

int main(int argc, char **argv)
{
    struct bp_config config;
    struct bp_err err;
    if (bp_config_read(argc, argv, &config, &err) != BP_OK) {
        fprintf(stderr, "berbagid: %s\n", err.text);
        return 2;
    }
    int code = 0;
    if (config.wants_help)
        bp_config_print_help();
    else if (config.wants_version)
        printf("berbagid %s\n", BERBAGI_VERSION);
    else if (config.wants_reasons)
        print_reasons();
    else if (config.restore != NULL)
        code = bp_maintenance_restore(&config);
    else if (config.verify != NULL)
        code = bp_maintenance_verify(&config);
    else
        code = run(&config);
    bp_config_fini(&config);
    return code;
}

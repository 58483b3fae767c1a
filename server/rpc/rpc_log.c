#include "rpc_log.h"

#include <grpc/support/log.h>

#include "log.h"

static _Thread_local bool quiet;

static void log_handshake(const char *words)
{
    static struct bp_log_limit limit = {.most = 10, .interval_ms = 1000};
    char quoted[400];
    if (bp_log_admit(&limit))
        bp_log(BP_LOG_WARN, "rpc.handshake_refused", "reason=%s",
               bp_log_quote(quoted, sizeof(quoted), bp_str(words)));
}

static void log_other(const gpr_log_func_args *args)
{
    static struct bp_log_limit limit = {.most = 5, .interval_ms = 1000};
    const char *file = strrchr(args->file, '/');
    char quoted[400];
    if (bp_log_admit(&limit))
        bp_log(BP_LOG_WARN, "rpc.grpc", "at=%s:%d message=%s", file != NULL ? file + 1 : args->file,
               args->line, bp_log_quote(quoted, sizeof(quoted), bp_str(args->message)));
}

static void take_line(gpr_log_func_args *args)
{
    if (quiet)
        return;
    if (strstr(args->message, "andshake") != NULL)
        log_handshake(args->message);
    else
        log_other(args);
}

void bp_rpc_log_install(void)
{
    gpr_set_log_function(take_line);
    gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
}

void bp_rpc_log_quiet(bool is_quiet)
{
    quiet = is_quiet;
}

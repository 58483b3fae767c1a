#include "rpc_log.h"

#include <grpc/support/log.h>
#include <stdatomic.h>

#include "log.h"
#include "rpc.h"

static _Thread_local bool quiet;

static atomic_uint_fast64_t failed[BP_RPC_HANDSHAKE_FAULTS];

/* OpenSSL's words (ssl_err.c), which gRPC passes on. */
static enum bp_rpc_handshake_fault fault_of(const char *message)
{
    static const struct {
        const char *words;
        enum bp_rpc_handshake_fault fault;
    } rows[] = {
        {"peer did not return a certificate", BP_RPC_NO_CERTIFICATE},
        {"certificate verify failed", BP_RPC_UNTRUSTED},
        {"unsupported protocol", BP_RPC_PROTOCOL},
        {"wrong version number", BP_RPC_PROTOCOL},
        {"no shared cipher", BP_RPC_PROTOCOL},
        {"http request", BP_RPC_PROTOCOL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strstr(message, rows[i].words) != NULL)
            return rows[i].fault;
    }
    return BP_RPC_OTHER_FAULT;
}

uint64_t bp_rpc_handshakes_failed(enum bp_rpc_handshake_fault fault)
{
    return atomic_load_explicit(&failed[fault], memory_order_relaxed);
}

static void log_handshake(const char *words)
{
    static struct bp_log_limit limit = {.most = 10, .interval_ms = 1000};
    char quoted[400];
    atomic_fetch_add_explicit(&failed[fault_of(words)], 1, memory_order_relaxed);
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

/* berbagi-ca serve: options, the passphrase, signals, one line when it serves. A program of its own,
 * which berbagi-ca starts in its place: what touches the root's key links no network code. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <systemd/sd-daemon.h>

#include "log.h"
#include "serve.h"
#include "signals.h"

static const struct bp_option table[] = {
    {.key = "dir",
     .type = BP_OPTION_TEXT,
     .operand = "DIR",
     .required = true,
     .help = "The CA's folder. Its ca.pem and crl.pem say who is let in."},
    {.key = "cert",
     .type = BP_OPTION_TEXT,
     .operand = "FILE",
     .required = true,
     .help = "This server's certificate (PEM), its chain behind it."},
    {.key = "key",
     .type = BP_OPTION_TEXT,
     .operand = "FILE",
     .help = "Its private key (PEM), readable by its owner alone; without this it stands in the "
             "file of --cert."},
    {.key = "listen",
     .type = BP_OPTION_TEXT,
     .operand = "ADDR:PORT",
     .otherwise = "127.0.0.1:7444",
     .help = "Where agencies ask; port 0 takes a free one."},
    {.key = "days",
     .type = BP_OPTION_NUMBER,
     .operand = "N",
     .least = 1,
     .most = 397,
     .otherwise = "90",
     .help = "How long a renewed certificate is valid."},
    {.key = "per-agency",
     .type = BP_OPTION_NUMBER,
     .operand = "N",
     .least = 1,
     .most = 1000,
     .otherwise = "4",
     .help = "How many certificates an agency may get within 24 hours, those signed by hand "
             "counted: its machines, and one more for a mishap."},
    {.key = "per-hour",
     .type = BP_OPTION_NUMBER,
     .operand = "N",
     .least = 1,
     .most = 100000,
     .otherwise = "600",
     .help = "How many requests are looked at within an hour, of all agencies together."},
    {.key = "log-level",
     .type = BP_OPTION_TEXT,
     .operand = "LEVEL",
     .otherwise = "info",
     .help = "The least that is logged: debug, info, warn or error."},
    BP_OPTIONS_UNLOCK,
};
#define OPTIONS (sizeof(table) / sizeof(table[0]))

static const char usage[] =
    "Usage: berbagi-ca serve --dir DIR --cert FILE [--key FILE] [--listen ADDR:PORT]\n\n"
    "Renews certificates of agencies over the network (proto/berbagi/ca/v1/renewal.proto), for\n"
    "`berbagi cert renew`: mutual TLS, and a new certificate for the identity of the one shown, "
    "if\n"
    "that is valid, not revoked and its agency in the registry. Every act and refusal is in\n"
    "berbagi-ca log. The passphrase of the agency CA's key is asked for, or read from\n"
    "--passphrase-fd, at the start; the root's key must not be on this machine. Prints \"ready\n"
    "ADDR:PORT\" when it serves, and its log on standard error. Certificate and lists are taken "
    "anew\n"
    "when their files change, or on SIGHUP. SIGTERM stops it.";

static void wait_for_stop(struct bp_serve *s, const sigset_t *set)
{
    int number = 0;
    while (sigwait(set, &number) != 0 || number == SIGHUP) {
        if (number == SIGHUP)
            bp_serve_reload(s);
        number = 0;
    }
    bp_log(BP_LOG_INFO, "server.stopping", "signal=%d", number);
}

static bp_status serve(const struct bp_serve_config *config, const char *trust_domain,
                       struct bp_err *err)
{
    const sigset_t set = bp_signals_block();
    struct bp_serve *s = NULL;
    bp_status st = bp_serve_start(config, trust_domain, &s, err);
    if (st != BP_OK)
        return st;
    printf("ready %s\n", bp_serve_address(s));
    (void)fflush(stdout);
    (void)sd_notify(0, "READY=1\nSTATUS=Serving");
    wait_for_stop(s, &set);
    (void)sd_notify(0, "STOPPING=1");
    bp_serve_stop(s);
    return BP_OK;
}

static bp_status unlock_and_serve(const struct bp_options *o, struct bp_err *err)
{
    struct bp_serve_config config = {
        .dir = bp_options_text(o, "dir"),
        .listen = bp_options_text(o, "listen"),
        .cert = bp_options_text(o, "cert"),
        .key = bp_options_text(o, "key"),
        .policy = {.days = (unsigned)bp_options_number(o, "days"),
                   .most_a_day = (unsigned)bp_options_number(o, "per-agency")},
        .most_an_hour = (unsigned)bp_options_number(o, "per-hour"),
    };
    char *trust_domain = NULL;
    bp_status st = bp_rpc_restrict_tls(err);
    if (st == BP_OK)
        st = bp_keyring_create(o, &config.keys, err);
    if (st == BP_OK)
        st = bp_serve_unlock(config.dir, config.keys, &trust_domain, err);
    if (st == BP_OK)
        st = serve(&config, trust_domain, err);
    bp_keyring_destroy(config.keys);
    free(trust_domain);
    return st;
}

static bp_status check(const struct bp_options *o, struct bp_err *err)
{
    const char *const *rest;
    const char *listen = bp_options_text(o, "listen");
    struct bp_str host;
    unsigned port;
    enum bp_log_level level;
    if (bp_options_rest(o, &rest) != 0)
        return bp_fail(err, BP_EINVAL, "unexpected argument %s; --help lists the options", rest[0]);
    if (!bp_address_split(bp_str(listen), &host, &port))
        return bp_fail(err, BP_EINVAL,
                       "--listen %s: ADDR:PORT is expected, with a port of 0 to 65535", listen);
    if (!bp_log_level_parse(bp_str(bp_options_text(o, "log-level")), &level))
        return bp_fail(err, BP_EINVAL, "--log-level: debug, info, warn or error is expected");
    bp_log_set_level(level);
    return BP_OK;
}

static int fail(const struct bp_err *err, int code)
{
    fprintf(stderr, "berbagi-ca serve: %s\n", err->text);
    return code;
}

int main(int argc, char **argv)
{
    struct bp_options *o = NULL;
    struct bp_err err = {""};
    int code = 0;
    (void)prctl(PR_SET_DUMPABLE,
                0); /* keys are in memory: no core dump, no other process looks in */
    (void)umask(022);
    if (bp_options_parse(table, OPTIONS, "BERBAGI_CA", NULL, argc, argv, &o, &err) != BP_OK)
        return fail(&err, 2);
    if (bp_options_wants_help(o))
        bp_options_print_help(table, OPTIONS, usage);
    else if (check(o, &err) != BP_OK)
        code = fail(&err, 2);
    else if (unlock_and_serve(o, &err) != BP_OK)
        code = fail(&err, 1);
    bp_options_destroy(o);
    return code;
}

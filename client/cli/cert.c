/* berbagi cert request|install|status|renew: the holder's side of certificates. What is done with
 * them is in certs/holder; here are options and words. */
#include "cert.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "clock.h"
#include "file.h"

#define ANSWER_MOST (1u << 20)

static const struct bp_option table[] = {
    CLI_COMMON_OPTIONS,
    {.key = "agency",
     .type = BP_OPTION_TEXT,
     .operand = "ID",
     .help = "request: for this agency, such as kab.18.07."},
    {.key = "operator",
     .type = BP_OPTION_TEXT,
     .operand = "NAME",
     .help = "request: for this operator."},
    {.key = "trust-domain",
     .type = BP_OPTION_TEXT,
     .operand = "NAME",
     .otherwise = "berbagi.example",
     .help = "request: the exchange's trust domain."},
    {.key = "csr",
     .type = BP_OPTION_TEXT,
     .operand = "FILE",
     .help = "request: where the request goes; standard output without this."},
    {.key = "new",
     .type = BP_OPTION_FLAG,
     .help = "request: a new key and request, even if one waits for its certificate; what is "
             "signed for that one can't be installed any more."},
    {.key = "with-key",
     .type = BP_OPTION_TEXT,
     .operand = "FILE",
     .help = "install: the private key of the certificate, where no request of `berbagi cert "
             "request` waits."},
    {.key = "auto",
     .type = BP_OPTION_FLAG,
     .help =
         "renew: only if a third of the lifetime is left (or up to a thirtieth earlier, so that "
         "not all come at once); otherwise nothing is done or said. For timers."},
    {.key = "patience",
     .type = BP_OPTION_NUMBER,
     .operand = "SECONDS",
     .least = 1,
     .most = 3600,
     .otherwise = "60",
     .help = "renew: how long to try where the service cannot be reached or asks to wait."},
};
#define OPTIONS (sizeof(table) / sizeof(table[0]))

static const char usage[] =
    "berbagi cert [OPTIONS] request --agency ID|--operator NAME [--csr FILE]\n"
    "berbagi cert [OPTIONS] install FILE\n"
    "berbagi cert [OPTIONS] status\n"
    "berbagi cert [OPTIONS] renew [--auto]\n\n"
    "Keeps the identity of this agency: private key, certificate and its CAs in the one file\n"
    "--cert, readable by its owner alone and replaced whole, so that programs that run take over "
    "a\n"
    "renewed one by themselves. The key is made here and never leaves this machine; it has no\n"
    "passphrase, because programs start without a person.\n"
    "request makes a key and a request; send the request to the security team. Asked again, it\n"
    "gives the request that waits. install puts the certificate that came back (FILE, - for\n"
    "standard input) in place, if it is for that key and that agency, and the CAs of --ca vouch\n"
    "for it. status says whose it is and until when. renew asks the renewal service for the next\n"
    "one, with a new key, and puts it in place.\n"
    "Exit codes: 0 done, and of status: good; 1 failed, and of status: there is none that could\n"
    "be used; 2 wrong usage; 3 of status: good, but a third of its lifetime or less is left.";

static int64_t now_ns(void)
{
    return bp_now_ns(&bp_system_clock);
}

int bp_cert_fail(const struct bp_err *err)
{
    bp_cli_say("%s", err->text);
    return CLI_FAILED;
}

void bp_cert_say_installed(const struct bp_cert *c, const struct bp_holding *h, size_t n_strange)
{
    char until[36], left[32];
    bp_time_format(h->not_after_ns, until);
    bp_cli_say("%s: %s %s until %s, for %s", c->files.cert, bp_identity_kind_name(h->identity.kind),
               h->identity.name, until,
               bp_span_text((uint64_t)((h->not_after_ns - now_ns()) / BP_NS_PER_S), left));
    if (n_strange != 0)
        bp_cli_say("%zu CA%s the service names %s not taken into %s, because nothing known there "
                   "vouches for them; ask the security team for a new bundle",
                   n_strange, n_strange == 1 ? "" : "s", n_strange == 1 ? "is" : "are",
                   c->files.ca);
}

static int read_who(const struct bp_options *o, struct bp_holding_request *out)
{
    const char *agency = bp_options_text(o, "agency"), *operator= bp_options_text(o, "operator");
    if ((agency == NULL) == (operator== NULL)) {
        bp_cli_say("cert request: one of --agency and --operator is expected");
        return CLI_USAGE;
    }
    *out = (struct bp_holding_request){
        .trust_domain = bp_options_text(o, "trust-domain"),
        .kind = agency != NULL ? BP_IDENTITY_AGENCY : BP_IDENTITY_OPERATOR,
        .name = agency != NULL ? agency : operator,
        .is_fresh = bp_options_flag(o, "new"),
    };
    return CLI_GO_ON;
}

static bp_status make_folder(const char *path, struct bp_err *err)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL || slash == path)
        return BP_OK;
    char *folder = bp_str_dup(bp_str_of(path, (size_t)(slash - path)));
    bp_status st =
        folder != NULL ? bp_dir_make(folder, 0700, err) : bp_fail(err, BP_ENOMEM, "out of memory");
    free(folder);
    return st;
}

static int write_out(const struct bp_buf *pem, const char *path, struct bp_err *err)
{
    if (path != NULL)
        return bp_file_write(path, pem->p, pem->n, 0644, err) == BP_OK ? CLI_DONE
                                                                       : bp_cert_fail(err);
    (void)fwrite(pem->p, 1, pem->n, stdout);
    return bp_cli_flush();
}

static int request(const struct bp_cert *c)
{
    struct bp_err err = {{0}};
    struct bp_holding_request who;
    struct bp_buf pem = {0};
    bool is_new;
    int code = read_who(c->options, &who);
    if (code != CLI_GO_ON)
        return code;
    bp_status st = make_folder(c->files.cert, &err);
    if (st == BP_OK)
        st = bp_holding_request(c->files.cert, &who, &pem, &is_new, &err);
    code = st == BP_OK ? write_out(&pem, bp_options_text(c->options, "csr"), &err)
                       : bp_cert_fail(&err);
    bp_buf_fini(&pem);
    if (code == CLI_DONE)
        bp_cli_say("%s for %s %s; its key is in %s.request and stays there until the certificate "
                   "is installed",
                   is_new ? "a new request" : "the request that waits",
                   bp_identity_kind_name(who.kind), who.name, c->files.cert);
    if (st == BP_ECONFLICT)
        bp_cli_say("--new takes its place");
    return st == BP_EINVAL ? CLI_USAGE : code;
}

static int install(const struct bp_cert *c)
{
    struct bp_err err = {{0}};
    struct bp_buf pem = {0};
    struct bp_holding h;
    size_t n_strange = 0;
    const char *path = strcmp(c->operand, "-") == 0 ? "/dev/stdin" : c->operand;
    bp_status st = bp_file_read(path, ANSWER_MOST, &pem, &err);
    if (st == BP_OK) {
        const struct bp_holding_answer answer = {.certificate = bp_buf_str(&pem),
                                                 .key = bp_options_text(c->options, "with-key")};
        st = bp_holding_install(&c->files, &answer, now_ns(), &h, &n_strange, &err);
    }
    bp_buf_fini(&pem);
    if (st != BP_OK)
        return bp_cert_fail(&err);
    bp_cert_say_installed(c, &h, n_strange);
    return CLI_DONE;
}

static void print_time(const char *key, int64_t ns)
{
    char text[36];
    bp_time_format(ns, text);
    printf("%-16s %s\n", key, text);
}

static int status(const struct bp_cert *c)
{
    struct bp_err err = {{0}};
    struct bp_holding h;
    char left[32];
    const int64_t now = now_ns();
    if (bp_holding_read(&c->files, now, &h, &err) != BP_OK)
        return bp_cert_fail(&err);
    const bool is_due = now >= bp_identity_renewal_ns(&h.identity);
    printf("%-16s %s %s\n", "identity", bp_identity_kind_name(h.identity.kind), h.identity.name);
    printf("%-16s %s\n", "trust-domain", h.trust_domain);
    printf("%-16s %s\n", "serial", h.identity.serial);
    print_time("not-before", h.identity.not_before_ns);
    print_time("not-after", h.not_after_ns);
    printf("%-16s %s\n", "left",
           bp_span_text((uint64_t)((h.not_after_ns - now) / BP_NS_PER_S), left));
    print_time("renew-from", bp_identity_renewal_ns(&h.identity));
    printf("%-16s %s\n", "file", c->files.cert);
    if (h.is_waited_for)
        printf("%-16s %s.request\n", "request-waits", c->files.cert);
    if (is_due)
        printf("%-16s a third of its lifetime or less is left: renew it\n", "warning");
    int code = bp_cli_flush();
    return code == CLI_DONE && is_due ? CLI_DUE : code;
}

static const struct command {
    const char *name;
    int (*run)(const struct bp_cert *c);
    bool has_operand;
    bool writes; /* the identity, in its one file */
} commands[] = {
    {"request", request, false, true},
    {"install", install, true, true},
    {"status", status, false, false},
    {"renew", bp_cert_renew, false, true},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int run_command(const struct command *command, const struct bp_cert *c)
{
    if (c->files.cert == NULL || c->files.ca == NULL) {
        bp_cli_say("there is no home folder to keep the certificate in; name --cert and --ca");
        return CLI_USAGE;
    }
    if (command->writes && c->files.key != NULL) {
        bp_cli_say("--key %s: `berbagi cert` keeps key and certificate in one file; put them "
                   "together by `berbagi cert install --cert NEW --with-key KEY CERT`, and name "
                   "that file by --cert alone",
                   c->files.key);
        return CLI_USAGE;
    }
    return command->run(c);
}

static int run(const struct bp_options *o)
{
    const char *const *operands;
    size_t n = bp_options_rest(o, &operands);
    struct bp_cli_files files = {0};
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(operands[0], commands[i].name) != 0 || n != (commands[i].has_operand ? 2 : 1))
            continue;
        if (!bp_cli_files_find(o, false, &files))
            return CLI_FAILED;
        const struct bp_cert c = {.options = o,
                                  .files = {files.cert, files.key, files.ca},
                                  .operand = n == 2 ? operands[1] : NULL};
        int code = run_command(&commands[i], &c);
        bp_cli_files_fini(&files);
        return code;
    }
    bp_cli_say("cert: request, install FILE, status or renew; --help tells more");
    return CLI_USAGE;
}

int bp_cli_cert(int argc, char **argv)
{
    return bp_cli_with_options(table, OPTIONS, usage, 1, 2, argc, argv, run);
}

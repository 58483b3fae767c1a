/* berbagi cert renew: a new key, the renewal service's certificate for it, and both put in place.
 * The key waits on disk before it is asked about: an answer that was lost is had by asking again. */
#include <stdio.h>

#include "cert.h"
#include "clock.h"

/* What the service answered, on its way into the files. */
struct answer {
    const struct bp_cert *cert;
    struct bp_holding holding;
    size_t n_strange;
    bp_status st;
    struct bp_err err;
};

static void install(void *context, const struct berbagi_renewed *renewed)
{
    struct answer *a = context;
    const struct bp_holding_answer answer = {
        .certificate = {renewed->certificate.p, renewed->certificate.n},
        .authorities = {renewed->authorities.p, renewed->authorities.n}};
    a->st = bp_holding_install(&a->cert->files, &answer, bp_now_ns(&bp_system_clock), &a->holding,
                               &a->n_strange, &a->err);
}

static void say_words(void *context, const char *words)
{
    (void)context;
    bp_cli_say("%s", words);
}

static berbagi_status ask(const struct bp_cert *c, const char *request, struct answer *a,
                          struct berbagi_error *error)
{
    const struct berbagi_options options = {
        .server = bp_options_text(c->options, "renewal-server"),
        .cert = c->files.cert,
        .ca = c->files.ca,
        .connect_timeout_ms = (uint32_t)bp_options_number(c->options, "patience") * 1000,
        .notice = say_words,
    };
    struct berbagi_client *client = NULL;
    berbagi_status status = berbagi_open(&options, &client, error);
    if (status == BERBAGI_OK)
        status = berbagi_renew(client, request, install, a, error);
    berbagi_close(client);
    return status;
}

/* The service will not answer this request otherwise, whenever it is asked: the next try is with
 * another key. */
static bool is_for_nothing(const struct berbagi_error *error)
{
    return strcmp(error->reason, "MALFORMED_REQUEST") == 0 ||
           strcmp(error->reason, "CERTIFICATE_REVOKED") == 0;
}

static int send_request(const struct bp_cert *c, const char *request)
{
    struct answer a = {.cert = c, .st = BP_OK};
    struct berbagi_error error = {0};
    berbagi_status status = ask(c, request, &a, &error);
    if (status != BERBAGI_OK) {
        if (is_for_nothing(&error) && bp_holding_forget(c->files.cert, &a.err) != BP_OK)
            (void)bp_cert_fail(&a.err);
        return bp_cli_fail("renewal", status, &error);
    }
    if (a.st != BP_OK)
        return bp_cert_fail(&a.err);
    bp_cert_say_installed(c, &a.holding, a.n_strange);
    return CLI_DONE;
}

static int renew(const struct bp_cert *c, const struct bp_holding *h)
{
    const struct bp_holding_request who = {
        .trust_domain = h->trust_domain, .kind = h->identity.kind, .name = h->identity.name};
    struct bp_buf request = {0};
    struct bp_err err = {{0}};
    bool is_new;
    bp_status st = bp_holding_request(c->files.cert, &who, &request, &is_new, &err);
    bp_buf_add_byte(&request, 0);
    if (st == BP_OK && request.failed)
        st = bp_fail(&err, BP_ENOMEM, "out of memory");
    int code = st == BP_OK ? send_request(c, (const char *)request.p) : bp_cert_fail(&err);
    bp_buf_fini(&request);
    return code;
}

int bp_cert_renew(const struct bp_cert *c)
{
    struct bp_err err = {{0}};
    struct bp_holding h;
    const int64_t now = bp_now_ns(&bp_system_clock);
    if (bp_options_text(c->options, "renewal-server") == NULL) {
        bp_cli_say("--renewal-server is missing; give it here, in the environment or in "
                   "~/.config/berbagi/config.yaml");
        return CLI_USAGE;
    }
    if (bp_holding_read(&c->files, now, &h, &err) != BP_OK)
        return bp_cert_fail(&err);
    if (bp_options_flag(c->options, "auto") && now < bp_holding_renewal_ns(&h))
        return CLI_DONE;
    return renew(c, &h);
}

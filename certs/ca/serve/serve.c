#include "serve.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "file.h"
#include "file_watch.h"
#include "log.h"

#define STOP_GRACE_MS 10000

struct bp_serve {
    struct bp_rpc_task reload; /* first */
    struct bp_credential_files files;
    const char *crls[1];
    char *bundle, *crl;
    struct bp_credentials *credentials; /* the queue's thread changes them */
    struct bp_file_watch watch;
    bool has_rpc_init;
    struct bp_rpc_server *rpc;
    struct bp_renewals *renewals;
    char address[300];
};

static bp_status check_root(const struct bp_authority *a, struct bp_err *err)
{
    const struct bp_issuer *root = bp_authority_find(a, BP_CA_ROOT, BP_CA_SIGNING);
    struct bp_buf path = {0};
    bp_status st = BP_OK;
    if (root == NULL || bp_ledger_is_development(a->ledger))
        return BP_OK;
    bp_buf_printf(&path, "%s/%s/key.pem", a->dir, root->record.name);
    bp_buf_add_byte(&path, 0);
    if (path.failed)
        st = bp_fail(err, BP_ENOMEM, "out of memory");
    else if (access((const char *)path.p, F_OK) == 0)
        st = bp_fail(err, BP_EPERM,
                     "%s: the root's key does not belong on a machine that listens; keep it on a "
                     "medium in a safe",
                     (const char *)path.p);
    bp_buf_fini(&path);
    return st;
}

static bp_status unlock(const struct bp_authority *a, char **trust_domain, struct bp_err *err)
{
    struct bp_issuer *agencies = bp_authority_find(a, BP_CA_AGENCY, BP_CA_SIGNING);
    bp_status st = check_root(a, err);
    if (st == BP_OK && agencies == NULL)
        st = bp_fail(err, BP_ECORRUPT, "ledger: no CA signs for agencies");
    if (st == BP_OK && (st = bp_issuer_unlock(a, agencies, err)) == BP_OK &&
        (*trust_domain = bp_str_dup(bp_str(bp_ledger_trust_domain(a->ledger)))) == NULL)
        st = bp_fail(err, BP_ENOMEM, "out of memory");
    return st;
}

bp_status bp_serve_unlock(const char *dir, struct bp_keyring *keys, char **trust_domain,
                          struct bp_err *err)
{
    struct bp_authority a = {0};
    bp_status st = bp_authority_open(dir, BP_FOR_READING, keys, &a, err);
    if (st == BP_OK)
        st = unlock(&a, trust_domain, err);
    bp_authority_close(&a);
    return st;
}

/* --- certificates --- */

static bp_status load(const struct bp_serve *s, struct bp_credentials **out, struct bp_err *err)
{
    return bp_credentials_load(&s->files, true, bp_now_ns(&bp_system_clock), out, err);
}

static bp_status find_files(struct bp_serve *s, const struct bp_serve_config *config,
                            struct bp_err *err)
{
    s->bundle = bp_path_join(config->dir, "ca.pem");
    s->crl = bp_path_join(config->dir, "crl.pem");
    if (s->bundle == NULL || s->crl == NULL)
        return bp_fail(err, BP_ENOMEM, "out of memory");
    s->crls[0] = s->crl;
    s->files = (struct bp_credential_files){
        .cert = config->cert, .key = config->key, .ca = s->bundle, .crls = s->crls, .n_crls = 1};
    bp_file_watch_init(&s->watch);
    if (!bp_file_watch_add(&s->watch, config->cert) || !bp_file_watch_add(&s->watch, config->key) ||
        !bp_file_watch_add(&s->watch, s->bundle) || !bp_file_watch_add(&s->watch, s->crl))
        return bp_fail(err, BP_EINVAL, "too many files");
    bp_file_watch_begin(&s->watch);
    return BP_OK;
}

/* On the queue's thread: what cannot be used changes nothing. */
static void take_files(struct bp_serve *s)
{
    struct bp_credentials *fresh = NULL, *before = s->credentials;
    struct bp_err err = {""};
    char words[sizeof(err.text) * 2];
    if (load(s, &fresh, &err) != BP_OK) {
        bp_log(BP_LOG_ERROR, "server.reload_refused", "why=%s",
               bp_log_quote(words, sizeof(words), bp_str(err.text)));
        return;
    }
    const unsigned cut = bp_rpc_server_set_credentials(s->rpc, fresh);
    s->credentials = fresh;
    bp_credentials_destroy(before);
    bp_log(BP_LOG_INFO, "server.reloaded", "serial=%s revoked=%zu cut=%u",
           bp_credentials_serial(fresh), bp_credentials_revoked(fresh), cut);
}

static void look_at_files(void *context)
{
    struct bp_serve *s = context;
    if (bp_file_watch_look(&s->watch, bp_monotonic_ms(&bp_system_clock)))
        take_files(s);
}

static void reload(struct bp_rpc_task *task)
{
    take_files((struct bp_serve *)task);
}

void bp_serve_reload(struct bp_serve *s)
{
    bp_rpc_post(s->rpc, &s->reload);
}

/* --- the server --- */

static bool admit(void *context, const struct bp_peer *peer, const struct bp_rpc_method *method,
                  struct bp_rpc_status *status)
{
    (void)context;
    if ((method->callers & (1u << peer->identity.kind)) != 0)
        return true;
    *status = bp_rpc_status(BP_REASON_WRONG_KIND,
                            "agencies alone renew online; operators and servers ask the security "
                            "team");
    return false;
}

static bp_status create(struct bp_serve *s, const struct bp_serve_config *config,
                        const char *trust_domain, struct bp_err *err)
{
    const struct bp_rpc_config rpc = {.listen = config->listen,
                                      .trust_domain = trust_domain,
                                      .most_streams_per_connection = 8,
                                      .clock = &bp_system_clock,
                                      .admit = admit,
                                      .context = s};
    const struct bp_renewals_config renewals = {.dir = config->dir,
                                                .keys = config->keys,
                                                .policy = config->policy,
                                                .most_an_hour = config->most_an_hour,
                                                .clock = &bp_system_clock};
    bp_status st = bp_rpc_server_create(&rpc, s->credentials, &s->rpc, err);
    if (st == BP_OK)
        st = bp_renewals_start(&renewals, s->rpc, &s->renewals, err);
    return st;
}

static bp_status listen_on(struct bp_serve *s, const char *listen, struct bp_err *err)
{
    const char *colon = strrchr(listen, ':');
    unsigned port;
    bp_rpc_server_every(s->rpc, BP_FILE_WATCH_LOOK_MS, look_at_files, s);
    bp_status st = bp_rpc_server_start(s->rpc, &port, err);
    if (st == BP_OK)
        (void)snprintf(s->address, sizeof(s->address), "%.*s:%u", (int)(colon - listen), listen,
                       port);
    return st;
}

bp_status bp_serve_start(const struct bp_serve_config *config, const char *trust_domain,
                         struct bp_serve **out, struct bp_err *err)
{
    struct bp_serve *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return bp_fail(err, BP_ENOMEM, "out of memory");
    s->reload.run = reload;
    bp_status st = find_files(s, config, err);
    if (st == BP_OK && (st = bp_rpc_init(err)) == BP_OK)
        s->has_rpc_init = true;
    if (st == BP_OK && (st = load(s, &s->credentials, err)) == BP_OK &&
        (st = create(s, config, trust_domain, err)) == BP_OK)
        st = listen_on(s, config->listen, err);
    if (st == BP_OK)
        *out = s;
    else
        bp_serve_stop(s);
    return st;
}

const char *bp_serve_address(const struct bp_serve *s)
{
    return s->address;
}

void bp_serve_stop(struct bp_serve *s)
{
    if (s == NULL)
        return;
    if (s->address[0] != '\0')
        bp_rpc_server_stop(s->rpc, STOP_GRACE_MS);
    bp_renewals_stop(s->renewals);
    bp_rpc_server_destroy(s->rpc);
    if (s->has_rpc_init)
        bp_rpc_fini();
    bp_credentials_destroy(s->credentials);
    free(s->bundle);
    free(s->crl);
    free(s);
}

#include "server.h"

#include <stdio.h>

#include "audit.h"
#include "event.h"
#include "exchange.h"
#include "explain_service.h"
#include "file.h"
#include "health.h"
#include "log.h"
#include "metrics.h"
#include "operator_service.h"
#include "policy_service.h"
#include "probes.h"
#include "publication.h"
#include "publisher.h"
#include "quota.h"
#include "reflection.h"
#include "statuses.h"
#include "subscriber.h"
#include "usage.h"
#include "worker.h"

#define HEALTH_INTERVAL_MS 500
#define SCHEMA_BYTES_MAX (16u << 20)

struct bp_server {
    const struct bp_config *config;
    char address[128];
    char *paths[4]; /* in the data folder */
    size_t n_paths;
    bool has_rpc_init;
    bool serves;
    _Atomic int64_t turned_ms; /* monotonic: when the queue's thread last looked at the health */
    struct bp_exchange exchange;
    bool has_exchange;
    struct bp_schema *schema;
    struct bp_pseudonyms *pseudonyms;
    struct bp_credentials *credentials;
    struct bp_health *health;
    struct bp_reflection *reflection;
    struct bp_publisher *publisher;
    struct bp_subscriber *subscriber;
    struct bp_policy_service *policies;
    struct bp_probes *probes;
    /* What reload hands to the queue's thread. */
    struct bp_rpc_task reload_task; /* runs swap_credentials */
    pthread_mutex_t lock;           /* guards the one below; a leaf */
    struct bp_credentials *reloaded;
};

/* --- what one layer asks of another --- */

static void digest_of(void *context, const struct bp_record *record, struct bp_content_digest *out)
{
    struct bp_server *s = context;
    struct bp_buf scratch = {0};
    struct bp_event e;
    /* A record that passed its check was encoded by us. */
    BP_ASSERT(bp_event_parse(record->event, &e));
    BP_ASSERT(bp_content_digest_of(s->schema, &e, &scratch, out));
    bp_buf_fini(&scratch);
}

static bool status_of(void *context, const struct bp_record *record, struct bp_str *machine,
                      struct bp_str *status)
{
    struct bp_server *s = context;
    const struct bp_event_type *type = bp_schema_type_by_hash(s->schema, record->routing.type_hash);
    struct bp_status_report report;
    struct bp_event e;
    if (type == NULL || type->status_field == NULL || !bp_event_parse(record->event, &e) ||
        !bp_status_report_of(type, e.data, &report))
        return false;
    *machine = report.machine;
    *status = report.now;
    return true;
}

static void on_head(void *context, uint64_t head)
{
    struct bp_server *s = context;
    (void)head;
    bp_subscriber_wake(s->subscriber);
}

static void on_call_ended(void *context, const struct bp_rpc_method *method, int code,
                          int64_t duration_ns)
{
    (void)context, (void)method, (void)duration_ns;
    if (code == BP_RPC_OK)
        bp_metric_add(BP_METRIC_CALLS_OK, 1);
    else if (code == BP_RPC_PERMISSION_DENIED || code == BP_RPC_UNAUTHENTICATED)
        bp_metric_add(BP_METRIC_CALLS_REFUSED, 1);
    else
        bp_metric_add(BP_METRIC_CALLS_FAILED, 1);
}

static bool is_ready(void *context, struct bp_err *why)
{
    struct bp_server *s = context;
    const char *warning;
    bp_status health = bp_sequencer_health(s->exchange.sequencer);
    if (health == BP_OK)
        return true;
    size_t n = bp_exchange_warnings(&s->exchange, &warning, 1);
    (void)bp_fail(why, health, "%s", n != 0 ? warning : bp_status_name(health));
    return false;
}

static void refresh_metrics(void *context)
{
    struct bp_server *s = context;
    struct bp_exchange *x = &s->exchange;
    uint64_t version, free_bytes = 0;
    bp_blob_unref(bp_exchange_policy_source(x, &version));
    if (bp_journal_disk_free(x->journal, &free_bytes) == BP_OK)
        bp_metric_set(BP_METRIC_DISK_FREE_BYTES, free_bytes);
    bp_metric_set(BP_METRIC_HEAD_POSITION, bp_journal_head(x->journal));
    bp_metric_set(BP_METRIC_INDEXED_POSITION, bp_index_position(x->index));
    bp_metric_set(BP_METRIC_POLICY_VERSION, version);
    bp_metric_set(BP_METRIC_OPEN_CALLS, bp_rpc_server_streams(x->rpc));
    bp_metric_set(BP_METRIC_DISK_BYTES, bp_journal_disk_bytes(x->journal));
    (void)pthread_mutex_lock(&x->lock);
    int64_t not_after = x->certificate_not_after_ns, next_update = x->crl_next_update_ns;
    (void)pthread_mutex_unlock(&x->lock);
    bp_metric_set(BP_METRIC_CERTIFICATE_NOT_AFTER, (uint64_t)(not_after / BP_NS_PER_S));
    bp_metric_set(BP_METRIC_CRL_NEXT_UPDATE,
                  next_update == INT64_MAX ? 0 : (uint64_t)(next_update / BP_NS_PER_S));
}

static void update_health(void *context)
{
    struct bp_server *s = context;
    bool can_store = bp_sequencer_health(s->exchange.sequencer) == BP_OK;
    bp_health_set(s->health, "berbagi.v1.PublisherService", can_store);
    atomic_store(&s->turned_ms, bp_monotonic_ms(s->exchange.clock));
}

bool bp_server_is_alive(const struct bp_server *s, int64_t within_ms)
{
    return bp_monotonic_ms(s->exchange.clock) - atomic_load(&s->turned_ms) <= within_ms;
}

/* --- certificates --- */

static void note_credentials(struct bp_server *s)
{
    struct bp_exchange *x = &s->exchange;
    (void)pthread_mutex_lock(&x->lock);
    x->certificate_not_after_ns = bp_credentials_not_after_ns(s->credentials);
    x->crl_next_update_ns = bp_credentials_crl_next_update_ns(s->credentials);
    (void)pthread_mutex_unlock(&x->lock);
}

static void swap_credentials(struct bp_rpc_task *task)
{
    struct bp_server *s =
        (struct bp_server *)((char *)task - offsetof(struct bp_server, reload_task));
    (void)pthread_mutex_lock(&s->lock);
    struct bp_credentials *fresh = s->reloaded;
    s->reloaded = NULL;
    (void)pthread_mutex_unlock(&s->lock);
    if (fresh == NULL)
        return;
    unsigned cut = bp_rpc_server_set_credentials(s->exchange.rpc, fresh);
    bp_metric_add(BP_METRIC_STREAMS_CUT, cut);
    bp_credentials_destroy(s->credentials);
    s->credentials = fresh;
    note_credentials(s);
    bp_log(BP_LOG_INFO, "server.credentials_reloaded", "calls_cut=%u", cut);
}

bp_status bp_server_reload(struct bp_server *s, struct bp_err *err)
{
    struct bp_credentials *fresh = NULL;
    bp_status st =
        bp_credentials_load(&s->config->files, true, bp_now_ns(s->exchange.clock), &fresh, err);
    if (st != BP_OK)
        return st;
    (void)pthread_mutex_lock(&s->lock);
    struct bp_credentials *skipped = s->reloaded;
    s->reloaded = fresh;
    (void)pthread_mutex_unlock(&s->lock);
    bp_credentials_destroy(skipped);
    bp_rpc_post(s->exchange.rpc, &s->reload_task);
    return BP_OK;
}

/* --- bottom up --- */

/* A path in the data folder, kept until the server is gone; NULL when out of memory. */
static const char *data_path(struct bp_server *s, const char *name)
{
    BP_ASSERT(s->n_paths < sizeof(s->paths) / sizeof(s->paths[0]));
    return s->paths[s->n_paths++] = bp_path_join(s->config->data, name);
}

/* The key of an exchange that holds events already is never made anew: that would end linkage in
 * silence. */
static bp_status open_pseudonyms(struct bp_server *s, bool is_new, struct bp_err *err)
{
    const char *path = s->config->pseudonym_key;
    if (path == NULL && (path = data_path(s, "pseudonym.key")) == NULL)
        return bp_fail(err, BP_ENOMEM, "pseudonym key: out of memory");
    return bp_pseudonyms_open(path, is_new, &s->pseudonyms, err);
}

static bp_status start_storage(struct bp_server *s, struct bp_err *err)
{
    struct bp_exchange *x = &s->exchange;
    struct bp_journal_config journal = {.dir = data_path(s, "journal"), .clock = x->clock};
    struct bp_index_config index = {
        .dir = data_path(s, "index"), .status_of = status_of, .digest_of = digest_of, .context = s};
    if (journal.dir == NULL || index.dir == NULL)
        return bp_fail(err, BP_ENOMEM, "data folder: out of memory");
    bp_status st = bp_dir_make(s->config->data, 0700, err);
    if (st != BP_OK || (st = bp_journal_open(&journal, &x->journal, err)) != BP_OK)
        return st;
    if ((st = open_pseudonyms(s, bp_journal_head(x->journal) == 0, err)) != BP_OK)
        return st;
    x->pseudonyms = s->pseudonyms;
    index.journal = x->journal;
    if ((st = bp_index_open(&index, &x->index, err)) != BP_OK)
        return st;
    struct bp_sequencer_config sequencer = {.journal = x->journal,
                                            .ids = bp_index_ids(x->index),
                                            .disk_reserve_bytes = s->config->disk_reserve_bytes,
                                            .clock = x->clock,
                                            .on_head = on_head,
                                            .context = s};
    return bp_sequencer_start(&sequencer, &x->sequencer, err);
}

static bp_status start_accounting(struct bp_server *s, struct bp_err *err)
{
    struct bp_exchange *x = &s->exchange;
    const char *dir = data_path(s, "audit");
    if (dir == NULL || (x->quotas = bp_quotas_create(x->clock)) == NULL)
        return bp_fail(err, BP_ENOMEM, "quotas: out of memory");
    bp_status st = bp_audit_open(dir, &x->audit, err);
    return st == BP_OK ? bp_usage_recall(x, dir, err) : st;
}

static bp_status add_services(struct bp_server *s, struct bp_err *err)
{
    struct bp_exchange *x = &s->exchange;
    bp_status st = bp_publisher_create(x, &s->publisher, err);
    if (st == BP_OK)
        st = bp_subscriber_create(x, &s->subscriber, err);
    if (st == BP_OK)
        st = bp_policy_service_create(x, &s->policies, err);
    if (st == BP_OK)
        st = bp_explain_service_add(x, err);
    if (st == BP_OK)
        st = bp_operator_service_add(x, err);
    return st;
}

static bp_status start_rpc(struct bp_server *s, struct bp_err *err)
{
    struct bp_exchange *x = &s->exchange;
    struct bp_rpc_config config = {.listen = s->config->listen,
                                   .trust_domain = s->config->trust_domain,
                                   .clock = x->clock,
                                   .admit = bp_exchange_admit,
                                   .ended = on_call_ended,
                                   .context = x};
    return bp_rpc_server_create(&config, s->credentials, &x->rpc, err);
}

static bp_status add_common_services(struct bp_server *s, struct bp_err *err)
{
    struct bp_str sets[16] = {{NULL, 0}};
    struct bp_buf files[16] = {{0}};
    size_t n = s->config->n_schemas;
    bp_status st = n <= sizeof(sets) / sizeof(sets[0])
                       ? BP_OK
                       : bp_fail(err, BP_EINVAL, "--schema: at most 16 files");
    for (size_t i = 0; st == BP_OK && i < n; i++) {
        st = bp_file_read(s->config->schemas[i], SCHEMA_BYTES_MAX, &files[i], err);
        sets[i] = bp_buf_str(&files[i]);
    }
    if (st == BP_OK)
        st = bp_reflection_create(sets, n, &s->reflection, err);
    for (size_t i = 0; i < n && i < sizeof(files) / sizeof(files[0]); i++)
        bp_buf_fini(&files[i]);
    if (st == BP_OK)
        st = bp_reflection_service_add(s->exchange.rpc, s->reflection);
    if (st == BP_OK && (s->health = bp_health_create()) == NULL)
        st = bp_fail(err, BP_ENOMEM, "health service: out of memory");
    if (st == BP_OK)
        st = bp_health_service_add(s->exchange.rpc, s->health);
    return st;
}

static bp_status serve(struct bp_server *s, struct bp_err *err)
{
    const char *listen = s->config->listen;
    const char *colon = strrchr(listen, ':');
    unsigned port;
    bp_health_set(s->health, "", true);
    bp_health_set(s->health, "berbagi.v1.SubscriberService", true);
    update_health(s);
    bp_rpc_server_every(s->exchange.rpc, HEALTH_INTERVAL_MS, update_health, s);
    bp_status st = bp_rpc_server_start(s->exchange.rpc, &port, err);
    if (st != BP_OK)
        return st;
    s->serves = true;
    (void)snprintf(s->address, sizeof(s->address), "%.*s:%u",
                   colon != NULL ? (int)(colon - listen) : (int)strlen(listen), listen, port);
    return BP_OK;
}

static bp_status start_probes(struct bp_server *s, struct bp_err *err)
{
    struct bp_probes_config config = {
        .listen = s->config->http, .is_ready = is_ready, .refresh = refresh_metrics, .context = s};
    unsigned port;
    if (s->config->http == NULL)
        return BP_OK;
    bp_status st = bp_probes_start(&config, &s->probes, &port, err);
    if (st == BP_OK)
        bp_log(BP_LOG_INFO, "server.probes_ready", "port=%u", port);
    return st;
}

static bp_status start_all(struct bp_server *s, struct bp_err *err)
{
    struct bp_exchange *x = &s->exchange;
    bp_status st = bp_schema_open(s->config->schemas, s->config->n_schemas, &s->schema, err);
    x->schema = s->schema;
    if (st == BP_OK)
        st =
            bp_credentials_load(&s->config->files, true, bp_now_ns(x->clock), &s->credentials, err);
    if (st == BP_OK)
        st = bp_rpc_init(err);
    s->has_rpc_init = st == BP_OK;
    if (st == BP_OK)
        st = start_storage(s, err);
    if (st == BP_OK)
        st = bp_worker_start(&x->worker, err);
    if (st == BP_OK)
        st = bp_exchange_init(x, err);
    s->has_exchange = st == BP_OK;
    if (st == BP_OK)
        st = start_accounting(s, err);
    if (st == BP_OK)
        st = start_rpc(s, err);
    if (st == BP_OK)
        st = add_common_services(s, err);
    if (st == BP_OK)
        st = add_services(s, err);
    if (st != BP_OK)
        return st;
    note_credentials(s);
    if ((st = start_probes(s, err)) != BP_OK)
        return st;
    return serve(s, err);
}

bp_status bp_server_start(const struct bp_config *config, struct bp_server **out,
                          struct bp_err *err)
{
    struct bp_server *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return bp_fail(err, BP_ENOMEM, "server: out of memory");
    BP_ASSERT(pthread_mutex_init(&s->lock, NULL) == 0);
    s->config = config;
    s->reload_task.run = swap_credentials;
    s->exchange.clock = &bp_system_clock;
    s->exchange.first_operators = config->operators;
    s->exchange.n_first_operators = config->n_operators;
    s->exchange.started_ns = bp_now_ns(s->exchange.clock);
    bp_status st = start_all(s, err);
    if (st != BP_OK) {
        bp_server_stop(s);
        return st;
    }
    *out = s;
    return BP_OK;
}

const char *bp_server_address(const struct bp_server *s)
{
    return s->address;
}

void bp_server_stop(struct bp_server *s)
{
    struct bp_exchange *x = &s->exchange;
    bp_probes_stop(s->probes);
    if (s->serves)
        bp_rpc_server_stop(x->rpc, s->config->stop_grace_ms);
    bp_worker_stop(x->worker);
    bp_sequencer_stop(x->sequencer);
    bp_audit_close(x->audit);
    /* Nothing comes back any more: the services may let go of what was on its way. */
    bp_policy_service_destroy(s->policies);
    bp_subscriber_destroy(s->subscriber);
    bp_publisher_destroy(s->publisher);
    bp_rpc_server_destroy(x->rpc);
    bp_quotas_destroy(x->quotas);
    bp_health_destroy(s->health);
    bp_reflection_destroy(s->reflection);
    if (s->has_exchange)
        bp_exchange_fini(x);
    bp_index_close(x->index);
    bp_pseudonyms_close(s->pseudonyms);
    bp_journal_close(x->journal);
    if (s->has_rpc_init)
        bp_rpc_fini();
    bp_credentials_destroy(s->credentials);
    bp_credentials_destroy(s->reloaded);
    bp_schema_destroy(s->schema);
    (void)pthread_mutex_destroy(&s->lock);
    for (size_t i = 0; i < s->n_paths; i++)
        free(s->paths[i]);
    free(s);
}

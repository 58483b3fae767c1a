#include "usage.h"

#include <stdio.h>

#include "quota.h"

#define SUBSCRIPTIONS_MAX 1000u

/* The bounds of an agency as they are now; a copy, because the policy may go. One that the policy
 * does not know is bound by nothing here: it is refused elsewhere. */
static struct bp_quota bounds_of(struct bp_exchange *x, const char *agency)
{
    struct bp_policy *policy = bp_exchange_policy(x);
    const struct bp_agency *a = bp_policy_agency(policy, bp_str(agency));
    struct bp_quota bounds = {.events_per_second = 0};
    if (a != NULL)
        bounds = *bp_agency_quota(a);
    bp_policy_unref(policy);
    return bounds;
}

static const char *caller_of(const struct bp_rpc_call *call)
{
    return bp_rpc_call_peer(call)->identity.name;
}

bool bp_usage_begin(struct bp_exchange *x, const struct bp_rpc_call *call, bool is_stream,
                    struct bp_rpc_status *status)
{
    struct bp_quota bounds = bounds_of(x, caller_of(call));
    return bp_quotas_open_call(x->quotas, bp_str(caller_of(call)), &bounds,
                               bp_str(bp_rpc_call_peer(call)->address), is_stream, status);
}

void bp_usage_end(struct bp_exchange *x, const struct bp_rpc_call *call, bool is_stream)
{
    bp_quotas_close_call(x->quotas, bp_str(caller_of(call)),
                         bp_str(bp_rpc_call_peer(call)->address), is_stream);
}

bool bp_usage_take_events(struct bp_exchange *x, const char *agency, size_t n, uint32_t *soon_ms,
                          struct bp_rpc_status *status)
{
    struct bp_quota bounds = bounds_of(x, agency);
    return bp_quotas_take_events(x->quotas, bp_str(agency), &bounds, n, soon_ms, status);
}

bool bp_usage_take_resolves(struct bp_exchange *x, const char *agency, uint64_t n,
                            struct bp_rpc_status *status)
{
    struct bp_quota bounds = bounds_of(x, agency);
    return bp_quotas_take_resolves(x->quotas, bp_str(agency), &bounds, bp_exchange_today(x), n,
                                   status);
}

bool bp_usage_may_deliver(struct bp_exchange *x, const char *agency, struct bp_rpc_status *status)
{
    struct bp_quota bounds = bounds_of(x, agency);
    return bp_quotas_may_deliver(x->quotas, bp_str(agency), &bounds, bp_exchange_today(x), status);
}

void bp_usage_note_delivered(struct bp_exchange *x, const char *agency, uint64_t bytes)
{
    bp_quotas_note_delivered(x->quotas, bp_str(agency), bp_exchange_today(x), bytes);
}

size_t bp_usage_most_subscriptions(struct bp_exchange *x, const char *agency)
{
    struct bp_quota bounds = bounds_of(x, agency);
    bool is_bound = bounds.subscriptions != 0 && bounds.subscriptions < SUBSCRIPTIONS_MAX;
    return is_bound ? bounds.subscriptions : SUBSCRIPTIONS_MAX;
}

/* --- the audit record --- */

struct act_record {
    struct bp_audit_record record; /* first */
    char who[80];
    char serial[sizeof(((struct bp_identity *)0)->serial)];
    char about[160];
};

static void free_record(struct bp_audit_record *record, bp_status st)
{
    (void)st; /* logged where it failed */
    free(record);
}

static void put_on_record(struct bp_exchange *x, const struct bp_peer *by, const char *about,
                          struct bp_audit_record record)
{
    struct act_record *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return;
    (void)snprintf(r->who, sizeof(r->who), "operator/%s", by->identity.name);
    (void)bp_str_copy(r->serial, sizeof(r->serial), bp_str(by->identity.serial));
    r->record = record;
    r->record.time_ns = bp_now_ns(x->clock);
    r->record.who = r->who;
    r->record.serial = r->serial;
    r->record.done = free_record;
    if (about != NULL) {
        (void)bp_str_copy(r->about, sizeof(r->about), bp_str(about));
        r->record.about = r->about;
    }
    if (!bp_audit_write(x->audit, &r->record))
        free(r);
}

void bp_usage_record_policy(struct bp_exchange *x, enum bp_audit_kind kind,
                            const struct bp_peer *by, uint64_t version)
{
    put_on_record(x, by, NULL, (struct bp_audit_record){.kind = kind, .count = version});
}

void bp_usage_record_act(struct bp_exchange *x, enum bp_audit_kind kind, const struct bp_peer *by,
                         const char *about, uint64_t count, bool is_dry_run)
{
    put_on_record(x, by, about,
                  (struct bp_audit_record){.kind = kind, .count = count, .is_dry_run = is_dry_run});
}

static void recall(void *context, struct bp_str who, uint64_t count)
{
    struct bp_exchange *x = context;
    bp_quotas_note_resolves(x->quotas, who, bp_exchange_today(x), count);
}

bp_status bp_usage_recall(struct bp_exchange *x, const char *audit_dir, struct bp_err *err)
{
    return bp_audit_read_resolves(audit_dir, bp_exchange_today(x), recall, x, err);
}

/* The certificates of the ledger, one a line, for people or as JSON. */
#include <stdio.h>

#include "clock.h"
#include "digest.h"
#include "json_text.h"
#include "session.h"

#define HOUR_S INT64_C(3600)

struct listing {
    const struct bp_authority *a;
    const char *names[BP_CAS]; /* by issuer; NULL: none asked for */
    bool is_named;             /* any of names */
    const char *ca;            /* name; NULL: any */
    int64_t ends_before_s;     /* INT64_MAX: whenever */
    bool is_json;
};

static const struct bp_issuer *find_ca(const struct bp_authority *a, const char *name)
{
    for (size_t i = 0; i < a->n_issuers; i++) {
        if (strcmp(a->issuers[i].record.name, name) == 0)
            return &a->issuers[i];
    }
    return NULL;
}

/* The CA that signed it, or the CA that it is of. */
static bool is_withdrawn(const struct bp_authority *a, const struct bp_record *r)
{
    const struct bp_issuer *issuer =
        r->issuer == BP_CA_ROOT ? find_ca(a, r->name) : bp_authority_by_number(a, r->ca);
    return issuer == NULL || issuer->record.state == BP_CA_WITHDRAWN;
}

static bool is_valid(const struct bp_authority *a, const struct bp_record *r)
{
    return r->revoked_s == 0 && r->not_after_s >= bp_now_s() && !is_withdrawn(a, r);
}

static const char *state_of(const struct bp_authority *a, const struct bp_record *r)
{
    if (r->revoked_s != 0)
        return "revoked";
    if (r->not_after_s < bp_now_s())
        return "over";
    return is_withdrawn(a, r) ? "withdrawn" : "valid";
}

static const char *ca_of(const struct bp_authority *a, const struct bp_record *r)
{
    const struct bp_issuer *issuer = bp_authority_by_number(a, r->ca);
    return issuer != NULL ? issuer->record.name : "?";
}

static bool is_wanted(const struct listing *f, const struct bp_record *r)
{
    if (f->is_named && (f->names[r->issuer] == NULL || strcmp(f->names[r->issuer], r->name) != 0))
        return false;
    if (f->ca != NULL && strcmp(f->ca, ca_of(f->a, r)) != 0)
        return false;
    return f->ends_before_s == INT64_MAX ||
           (is_valid(f->a, r) && r->not_after_s < f->ends_before_s);
}

static const char *kind_of(const struct bp_record *r)
{
    return r->issuer == BP_CA_ROOT ? "ca" : bp_ca_name(r->issuer);
}

static void print_words(const struct bp_authority *a, const struct bp_record *r, const char *serial)
{
    char end[36];
    bp_time_format(r->not_after_s * BP_NS_PER_S, end);
    printf("%s  %-8s  %-28s  %s  %s%s%s\n", serial, kind_of(r), r->name, end, state_of(a, r),
           r->revoked_s != 0 ? ": " : "", r->revoked_s != 0 ? bp_reason_name(r->reason) : "");
}

static void print_json(const struct bp_authority *a, const struct bp_record *r, const char *serial)
{
    printf("{\"serial\":\"%s\",\"kind\":\"%s\",\"name\":\"%s\",\"ca\":\"%s\"", serial, kind_of(r),
           r->name, ca_of(a, r));
    bp_json_time("issued", r->issued_s);
    bp_json_time("not_after", r->not_after_s);
    printf(",\"state\":\"%s\"", state_of(a, r));
    if (r->revoked_s != 0) {
        bp_json_time("revoked", r->revoked_s);
        printf(",\"reason\":\"%s\"", bp_reason_name(r->reason));
    }
    printf("}\n");
}

static bp_status print_record(void *context, const struct bp_record *r, struct bp_err *err)
{
    const struct listing *f = context;
    char serial[2 * BP_SERIAL_BYTES + 1];
    (void)err;
    if (!is_wanted(f, r))
        return BP_OK;
    bp_hex(r->serial, BP_SERIAL_BYTES, serial);
    if (f->is_json)
        print_json(f->a, r, serial);
    else
        print_words(f->a, r, serial);
    return BP_OK;
}

/* "14", "14d": days; "36h": hours. Ten years at most. */
static bool parse_span(const char *text, int64_t *out_s)
{
    struct bp_str s = bp_str(text);
    int64_t unit_s = BP_DAY_S;
    uint64_t n;
    if (s.n != 0 && (s.p[s.n - 1] == 'd' || s.p[s.n - 1] == 'h')) {
        unit_s = s.p[s.n - 1] == 'h' ? HOUR_S : BP_DAY_S;
        s.n--;
    }
    if (!bp_parse_u64(s, &n) || n == 0 || n > (uint64_t)(3660 * BP_DAY_S / unit_s))
        return false;
    *out_s = (int64_t)n * unit_s;
    return true;
}

static bp_status read_listing(const struct bp_options *o, struct listing *f, struct bp_err *err)
{
    int64_t span_s;
    *f = (struct listing){.ends_before_s = INT64_MAX,
                          .ca = bp_options_text(o, "ca"),
                          .is_json = bp_options_flag(o, "json")};
    for (int kind = 0; kind < BP_IDENTITY_KINDS; kind++) {
        f->names[kind] = bp_options_text(o, bp_identity_kind_name((enum bp_identity_kind)kind));
        f->is_named = f->is_named || f->names[kind] != NULL;
    }
    if (!bp_options_is_set(o, "expiring"))
        return BP_OK;
    if (!parse_span(bp_options_text(o, "expiring"), &span_s))
        return bp_fail(err, BP_EINVAL, "--expiring: 1 to 3660 days, such as 14d, or hours, 36h");
    f->ends_before_s = bp_now_s() + span_s;
    return BP_OK;
}

static bp_status run(const struct bp_options *o, bool *is_usage, struct bp_err *err)
{
    struct bp_session session;
    struct listing f;
    bp_status st = read_listing(o, &f, err);
    if (st != BP_OK) {
        *is_usage = true;
        return st;
    }
    if ((st = bp_session_open(o, BP_TO_READ, is_usage, &session, err)) != BP_OK)
        return st;
    f.a = &session.a;
    st = bp_ledger_each(session.a.ledger, print_record, &f, err);
    bp_session_close(&session);
    return st;
}

static const struct bp_option options[] = {
    BP_OPTION_DIR,
    BP_OPTION_AGENCY,
    BP_OPTION_OPERATOR,
    BP_OPTION_SERVER,
    {.key = "ca",
     .type = BP_OPTION_TEXT,
     .operand = "NAME",
     .help = "Only what this CA signed: agency, agency.2, as rollover lists them."},
    {.key = "expiring",
     .type = BP_OPTION_TEXT,
     .operand = "SPAN",
     .help = "Only what is valid and ends within so many days, 14d, or hours, 36h."},
    BP_OPTION_JSON,
};

const struct bp_command bp_command_list = {
    .name = "list",
    .summary = "list the certificates that were signed",
    .usage = "Usage: berbagi-ca list --dir DIR [--agency ID] [--operator NAME] [--server NAME]\n"
             "           [--ca NAME] [--expiring SPAN] [--json]\n\n"
             "A line for each: serial, kind, name, end, state.",
    .options = options,
    .n_options = BP_COUNT(options),
    .run = run,
};

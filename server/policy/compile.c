/* From the contract's message to the tables that decisions read. The policy keeps a copy of the
 * message, so that texts can be borrowed from it for as long as the policy lives. */
#include "compile.h"

#include <errno.h>

void *bp_compile_alloc(struct compile *c, size_t n, size_t size)
{
    void *p = calloc(n == 0 ? 1 : n, size);
    c->is_out_of_memory |= p == NULL;
    return p;
}

Berbagi__V1__Policy *bp_policy_copy_message(const Berbagi__V1__Policy *source)
{
    size_t n = berbagi__v1__policy__get_packed_size(source);
    uint8_t *bytes = malloc(n == 0 ? 1 : n);
    if (bytes == NULL)
        return NULL;
    berbagi__v1__policy__pack(source, bytes);
    Berbagi__V1__Policy *copy = berbagi__v1__policy__unpack(NULL, n, bytes);
    free(bytes);
    return copy;
}

static bp_status run_stages(struct compile *c)
{
    static bp_status (*const stages[])(struct compile *) = {
        bp_compile_registry, bp_compile_operators, bp_compile_quotas,  bp_compile_agreements,
        bp_compile_grants,   bp_compile_ceilings,  bp_compile_grounds, bp_compile_rights,
    };
    for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
        bp_status st = stages[i](c);
        if (st != BP_OK)
            return st;
    }
    if (c->is_out_of_memory)
        return BP_ENOMEM;
    return c->n_errors == 0 ? BP_OK : BP_EINVAL;
}

static void compile_fini(struct compile *c)
{
    bp_names_fini(&c->group_names);
    free(c->ground_keys);
    free(c->agreement_ranks);
    free(c->terms_ranks);
}

static bp_status tell_first(const struct bp_policy_findings *findings, struct bp_err *err)
{
    for (size_t i = 0; i < findings->n; i++) {
        if (!findings->items[i].is_warning)
            return bp_fail(err, BP_EINVAL, "policy: %s: %s", findings->items[i].where,
                           findings->items[i].message);
    }
    return bp_fail(err, BP_EINVAL, "policy: it breaks a rule");
}

/* protobuf-c takes an unknown field whose number is too large for one, and writes another that it
 * then refuses. */
static bp_status not_copied(struct compile *c)
{
    if (errno == ENOMEM)
        return BP_ENOMEM;
    bp_finding_error(c, bp_place("policy"), "is not a berbagi.v1.Policy message");
    return BP_EINVAL;
}

bp_status bp_policy_compile(const Berbagi__V1__Policy *source, uint64_t version,
                            const struct bp_schema *schema, struct bp_policy **out,
                            struct bp_policy_findings *findings, struct bp_err *err)
{
    struct bp_policy_findings own = {0};
    struct bp_policy *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return bp_fail(err, BP_ENOMEM, "policy: out of memory");
    atomic_init(&p->refs, 1);
    p->version = version;
    p->schema = schema;
    errno = 0;
    p->own = bp_policy_copy_message(source);
    struct compile c = {
        .p = p, .source = p->own, .schema = schema, .findings = findings != NULL ? findings : &own};
    bp_status st = p->own != NULL ? run_stages(&c) : not_copied(&c);
    compile_fini(&c);
    if (st == BP_OK) {
        *out = p;
    } else {
        bp_policy_unref(p);
        if (st == BP_EINVAL)
            tell_first(c.findings, err);
        else
            bp_fail(err, st, "policy: out of memory");
    }
    bp_policy_findings_fini(&own);
    return st;
}

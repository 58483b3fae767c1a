/* What the files of this folder share of a compiled policy. Everything is built by compile.c and
 * read-only afterwards. */
#ifndef BERBAGI_POLICY_INTERNAL_H
#define BERBAGI_POLICY_INTERNAL_H

#include <stdatomic.h>

#include "names.h"
#include "policy.h"

#define BP_DAY_EVER INT32_MIN /* before every day */

enum direction { PUBLISH, SUBSCRIBE, DIRECTIONS };

/* Values as in policy.proto. */
enum scope {
    SCOPE_NOWHERE = 0,
    SCOPE_OWN = BERBAGI__V1__GRANT__SCOPE__SCOPE_OWN,
    SCOPE_NATIONAL = BERBAGI__V1__GRANT__SCOPE__SCOPE_NATIONAL,
    SCOPE_ADDRESSED = BERBAGI__V1__GRANT__SCOPE__SCOPE_ADDRESSED,
    SCOPE_COUNTRY = BERBAGI__V1__GRANT__SCOPE__SCOPE_COUNTRY,
    SCOPE_REGIONS = BERBAGI__V1__GRANT__SCOPE__SCOPE_REGIONS,
};

/* A run of one of the policy's flat arrays. */
struct span {
    uint32_t first, n;
};

struct bp_agency {
    struct bp_str id, kind;
    uint32_t index; /* in bp_policy.agencies, so in message order */
    bool is_suspended;
    bp_region region; /* 0: national */
    const struct bp_agency *parent;
    struct bp_str public_id;
    struct span hosts;            /* of bp_policy.countries */
    uint32_t audience;            /* its place in bp_policy.audiences */
    const struct bp_quota *quota; /* in bp_policy.quotas, or NULL */
};

struct agreement {
    struct bp_str id;
    bool is_in_force; /* by its status; its days are looked at besides */
    bp_day valid_from, valid_to;
};

/* A grant as it was written, resolved but for whom and what it reaches. Its number is its place
 * + 1. */
struct grant {
    uint32_t agreement, index;        /* agreements[agreement].grants[index] of the message */
    const Berbagi__V1__Grant *source; /* in bp_policy.own */
    enum direction direction;
    enum scope scope;
    enum bp_level level;
    bp_kinds kinds;
    struct span
        places; /* regions or countries, by scope; countries may be empty: the agency's hosts */
    bp_day events_from;   /* BP_DAY_EVER: no such limit */
    bool is_broken;       /* a finding was made: reaches nobody */
    struct span audience; /* of bp_policy.audiences: indexes of agencies */
};

/* One grant as it reaches one agency and one type, cut by the ceiling. */
struct right {
    uint32_t agreement, grant, ground, view; /* grant and ground: numbers from 1 */
    struct span places;
    bp_day events_from;
    uint8_t scope, ceiling_scope; /* enum scope; publishing has no ceiling: SCOPE_NATIONAL */
    bool may_resolve;
    bool hides_small_counts;
};

/* What one audience may at most see of one group of types. */
struct ceiling {
    enum bp_level level; /* BP_LEVEL_NONE: nothing */
    bp_kinds kinds;
    enum scope scope;
};

struct ground {
    uint32_t agreement, type;
    struct bp_str purpose, legal_basis;
};

struct bp_policy {
    atomic_uint refs;
    uint64_t version;
    const struct bp_schema *schema;
    Berbagi__V1__Policy *own; /* a copy of the source; every text points into it */

    struct bp_agency *agencies;
    size_t n_agencies;
    struct bp_names agency_names, kind_names, operator_names; /* → index */
    uint32_t *operator_roles;
    struct bp_quota *quotas; /* by the message's rows */
    struct agreement *agreements;
    size_t n_agreements;
    struct grant *grants;
    size_t n_grants;

    bp_region *regions;  /* of SCOPE_REGIONS */
    uint16_t *countries; /* two letters, as country_of() packs them */
    uint32_t *audiences; /* indexes of all agencies, kind by kind, so that an agency is a span as a
                            kind is */
    struct span *kind_spans; /* by the number in kind_names */

    /* cells[cell_of(direction, agency, type)] is the first right of that cell, the next cell's the
     * end. */
    uint32_t *cells;
    struct right *rights;
    size_t n_rights;
    struct bp_view *views;
    size_t n_views;
    struct ground *grounds; /* ground id - 1 */
    size_t n_grounds;

    size_t n_groups; /* of types */
    uint32_t *group_of_type;
    struct ceiling *ceilings; /* [agency * n_groups + group] */
};

/* A text of the message; never NULL. */
static inline struct bp_str text_of(const char *text)
{
    return bp_str(text != NULL ? text : "");
}

/* Does the grant speak of the type: by its pattern and its purpose? */
bool bp_grant_takes_type(const struct grant *g, const struct bp_event_type *type);
/* Its lists of fields as bp_view_of takes them. */
void bp_grant_fields(const struct grant *g, const struct bp_event_type *type, bp_fields *only,
                     bp_fields *never);

/* What the ceiling leaves of a grant. */
struct rest {
    enum bp_level level;
    bp_kinds kinds;
    enum scope ceiling_scope;
    bool hides_small_counts;
};
/* False: nothing is left, so the grant is no right of this agency and type. */
bool bp_grant_rest(const struct bp_policy *p, const struct grant *g, const struct bp_agency *a,
                   const struct bp_event_type *type, struct rest *out);

/* What keeps a right from applying. */
enum obstacle {
    NO_OBSTACLE,
    NOT_IN_FORCE, /* its agreement, by status or day */
    TOO_EARLY,    /* recorded before events_from */
    SMALL_COUNT,
    OUT_OF_SCOPE,
    OVER_CEILING, /* out of the ceiling's scope */
};
/* The first one, in this order; facts of an event that a reads, or publishes as its source. */
enum obstacle bp_right_obstacle(const struct bp_policy *p, const struct right *r,
                                const struct bp_agency *a, const struct bp_facts *facts,
                                bp_day today);

/* A copy that berbagi__v1__policy__free_unpacked(it, NULL) frees; NULL when out of memory. */
Berbagi__V1__Policy *bp_policy_copy_message(const Berbagi__V1__Policy *source);

static inline size_t cell_of(const struct bp_policy *p, enum direction direction, uint32_t agency,
                             unsigned type)
{
    return ((size_t)direction * p->n_agencies + agency) * p->schema->n_types + type;
}

static inline const struct ceiling *ceiling_of(const struct bp_policy *p, uint32_t agency,
                                               const struct bp_event_type *type)
{
    return &p->ceilings[agency * p->n_groups + p->group_of_type[type->index]];
}

static inline uint16_t country_of(const char *two)
{
    return (uint16_t)((unsigned char)two[0] << 8 | (unsigned char)two[1]);
}

static inline bool agreement_is_in_force(const struct agreement *a, bp_day today)
{
    return a->is_in_force && a->valid_from <= today && today <= a->valid_to;
}

/* The rights of a cell; n is 0 for a type of another schema. */
static inline const struct right *rights_of(const struct bp_policy *p, enum direction direction,
                                            const struct bp_agency *agency,
                                            const struct bp_event_type *type, size_t *n)
{
    if (type->index >= p->schema->n_types || &p->schema->types[type->index] != type) {
        *n = 0;
        return p->rights;
    }
    size_t cell = cell_of(p, direction, agency->index, type->index);
    *n = p->cells[cell + 1] - p->cells[cell];
    return p->rights + p->cells[cell];
}

#endif

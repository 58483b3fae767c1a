#include "exchange_fixture.h"

#include <ftw.h>
#include <stdio.h>

#include "fuzz.h"
#include "policy_text.h"

static const char before_grants[] =
    "agencies:\n"
    "  - {id: kl.kp2mi, region: ID}\n"
    "  - {id: prov.18, region: \"18\"}\n"
    "  - {id: kab.18.07, region: \"18.07\", parent: prov.18}\n"
    "  - {id: desa.18.07.15.2006, region: \"18.07.15.2006\", parent: kab.18.07}\n"
    "operators:\n"
    "  - {name: admin, roles: [POLICY]}\n"
    "agreements:\n"
    "  - id: law-1\n"
    "    parties: [kl.kp2mi, kab.18.07]\n"
    "    status: IN_FORCE\n"
    "    valid_from: 2020-01-01\n"
    "    grants:\n";

static char folder[96];

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    (void)kind;
    (void)at;
    return remove(path);
}

static void remove_folder(void)
{
    (void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *path_of(const char *name)
{
    static char path[160];
    BP_ASSERT((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) < sizeof(path));
    return path;
}

/* Told of an id that stands in the index's store: any digest makes it a duplicate or a conflict. */
static bool any_digest(void *context, const struct bp_record *record, struct bp_content_digest *out)
{
    (void)context;
    (void)record;
    *out = (struct bp_content_digest){{0}};
    return true;
}

static void on_head(void *context, uint64_t head)
{
    (void)context;
    (void)head;
}

static void open_stores(struct bp_exchange *x)
{
    struct bp_pseudonyms *pseudonyms = NULL;
    struct bp_journal_config journal = {
        .dir = path_of("journal"), .map_bytes = 1u << 26, .clock = x->clock};
    BP_ASSERT(bp_journal_open(&journal, &x->journal, NULL) == BP_OK);
    struct bp_index_config index = {.dir = path_of("index"),
                                    .journal = x->journal,
                                    .map_bytes = 1u << 26,
                                    .digest_of = any_digest};
    BP_ASSERT(bp_index_open(&index, &x->index, NULL) == BP_OK);
    BP_ASSERT(bp_pseudonyms_open(path_of("key"), true, &pseudonyms, NULL) == BP_OK);
    x->pseudonyms = pseudonyms;
    struct bp_sequencer_config sequencer = {.journal = x->journal,
                                            .ids = bp_index_ids(x->index),
                                            .clock = x->clock,
                                            .on_head = on_head};
    BP_ASSERT(bp_sequencer_start(&sequencer, &x->sequencer, NULL) == BP_OK);
}

/* A grant of every type for its first purpose. */
static void print_policy(const struct bp_schema *schema, struct bp_buf *out)
{
    bp_buf_add_text(out, before_grants);
    for (size_t i = 0; i < schema->n_types; i++)
        bp_buf_printf(out,
                      "      - {grantees: [kab.18.07, desa.18.07.15.2006], direction: PUBLISH,\n"
                      "         events: %.*s, scope: NATIONAL, level: IDENTIFIED,\n"
                      "         specific: [HEALTH, BIOMETRIC, CRIMINAL, CHILD, FINANCE],\n"
                      "         purpose: %.*s, legal_basis: law, may_resolve: true}\n",
                      BP_STR_ARGS(schema->types[i].name),
                      BP_STR_ARGS(schema->types[i].purposes[0]));
}

static void put_policy_in_force(struct bp_exchange *x)
{
    struct bp_policy *policy = NULL;
    struct bp_err err = {""};
    struct bp_buf text = {0};
    print_policy(x->schema, &text);
    Berbagi__V1__Policy *message = policy_of_text(bp_buf_str(&text));
    BP_ASSERT(message != NULL);
    bp_buf_fini(&text);
    if (bp_policy_compile(message, 1, x->schema, &policy, NULL, &err) != BP_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    berbagi__v1__policy__free_unpacked(message, NULL);
    struct bp_buf nothing = {0};
    bp_exchange_set_policy(x, policy, bp_blob_take(&nothing));
}

struct bp_exchange *fixture_exchange(void)
{
    static struct bp_exchange x;
    if (x.journal != NULL)
        return &x;
    const char *parent = getenv("TMPDIR");
    (void)snprintf(folder, sizeof(folder), "%s/berbagi-fuzz-XXXXXX",
                   parent != NULL ? parent : "/tmp");
    BP_ASSERT(mkdtemp(folder) != NULL);
    (void)atexit(remove_folder);
    x.schema = fuzz_schema();
    x.clock = &bp_system_clock;
    open_stores(&x);
    BP_ASSERT(bp_exchange_init(&x, NULL) == BP_OK);
    put_policy_in_force(&x);
    return &x;
}

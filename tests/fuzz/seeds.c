/* Writes first inputs for each target into DIR/<target>: sound events of every type, a policy,
 * certificates. Run once for a new target or a new kind of sample; what tests/fuzz/run --minimize
 * keeps of them stands in corpus/. */
#include <errno.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <sys/stat.h>

#include "berbagi/v1/exchange.pb-c.h"
#include "berbagi/v1/operator.pb-c.h"
#include "event_csv.h"
#include "file.h"
#include "fuzz.h"
#include "pack.h"
#include "pki.h"
#include "policy_text.h"
#include "record.h"
#include "request.h"
#include "valid_events.h"
#include "wire.h"

#define URI "spiffe://berbagi.example/agency/kab.18.07"

static const char *out_dir;

static void write_seed(const char *target, const char *name, struct bp_str content)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", out_dir, target);
    BP_ASSERT(mkdir(path, 0777) == 0 || errno == EEXIST);
    (void)snprintf(path, sizeof(path), "%s/%s/%s", out_dir, target, name);
    FILE *f = fopen(path, "wb");
    BP_ASSERT(f != NULL && fwrite(content.p, 1, content.n, f) == content.n && fclose(f) == 0);
}

/* The content behind a first byte. */
static void write_with_byte(const char *target, const char *name, uint8_t byte,
                            struct bp_str content)
{
    struct bp_buf b = {0};
    bp_buf_add_byte(&b, byte);
    bp_buf_add_str(&b, content);
    write_seed(target, name, bp_buf_str(&b));
    bp_buf_fini(&b);
}

/* --- events --- */

static void write_payload(const struct bp_event_type *type, struct bp_str data)
{
    struct bp_buf b = {0};
    bp_buf_add_str(&b, type->name);
    bp_buf_add_byte(&b, '\n');
    bp_buf_add_str(&b, data);
    write_seed("payload", type->name.p, bp_buf_str(&b));
    bp_buf_fini(&b);
}

static void write_redactions(const struct bp_event_type *type, struct bp_str data)
{
    static const uint8_t no_lists[16];
    for (uint8_t level = BP_LEVEL_PUBLIC; level <= BP_LEVEL_IDENTIFIED; level++) {
        char name[128];
        struct bp_buf b = {0};
        bp_buf_printf(&b, "%.*s\n", BP_STR_ARGS(type->name));
        bp_buf_add_byte(&b, level);
        bp_buf_add_byte(&b, (uint8_t)(level * 14));
        bp_buf_add(&b, no_lists, sizeof(no_lists));
        bp_buf_add_byte(&b, BP_LEVEL_NONE);
        bp_buf_add_byte(&b, 0);
        bp_buf_add(&b, no_lists, sizeof(no_lists));
        bp_buf_add_str(&b, data);
        (void)snprintf(name, sizeof(name), "%.*s-%u", BP_STR_ARGS(type->name), level);
        write_seed("redact", name, bp_buf_str(&b));
        bp_buf_fini(&b);
    }
}

static void write_texts(const struct bp_event_type *type, const struct bp_event *e)
{
    struct bp_buf line = {0}, rows = {0};
    struct bp_csv_table *table = NULL;
    BP_ASSERT(bp_event_to_json(fuzz_schema(), e, NULL, &line));
    write_seed("json", type->name.p, bp_buf_str(&line));
    BP_ASSERT(bp_csv_table_create(fuzz_schema(), &type, 1, &table, NULL) == BP_OK);
    bp_buf_add_text(&rows, "\x20\n");
    bp_csv_write_header(table, &rows);
    BP_ASSERT(bp_event_to_csv(table, e, NULL, &rows));
    write_seed("csv", type->name.p, bp_buf_str(&rows));
    bp_csv_table_destroy(table);
    bp_buf_fini(&line);
    bp_buf_fini(&rows);
}

static void write_record(const char *name, struct bp_str event, const struct bp_event *e)
{
    struct bp_record r = {
        .entry = {.kind = BP_ENTRY_EVENT, .number = 7, .actor = BP_STR("prov.18")},
        .routing = {.position = 5, .source = e->source, .subject = e->subject, .type = e->type},
        .event = event};
    struct bp_buf stored = {0};
    BP_ASSERT(bp_record_encode(&r, &stored) == BP_OK);
    write_with_byte("record", name, 1, bp_buf_str(&stored));
    bp_buf_fini(&stored);
}

static void write_event(const struct bp_event_type *type)
{
    struct bp_buf data = {0}, event = {0}, request = {0};
    valid_payload(type, ~UINT64_C(0), &data);
    write_payload(type, bp_buf_str(&data));
    write_redactions(type, bp_buf_str(&data));
    struct bp_event e = valid_event(type, bp_buf_str(&data));
    write_texts(type, &e);
    bp_event_encode(&e, &event);
    write_seed("event", type->name.p, bp_buf_str(&event));
    write_record(type->name.p, bp_buf_str(&event), &e);
    e.source = BP_STR("kab.18.07");
    if (type->index % 2 == 0 && e.subject.n != 0)
        e.subject = BP_STR("nik:" VALID_NIK);
    bp_buf_clear(&event);
    bp_event_encode(&e, &event);
    bp_wire_put_bytes(&request, 1, bp_buf_str(&event));
    write_seed("publish", type->name.p, bp_buf_str(&request));
    bp_buf_fini(&data);
    bp_buf_fini(&event);
    bp_buf_fini(&request);
}

static void write_control_entry(void)
{
    struct bp_entry e = {.kind = BP_ENTRY_POLICY,
                         .number = 3,
                         .part = 1,
                         .parts = 2,
                         .actor = BP_STR("operator/dewi"),
                         .content = BP_STR("content")};
    struct bp_buf stored = {0};
    BP_ASSERT(bp_entry_encode(&e, &stored) == BP_OK);
    write_with_byte("record", "control", 1, bp_buf_str(&stored));
    bp_buf_fini(&stored);
}

/* Neighbours, of which the last is like the first but for its number. */
static void write_pack(void)
{
    struct bp_entry e = {.kind = BP_ENTRY_POLICY, .part = 1, .parts = 1};
    struct bp_pack_writer w = {.n = 0};
    struct bp_buf stored = {0}, value = {0};
    for (e.number = 1; e.number <= 3; e.number++) {
        e.content = e.number == 2 ? BP_STR("another") : BP_STR("content");
        bp_buf_clear(&stored);
        BP_ASSERT(bp_entry_encode(&e, &stored) == BP_OK);
        BP_ASSERT((e.number == 1 ? bp_pack_begin(&w, 1, bp_buf_str(&stored))
                                 : bp_pack_add(&w, bp_buf_str(&stored))) == BP_OK);
    }
    BP_ASSERT(bp_buf_reserve(&value, bp_pack_size(&w)) != NULL);
    bp_pack_write(&w, value.p);
    value.n = bp_pack_size(&w);
    write_with_byte("pack", "neighbours", 1, bp_buf_str(&value));
    bp_pack_writer_fini(&w);
    bp_buf_fini(&stored);
    bp_buf_fini(&value);
}

/* Two frames behind each other, the second with a policy's entry. */
static void write_log(void)
{
    struct bp_buf log = {0};
    bp_buf_add(&log, "\0\0\1\2\1\0\0\0a\3\0\0\0bcd\n", 18);
    bp_buf_add(&log, "\0\3\1\2\0\0\200", 7);
    bp_buf_add(&log, "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0xy\n", 29);
    write_seed("wal", "two", bp_buf_str(&log));
    bp_buf_fini(&log);
}

/* --- requests --- */

static const char policy_text[] =
    "agencies:\n"
    "  - {id: kl.kp2mi, name: KP2MI, region: ID}\n"
    "  - {id: kab.18.07, region: \"18.07\"}\n"
    "  - {id: desa.18.07.15.2006, region: \"18.07.15.2006\", parent: kab.18.07, suspended: true}\n"
    "  - {id: perwakilan.tw.taipei, region: ID, host_countries: [TW]}\n"
    "agreements:\n"
    "  - id: mou-1\n"
    "    title: \"Nota: satu\"\n"
    "    parties: [kl.kp2mi, kab.18.07]\n"
    "    signed_on: \"2025-12-01\"\n"
    "    valid_from: \"2026-01-01\"\n"
    "    valid_to: \"2026-12-31\"\n"
    "    status: IN_FORCE\n"
    "    grants:\n"
    "      - {grantees: [kl.kp2mi, kab.18.07], direction: SUBSCRIBE,\n"
    "         events: [departure.*, return.recorded], scope: REGIONS, regions: [\"18\"],\n"
    "         level: PSEUDONYMOUS, specific: [HEALTH], never_fields: [note],\n"
    "         purpose: PLACEMENT_ADMIN, legal_basis: \"PP 10/2020\", events_from: \"2026-02-01\"}\n"
    "      - {grantee: kab, direction: PUBLISH, events: \"*\", scope: OWN, level: IDENTIFIED,\n"
    "         purpose: PLACEMENT_ADMIN, legal_basis: law, may_resolve: true}\n"
    "ceilings:\n"
    "  - {audience: kab, limits: [{groups: [departure], level: IDENTIFIED, specific: [CHILD],\n"
    "     scope: NATIONAL}, {groups: [\"*\"], level: PUBLIC, scope: OWN}]}\n"
    "operators:\n"
    "  - {name: dewi, roles: [POLICY, SECURITY]}\n"
    "  - {name: budi, roles: [POLICY]}\n"
    "approvals_required: 1\n"
    "quotas:\n"
    "  - {audience: kab, events_per_second: 10, burst_events: 20, streams: 2}\n";

static void write_policies(void)
{
    Berbagi__V1__ApplyPolicyRequest request = BERBAGI__V1__APPLY_POLICY_REQUEST__INIT;
    struct bp_buf out = {0};
    write_seed("yaml", "policy", bp_str(policy_text));
    request.policy = policy_of_text(bp_str(policy_text));
    BP_ASSERT(request.policy != NULL);
    uint8_t *place =
        bp_buf_reserve(&out, berbagi__v1__apply_policy_request__get_packed_size(&request));
    BP_ASSERT(place != NULL);
    out.n = berbagi__v1__apply_policy_request__pack(&request, place);
    write_seed("policy", "policy", bp_buf_str(&out));
    berbagi__v1__policy__free_unpacked(request.policy, NULL);
    bp_buf_fini(&out);
}

static void write_subscription(void)
{
    char *types[] = {(char[]){"departure.*"}, (char[]){"return.recorded"}};
    char *regions[] = {(char[]){"18.07"}}, *sources[] = {(char[]){"kab.18.07"}};
    char *subjects[] = {(char[]){"p_1"}}, *destinations[] = {(char[]){"TW"}};
    Berbagi__V1__Filter filter = BERBAGI__V1__FILTER__INIT;
    Berbagi__V1__Start start = BERBAGI__V1__START__INIT;
    Berbagi__V1__SubscribeRequest__Open open = BERBAGI__V1__SUBSCRIBE_REQUEST__OPEN__INIT;
    Berbagi__V1__SubscribeRequest request = BERBAGI__V1__SUBSCRIBE_REQUEST__INIT;
    uint8_t bytes[512];
    filter.types = types;
    filter.n_types = 2;
    filter.regions = regions;
    filter.sources = sources;
    filter.subjects = subjects;
    filter.destinations = destinations;
    filter.n_regions = filter.n_sources = filter.n_subjects = filter.n_destinations = 1;
    start.at_case = BERBAGI__V1__START__AT_AFTER_POSITION;
    open.subscription = (char[]){"main"};
    open.filter = &filter;
    open.start = &start;
    request.kind_case = BERBAGI__V1__SUBSCRIBE_REQUEST__KIND_OPEN;
    request.open = &open;
    BP_ASSERT(berbagi__v1__subscribe_request__get_packed_size(&request) <= sizeof(bytes));
    size_t n = berbagi__v1__subscribe_request__pack(&request, bytes);
    write_seed("subscribe", "open", bp_str_of(bytes, n));
}

/* --- certificates --- */

static void write_der(const char *target, const char *name, unsigned char *der, int n)
{
    BP_ASSERT(n > 0);
    write_with_byte(target, name, 1, bp_str_of(der, (size_t)n));
    OPENSSL_free(der);
}

static void write_certificates(const struct pki_cert *root)
{
    static const struct pki_spec spec = {
        .name = "kab.18.07", .san = "URI:" URI, .eku = "clientAuth", .policies = 1};
    struct pki_cert leaf = pki_make(&spec, root);
    struct bp_buf pem = {0};
    unsigned char *der = NULL;
    int n = i2d_X509(leaf.cert, &der);
    write_der("certificate", "leaf.der", der, n);
    pki_add_cert(&pem, &leaf);
    pki_add_cert(&pem, root);
    write_with_byte("certificate", "chain.pem", 0, bp_buf_str(&pem));
    bp_buf_fini(&pem);
    STACK_OF(GENERAL_NAME) *names = X509_get_ext_d2i(leaf.cert, NID_subject_alt_name, NULL, NULL);
    der = NULL;
    n = i2d_GENERAL_NAMES(names, &der);
    write_der("san", "names.der", der, n);
    GENERAL_NAMES_free(names);
    write_with_byte("san", "uri", 0, BP_STR(URI));
    pki_free(&leaf);
}

static void write_crls(const struct pki_cert *root)
{
    struct pki_crl spec = {.issuer = root, .revoked = root};
    struct bp_buf pem = {0};
    unsigned char *der = NULL;
    pki_add_crl(&pem, &spec);
    write_with_byte("crl", "list.pem", 0, bp_buf_str(&pem));
    BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
    X509_CRL *crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
    int n = i2d_X509_CRL(crl, &der);
    write_der("crl", "list.der", der, n);
    X509_CRL_free(crl);
    BIO_free(bio);
    bp_buf_fini(&pem);
}

static void write_requests(void)
{
    static const struct bp_subject agency = {
        .trust_domain = "berbagi.example", .kind = BP_IDENTITY_AGENCY, .name = "kab.18.07"};
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509_REQ *request = NULL;
    unsigned char *der = NULL;
    char *pem = NULL;
    BP_ASSERT(bp_request_make(&agency, key, &request, NULL) == BP_OK);
    int n = i2d_X509_REQ(request, &der);
    write_der("request", "agency.der", der, n);
    BIO *bio = BIO_new(BIO_s_mem());
    BP_ASSERT(PEM_write_bio_X509_REQ(bio, request) == 1);
    long length = BIO_get_mem_data(bio, &pem);
    write_with_byte("request", "agency.pem", 0, bp_str_of(pem, (size_t)length));
    BIO_free(bio);
    X509_REQ_free(request);
    EVP_PKEY_free(key);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: fuzz_seeds DIR\n");
        return 2;
    }
    out_dir = argv[1];
    for (size_t i = 0; i < fuzz_schema()->n_types; i++)
        write_event(&fuzz_schema()->types[i]);
    write_control_entry();
    write_pack();
    write_log();
    write_policies();
    write_subscription();
    struct pki_cert root =
        pki_make(&(struct pki_spec){.name = "root", .is_ca = true, .policies = 7}, NULL);
    write_certificates(&root);
    write_crls(&root);
    write_requests();
    pki_free(&root);
    return 0;
}

/* The world of credentials.h's tests; whatever fails ends the test. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "file.h"

#define BIT(kind) (1u << (kind))

static struct pki_cert make_ca(const char *name, const char *eku, unsigned policies,
                               const struct pki_cert *issuer)
{
    const struct pki_spec spec = {.name = name,
                                  .is_ca = true,
                                  .eku = eku,
                                  .policies = policies,
                                  .from_s = -PKI_DAY_S,
                                  .until_s = 1000 * PKI_DAY_S};
    return pki_make(&spec, issuer);
}

struct pki_cert world_leaf(const char *path, const char *eku, const struct pki_cert *issuer)
{
    return world_leaf_for(NULL, path, eku, issuer);
}

struct pki_cert world_leaf_for(EVP_PKEY *key, const char *path, const char *eku,
                               const struct pki_cert *issuer)
{
    char san[160];
    bool is_server = strncmp(path, "server/", 7) == 0;
    snprintf(san, sizeof(san), "URI:spiffe://berbagi.example/%s%s", path,
             is_server ? ",DNS:exchange.example" : "");
    const struct pki_spec spec = {.name = path, .given = key, .san = san, .eku = eku};
    return pki_make(&spec, issuer);
}

int world_make(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    const char *tmp = getenv("TMPDIR");
    snprintf(w->dir, sizeof(w->dir), "%s/berbagi-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (mkdtemp(w->dir) == NULL)
        return -1;
    w->root = make_ca("root", NULL, 0, NULL);
    w->stranger = make_ca("stranger", NULL, BIT(BP_IDENTITY_AGENCY), NULL);
    w->agencies = make_ca("agencies", "clientAuth", BIT(BP_IDENTITY_AGENCY), &w->root);
    w->operators = make_ca("operators", "clientAuth", BIT(BP_IDENTITY_OPERATOR), &w->root);
    w->servers = make_ca("servers", "serverAuth", BIT(BP_IDENTITY_SERVER), &w->root);
    w->server = world_leaf("server/one", "serverAuth", &w->servers);
    w->agency = world_leaf("agency/kab.18.07", "clientAuth", &w->agencies);
    w->forged_operator = world_leaf("operator/dewi", "clientAuth", &w->agencies);
    *state = w;
    return 0;
}

static const char *const file_names[] = {"cert.pem", "key.pem",     "ca.pem",
                                         "crl.pem",  "issuers.pem", "cert.pem.request"};

char *world_path(const struct world *w, const char *name)
{
    char *path = bp_path_join(w->dir, name);
    assert_non_null(path);
    return path;
}

int world_free(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < sizeof(file_names) / sizeof(file_names[0]); i++) {
        char *path = world_path(w, file_names[i]);
        unlink(path);
        free(path);
    }
    rmdir(w->dir);
    struct pki_cert *all[] = {&w->root,     &w->agencies, &w->operators, &w->servers,
                              &w->stranger, &w->server,   &w->agency,    &w->forged_operator};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        pki_free(all[i]);
    free(w);
    return 0;
}

/* Writes and empties text. */
void world_write_file(const struct world *w, const char *name, struct bp_buf *text, unsigned mode)
{
    char *path = world_path(w, name);
    assert_int_equal(bp_file_write(path, text->p, text->n, mode, NULL), BP_OK);
    free(path);
    bp_buf_fini(text);
}

void world_write_pair(const struct world *w, const struct pki_cert *cert,
                      const struct pki_cert *key)
{
    struct bp_buf text = {0};
    pki_add_cert(&text, cert);
    world_write_file(w, "cert.pem", &text, 0644);
    pki_add_key(&text, key);
    world_write_file(w, "key.pem", &text, 0600);
}

void world_write_bundle(const struct world *w)
{
    struct bp_buf text = {0};
    const struct pki_cert *cas[] = {&w->root, &w->agencies, &w->operators, &w->servers};
    for (size_t i = 0; i < sizeof(cas) / sizeof(cas[0]); i++)
        pki_add_cert(&text, cas[i]);
    world_write_file(w, "ca.pem", &text, 0644);
}

/* The lists of all CAs, that of the agencies' as given (NULL: a plain one). */
void world_write_crls(const struct world *w, const struct pki_crl *agencies)
{
    struct bp_buf text = {0};
    const struct pki_cert *cas[] = {&w->root, &w->operators, &w->servers};
    for (size_t i = 0; i < sizeof(cas) / sizeof(cas[0]); i++)
        pki_add_crl(&text, &(struct pki_crl){.issuer = cas[i]});
    pki_add_crl(&text, agencies != NULL ? agencies : &(struct pki_crl){.issuer = &w->agencies});
    world_write_file(w, "crl.pem", &text, 0644);
}

static bp_status load(const struct world *w, const struct loading *how, struct bp_credentials **out,
                      struct bp_err *err)
{
    char *cert = world_path(w, "cert.pem"), *key = world_path(w, "key.pem"),
         *ca = world_path(w, "ca.pem");
    char *crl = world_path(w, "crl.pem");
    char *issuers = how->agency_issuers != NULL ? world_path(w, how->agency_issuers) : NULL;
    const char *const crls[] = {crl};
    const struct bp_credential_files files = {.cert = cert,
                                              .key = how->in_one_file ? NULL : key,
                                              .ca = ca,
                                              .crls = crls,
                                              .n_crls = how->with_crls ? 1 : 0,
                                              .crl_grace_s = how->grace_s,
                                              .trust_domain = how->trust_domain,
                                              .issuers = {[BP_IDENTITY_AGENCY] = issuers}};
    bp_status st = how->barred
                       ? bp_credentials_load_barred(&files, !how->as_client, PKI_NOW_NS, out, err)
                       : bp_credentials_load(&files, !how->as_client, PKI_NOW_NS, out, err);
    free(issuers);
    free(cert);
    free(key);
    free(ca);
    free(crl);
    return st;
}

struct bp_credentials *world_load(const struct world *w, const struct loading *how)
{
    struct bp_credentials *c = NULL;
    struct bp_err err = {""};
    if (load(w, how, &c, &err) != BP_OK)
        fail_msg("%s", err.text);
    return c;
}

void world_expect_load_fails(const struct world *w, const struct loading *how, const char *words)
{
    struct bp_credentials *c = NULL;
    struct bp_err err = {""};

    assert_int_not_equal(load(w, how, &c, &err), BP_OK);

    assert_null(c);
    if (strstr(err.text, words) == NULL)
        fail_msg("expected '%s' in '%s'", words, err.text);
}

bp_status world_check(const struct bp_credentials *c, const struct pki_cert *peer, int64_t now_ns,
                      struct bp_err *err)
{
    struct bp_buf pem = {0};
    pki_add_cert(&pem, peer);
    bp_status st = bp_credentials_check_revocation(c, bp_buf_str(&pem), now_ns, err);
    bp_buf_fini(&pem);
    return st;
}

void world_expect_refused(const struct bp_credentials *c, const struct pki_cert *peer,
                          const char *words)
{
    struct bp_err err = {""};
    assert_int_equal(world_check(c, peer, PKI_NOW_NS, &err), BP_EAUTH);
    if (strstr(err.text, words) == NULL)
        fail_msg("expected '%s' in '%s'", words, err.text);
}

void world_write_server(const struct world *w)
{
    world_write_pair(w, &w->server, &w->server);
    world_write_bundle(w);
}

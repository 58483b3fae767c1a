/* A root, an issuing CA for each kind, a stranger's CA, and certificates below them, for the tests of
 * credentials.h: each puts together in the world's folder the files it is about. */
#ifndef TEST_WORLD_H
#define TEST_WORLD_H

#include "credentials.h"
#include "pki.h"

#define DAY_NS (PKI_DAY_S * INT64_C(1000000000))

struct world {
    char dir[64];
    struct pki_cert root, agencies, operators, servers, stranger;
    struct pki_cert server, agency, forged_operator;
};

/* cmocka's setup and teardown; *state is the world. */
int world_make(void **state);
int world_free(void **state);
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, world_make, world_free)

/* A certificate for "agency/kab.18.07"; a server's has the host name exchange.example. */
struct pki_cert world_leaf(const char *path, const char *eku, const struct pki_cert *issuer);
/* The same for a key that somebody has; takes the reference. */
struct pki_cert world_leaf_for(EVP_PKEY *key, const char *path, const char *eku,
                               const struct pki_cert *issuer);

/* dir/name, to be freed. */
char *world_path(const struct world *w, const char *name);
/* Writes and empties text. */
void world_write_file(const struct world *w, const char *name, struct bp_buf *text, unsigned mode);
/* cert.pem and key.pem. */
void world_write_pair(const struct world *w, const struct pki_cert *cert,
                      const struct pki_cert *key);
void world_write_bundle(const struct world *w); /* ca.pem */
void world_write_server(const struct world *w); /* pair and bundle of the server */
/* crl.pem: the lists of all CAs, that of the agencies' as given (NULL: a plain one). */
void world_write_crls(const struct world *w, const struct pki_crl *agencies);

struct loading {
    bool with_crls;
    uint64_t grace_s;
    bool as_client;
    bool in_one_file; /* cert.pem holds the key as well */
    const char *trust_domain;
    const char *agency_issuers; /* name of a file; NULL: none */
    bool barred;                /* as a start does: bp_credentials_load_barred */
};

/* Loads what was written. */
struct bp_credentials *world_load(const struct world *w, const struct loading *how);
void world_expect_load_fails(const struct world *w, const struct loading *how, const char *words);

/* bp_credentials_check_revocation of a peer. */
bp_status world_check(const struct bp_credentials *c, const struct pki_cert *peer, int64_t now_ns,
                      struct bp_err *err);
/* BP_EAUTH with these words. */
void world_expect_refused(const struct bp_credentials *c, const struct pki_cert *peer,
                          const char *words);

#endif

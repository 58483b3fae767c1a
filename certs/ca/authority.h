/* The folder of a CA, opened for one act:
 *     ca.pem  crl.pem           certificates and CRLs of all CAs, for servers and clients
 *     crl/NAME.pem              the CRL of each
 *     issuers/KIND.pem          certificates of the issuing CAs of a kind
 *     NAME/cert.pem  key.pem    of each CA: root, agency, operator, server, and agency.2 ... after a
 *                               rollover; a root's key belongs on a medium in a safe
 *     ledger/                   LMDB: the truth, from which every file but the keys follows
 * One thread. */
#ifndef BERBAGI_AUTHORITY_H
#define BERBAGI_AUTHORITY_H

#include "certificate.h"
#include "keyring.h"
#include "ledger.h"
#include "staging.h"

/* A CA of the site. */
struct bp_issuer {
    struct bp_ca_record record; /* without der */
    X509 *cert;
    EVP_PKEY *key; /* NULL until bp_issuer_unlock */
};

struct bp_authority {
    char *dir;
    struct bp_ledger *ledger;
    struct bp_keyring *keys;   /* borrowed; NULL: no key can be used */
    struct bp_issuer *issuers; /* by number */
    size_t n_issuers;
    struct bp_staging staging;
};

enum bp_authority_mode { BP_FOR_READING, BP_FOR_WRITING };

/* Opens the folder and begins the ledger's transaction; for writing it waits for another writer,
 * and finishes what one left that was killed. BP_ENOENT: it is no CA's folder. */
BP_MUST_USE bp_status bp_authority_open(const char *dir, enum bp_authority_mode mode,
                                        struct bp_keyring *keys, struct bp_authority *out,
                                        struct bp_err *err);
/* Makes the ledger of a new CA in dir, an existing folder. */
BP_MUST_USE bp_status bp_authority_create(const char *dir, const char *trust_domain,
                                          bool is_development, struct bp_keyring *keys,
                                          struct bp_authority *out, struct bp_err *err);
/* Commits what was entered and staged: all of it from here on, nothing before. */
BP_MUST_USE bp_status bp_authority_commit(struct bp_authority *a, struct bp_err *err);
void bp_authority_close(struct bp_authority *a); /* a zeroed one allowed */

/* The CA of this role and state, or NULL. Borrowed until the next bp_authority_add. */
struct bp_issuer *bp_authority_find(const struct bp_authority *a, enum bp_ca role,
                                    enum bp_ca_state state);
struct bp_issuer *bp_authority_by_number(const struct bp_authority *a, uint32_t number);

/* Makes key usable. Status as of bp_keyring_open. */
BP_MUST_USE bp_status bp_issuer_unlock(const struct bp_authority *a, struct bp_issuer *issuer,
                                       struct bp_err *err);
/* All three that sign for people and servers: at the start of a service. */
BP_MUST_USE bp_status bp_authority_unlock(const struct bp_authority *a, struct bp_err *err);

/* A key for a new CA of this role: the one in a token that key_uri names, or a new one. */
BP_MUST_USE bp_status bp_authority_make_key(const struct bp_authority *a, enum bp_ca role,
                                            const char *key_uri, EVP_PKEY **out,
                                            struct bp_err *err);

/* Enters a new CA, its certificate just signed by root (NULL: by itself), in this state, and stages
 * the files of its folder. Takes cert and key, also when it fails. key_uri "": a file. Moves the
 * issuers: what bp_authority_find gave before is not to be used any more. */
BP_MUST_USE bp_status bp_authority_add(struct bp_authority *a, enum bp_ca role,
                                       enum bp_ca_state state, const struct bp_issuer *root,
                                       X509 *cert, EVP_PKEY *key, const char *key_uri,
                                       struct bp_err *err);
BP_MUST_USE bp_status bp_authority_set_state(struct bp_authority *a, struct bp_issuer *issuer,
                                             enum bp_ca_state state, struct bp_err *err);

/* Stages dir/name. */
BP_MUST_USE bp_status bp_authority_stage(struct bp_authority *a, const char *name,
                                         const struct bp_buf *content, unsigned mode,
                                         struct bp_err *err);
/* Stages the key's file, sealed with passphrase (NULL: not). */
BP_MUST_USE bp_status bp_authority_stage_key(struct bp_authority *a, const struct bp_issuer *issuer,
                                             const struct bp_secret *passphrase,
                                             struct bp_err *err);
/* Stages ca.pem, every CA that is not withdrawn, and issuers/KIND.pem. */
BP_MUST_USE bp_status bp_authority_stage_bundle(struct bp_authority *a, struct bp_err *err);

/* Enters a certificate just signed by issuer for name. */
BP_MUST_USE bp_status bp_authority_record(struct bp_authority *a, const struct bp_issuer *issuer,
                                          const char *name, const X509 *cert, struct bp_err *err);

#endif

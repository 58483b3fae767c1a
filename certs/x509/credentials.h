/* Certificate, key, CA bundle and CRLs of a server or client, loaded from files and checked before
 * use. The key file must not be readable by others. Immutable once loaded; any thread. */
#ifndef BERBAGI_CREDENTIALS_H
#define BERBAGI_CREDENTIALS_H

#include "identity.h"

struct bp_credential_files {
    /* PEM; cert may hold its chain behind it. key NULL: the key stands in cert as well, which is
     * then as secret; that file is read once, so that whoever replaces it by a rename never shows a
     * key beside the certificate of another. */
    const char *cert, *key, *ca;
    const char *const *crls; /* PEM files; n_crls may be 0: revocation is not checked */
    size_t n_crls;
    uint64_t crl_grace_s;     /* how long past nextUpdate a CRL still counts */
    const char *trust_domain; /* that the own certificate must name; NULL: any */
    /* PEM files with the CAs that alone may issue for a kind of identity. NULL: the policy that a
     * CA's certificate carries decides, as it does beside such a file. */
    const char *issuers[BP_IDENTITY_KINDS];
};

struct bp_credentials;

/* Loads and checks: the pair matches, the chain leads to the CA bundle for this purpose (server or
 * client), dates, each CRL is signed by a CA of the bundle and current, each CA of the bundle has
 * one (if any are given), the own certificate is not revoked, a server's has a host name or
 * address. Errors name the file and what is wrong with it. */
BP_MUST_USE bp_status bp_credentials_load(const struct bp_credential_files *files, bool is_server,
                                          int64_t now_ns, struct bp_credentials **out,
                                          struct bp_err *err);

/* The same for a start, where there is nothing to fall back on: where the CRLs alone are at fault,
 * the rest loads, and bars every peer (bp_credentials_check_lists says why). */
BP_MUST_USE bp_status bp_credentials_load_barred(const struct bp_credential_files *files,
                                                 bool is_server, int64_t now_ns,
                                                 struct bp_credentials **out, struct bp_err *err);
void bp_credentials_destroy(struct bp_credentials *c); /* NULL allowed; wipes the key */

/* PEM texts, terminated, borrowed: what gRPC is given. */
const char *bp_credentials_cert_pem(const struct bp_credentials *c);
const char *bp_credentials_key_pem(const struct bp_credentials *c);
const char *bp_credentials_ca_pem(const struct bp_credentials *c);
int64_t bp_credentials_not_after_ns(const struct bp_credentials *c); /* earliest of the own chain */
int64_t bp_credentials_crl_next_update_ns(
    const struct bp_credentials *c); /* earliest; INT64_MAX without CRLs */
const char *bp_credentials_serial(const struct bp_credentials *c); /* of the own certificate */
size_t bp_credentials_authorities(const struct bp_credentials *c); /* CAs of the bundle */
size_t bp_credentials_revoked(const struct bp_credentials *c);     /* entries of all CRLs */

/* Were both loaded from the same content? */
bool bp_credentials_is_same(const struct bp_credentials *a, const struct bp_credentials *b);
/* Do both make the same handshakes: certificate, key and bundle? */
bool bp_credentials_shows_same(const struct bp_credentials *a, const struct bp_credentials *b);

/* Are the CRLs in order at now_ns (also: none are asked for)? BP_EAUTH with what is wrong: one was
 * missing or bad when they were loaded, or is out of date since; peers of its CA are barred. */
BP_MUST_USE bp_status bp_credentials_check_lists(const struct bp_credentials *c, int64_t now_ns,
                                                 struct bp_err *err);

/* Does the own certificate have every host name and address that the one of `before` has? BP_EINVAL
 * names the one that is missing. */
BP_MUST_USE bp_status bp_credentials_check_names(const struct bp_credentials *c,
                                                 const struct bp_credentials *before,
                                                 struct bp_err *err);

/* May the holder of this certificate still be talked to at now_ns? cert_pem is the peer's
 * certificate alone, as gRPC gives it, so its CAs must all be in the bundle. Checks the chain and
 * its dates for the peer's purpose, that each CA above it may assert its kind of identity, and, if
 * CRLs were given, that neither it nor a CA above it is revoked (fail closed: a CRL out of date
 * bars all certificates of its CA). BP_OK, BP_EPERM revoked, BP_EAUTH anything else, BP_ENOMEM.
 * Cheap when asked again about the same certificate. */
BP_MUST_USE bp_status bp_credentials_check_revocation(const struct bp_credentials *c,
                                                      struct bp_str cert_pem, int64_t now_ns,
                                                      struct bp_err *err);

#endif

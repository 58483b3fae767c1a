/* What inspect knows and has found; a file for each kind of thing that may stand in a PEM file. One
 * thread. */
#ifndef BERBAGI_INSPECTION_H
#define BERBAGI_INSPECTION_H

#include "crl_set.h"
#include "trust.h"

struct bp_inspection {
    struct bp_trust *trust;  /* NULL: no --ca */
    struct bp_crl_set *crls; /* NULL: no --crl */
    STACK_OF(X509) * all;    /* the certificates of the file */
    int64_t now_ns;
    bool is_wrong; /* anything */
};

/* Each prints to standard output what the thing is, what it can do and, behind "wrong", what is
 * the matter with it. */
void bp_inspect_certificate(struct bp_inspection *in, X509 *cert);
void bp_inspect_request(struct bp_inspection *in, X509_REQ *request);
void bp_inspect_crl(struct bp_inspection *in, X509_CRL *crl);
/* All certificates together, when every one is a CA's: what a server or client can do with them. */
void bp_inspect_bundle(struct bp_inspection *in);

/* For these alone. */
void bp_inspect_wrong(struct bp_inspection *in, const struct bp_err *err);
void bp_inspect_wrong_words(struct bp_inspection *in, const char *words);
void bp_inspect_key(struct bp_inspection *in, const EVP_PKEY *key); /* NULL allowed */
void bp_inspect_hosts(const GENERAL_NAMES *names);                  /* NULL allowed */
/* "from ... to ...", and how many days are left, or behind. */
void bp_inspect_dates(const struct bp_inspection *in, const ASN1_TIME *from,
                      const ASN1_TIME *until);
#define BP_INSPECT_LINE "  %-9s "

#endif

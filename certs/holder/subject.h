/* Whom a certificate is for, as named on the command line: a kind, a name, and for a server the
 * hosts it answers as. */
#ifndef BERBAGI_SUBJECT_H
#define BERBAGI_SUBJECT_H

#include <openssl/x509v3.h>

#include "buffer.h"
#include "identity.h"
#include "options.h"

struct bp_subject {
    const char *trust_domain;
    enum bp_identity_kind kind;
    const char *name;
    const char *const *hosts; /* host names and IP addresses, of a server alone */
    size_t n_hosts;
};

/* Reads --agency, --operator, --server and --dns; all borrowed from o. BP_EINVAL: not exactly one,
 * a name that breaks its grammar, --dns without --server, a server without --dns, a host that is
 * neither. */
BP_MUST_USE bp_status bp_subject_read(const struct bp_options *o, const char *trust_domain,
                                      struct bp_subject *out, struct bp_err *err);

/* O=<trust domain>, OU=<kind>, CN=<name>; NULL when out of memory. */
X509_NAME *bp_subject_name(const struct bp_subject *s);

/* The names such a certificate carries: the SPIFFE ID and the hosts. Free with GENERAL_NAMES_free;
 * NULL when out of memory. */
GENERAL_NAMES *bp_subject_names(const struct bp_subject *s);

/* Appends a host of these names as text. False: it is none, or cannot be read; memory failure shows
 * in out->failed. */
bool bp_subject_host_text(const GENERAL_NAME *name, struct bp_buf *out);

/* "spiffe://...", terminated; false if it does not fit. */
bool bp_subject_uri(const struct bp_subject *s, char *out, size_t size);

#endif

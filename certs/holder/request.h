/* Certificate requests (PKCS#10): made beside the key, checked by the CA before it signs. One
 * thread. */
#ifndef BERBAGI_REQUEST_H
#define BERBAGI_REQUEST_H

#include "certificate.h"
#include "subject.h"

/* A request for s, signed with its key. Free with X509_REQ_free. */
BP_MUST_USE bp_status bp_request_make(const struct bp_subject *s, EVP_PKEY *key, X509_REQ **out,
                                      struct bp_err *err);

/* Reads the first request of a PEM text. BP_EINVAL. */
BP_MUST_USE bp_status bp_request_parse(struct bp_str pem, X509_REQ **out, struct bp_err *err);

/* The names it asks for; free with GENERAL_NAMES_free. NULL: none. */
GENERAL_NAMES *bp_request_names(const X509_REQ *request);

/* Would a certificate for s answer this request? BP_EINVAL: its signature is not by the key in it
 * (no proof of possession), the key is weak, or it asks for another identity or other hosts than s
 * has. Everything else a request may ask for is ignored: the profile decides. */
BP_MUST_USE bp_status bp_request_check(X509_REQ *request, const struct bp_subject *s,
                                       struct bp_err *err);

#endif

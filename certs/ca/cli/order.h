/* An order for a certificate, as sign and issue take it: read from the command line, signed,
 * recorded, written. One thread. */
#ifndef BERBAGI_ORDER_H
#define BERBAGI_ORDER_H

#include "session.h"
#include "subject.h"

/* Where the request comes from; free with X509_REQ_free. */
typedef bp_status bp_order_request(const struct bp_authority *a, const struct bp_options *o,
                                   const struct bp_subject *s, X509_REQ **out, struct bp_err *err);

/* Does all of it. act: the word that is recorded. The options of whom it is for, BP_OPTION_DAYS,
 * --out and those of bp_session_open to sign are in o. */
BP_MUST_USE bp_status bp_order_run(const struct bp_options *o, const char *act,
                                   bp_order_request *request, bool *is_usage, struct bp_err *err);

#endif

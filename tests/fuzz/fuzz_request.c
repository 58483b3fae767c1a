/* Certificate requests: one is signed for an agency only if it asks for that agency's one URI and
 * nothing else. Input: a byte (0: PEM, else a request in DER, which is given a sound key and
 * signature); the rest. */
#include <openssl/err.h>
#include <openssl/pem.h>

#include "authority_fixture.h"
#include "fuzz.h"
#include "request.h"

static const struct bp_subject agency = {
    .trust_domain = FIXTURE_DOMAIN, .kind = BP_IDENTITY_AGENCY, .name = "kab.18.07"};

static void check_asked(X509_REQ *request)
{
    STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(request);
    GENERAL_NAMES *names = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
    struct bp_buf uri = {0};
    BP_ASSERT(names != NULL && bp_names_uri(names, &uri, NULL) == BP_OK);
    BP_ASSERT(bp_str_is(bp_buf_str(&uri), "spiffe://" FIXTURE_DOMAIN "/agency/kab.18.07"));
    bp_buf_fini(&uri);
    GENERAL_NAMES_free(names);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
}

static void check_request(X509_REQ *request)
{
    struct bp_err err = {""};
    if (bp_request_check(request, &agency, &err) == BP_OK)
        check_asked(request);
    else
        BP_ASSERT(err.text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct fuzz_input in = {p, n};
    X509_REQ *request = NULL;
    if (fuzz_take_byte(&in) == 0) {
        if (bp_request_parse(fuzz_rest(&in), &request, NULL) == BP_OK)
            check_request(request);
    } else {
        const unsigned char *at = in.p;
        request = d2i_X509_REQ(NULL, &at, (long)in.n);
        if (request != NULL && X509_REQ_set_pubkey(request, fixture_key()) == 1 &&
            X509_REQ_sign(request, fixture_key(), EVP_sha256()) > 0)
            check_request(request);
    }
    X509_REQ_free(request);
    ERR_clear_error();
    return 0;
}

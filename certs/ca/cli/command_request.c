/* On the machine of whom the certificate is for: the key never leaves it. */
#include <stdio.h>

#include "command.h"
#include "file.h"
#include "keys.h"
#include "request.h"

static bp_status write_request(const X509_REQ *request, const char *path, struct bp_err *err)
{
    struct bp_buf pem = {0};
    bp_status st = bp_request_pem(request, &pem, err);
    if (st == BP_OK && path != NULL)
        st = bp_file_write(path, pem.p, pem.n, 0644, err);
    else if (st == BP_OK && fwrite(pem.p, 1, pem.n, stdout) != pem.n)
        st = bp_fail(err, BP_EIO, "standard output cannot be written");
    bp_buf_fini(&pem);
    return st;
}

static void say(const struct bp_subject *s, const char *key_path, bool is_new)
{
    char uri[512];
    if (!bp_subject_uri(s, uri, sizeof(uri)))
        return;
    fprintf(stderr, "%s: %s; the request asks for %s\n", key_path,
            is_new ? "a new key, keep it here and to yourself" : "the key that was there", uri);
}

static bp_status run(const struct bp_options *o, bool *is_usage, struct bp_err *err)
{
    const char *domain = bp_options_text(o, "trust-domain"), *key_path = bp_options_text(o, "key");
    struct bp_subject s;
    X509_REQ *request = NULL;
    EVP_PKEY *key = NULL;
    bool is_new = false;
    bp_status st;

    *is_usage = true;
    if (!bp_trust_domain_is_valid(bp_str(domain)) || strlen(domain) > 64)
        return bp_fail(err, BP_EINVAL, "--trust-domain %s: not a valid name", domain);
    if ((st = bp_subject_read(o, domain, &s, err)) != BP_OK)
        return st;
    *is_usage = false;
    if ((st = bp_key_obtain(key_path, &key, &is_new, err)) == BP_OK &&
        (st = bp_request_make(&s, key, &request, err)) == BP_OK &&
        (st = write_request(request, bp_options_text(o, "csr"), err)) == BP_OK)
        say(&s, key_path, is_new);
    X509_REQ_free(request);
    EVP_PKEY_free(key);
    return st;
}

static const struct bp_option options[] = {
    BP_OPTION_AGENCY,
    BP_OPTION_OPERATOR,
    BP_OPTION_SERVER,
    BP_OPTION_DNS,
    {.key = "trust-domain",
     .type = BP_OPTION_TEXT,
     .operand = "NAME",
     .otherwise = "berbagi.example",
     .help = "The exchange's trust domain."},
    {.key = "key",
     .type = BP_OPTION_TEXT,
     .operand = "FILE",
     .required = true,
     .help = "The private key: made with mode 0600 if there is no such file, else used again."},
    {.key = "csr",
     .type = BP_OPTION_TEXT,
     .operand = "FILE",
     .help = "Where the request goes; standard output without this."},
};

const struct bp_command bp_command_request = {
    .name = "request",
    .summary = "make a key and a request for a certificate, on the machine that will use them",
    .usage = "Usage: berbagi-ca request --agency ID|--operator NAME|--server NAME --dns HOST...\n"
             "           --key FILE [--csr FILE] [--trust-domain NAME]\n\n"
             "Makes a key (P-256) and a request. Send the request to the CA; never the key.",
    .options = options,
    .n_options = BP_COUNT(options),
    .run = run,
};

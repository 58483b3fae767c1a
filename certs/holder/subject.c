#include "subject.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "certificate.h"

static bool is_address(const char *host)
{
    uint8_t bytes[16];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

/* RFC 1123 labels, lower case; no wildcard: a certificate is for hosts that somebody named. */
static bool is_host_name(const char *host)
{
    size_t label = 0;
    if (strlen(host) > 253)
        return false;
    for (const char *p = host;; p++) {
        if (*p == '.' || *p == '\0') {
            if (label == 0 || label > 63 || p[-1] == '-')
                return false;
            label = 0;
            if (*p == '\0')
                return true;
        } else if ((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') ||
                   (*p == '-' && label > 0)) {
            label++;
        } else {
            return false;
        }
    }
}

static bp_status check_hosts(const struct bp_subject *s, struct bp_err *err)
{
    if (s->kind != BP_IDENTITY_SERVER && s->n_hosts != 0)
        return bp_fail(err, BP_EINVAL, "--dns belongs to --server alone");
    if (s->kind == BP_IDENTITY_SERVER && s->n_hosts == 0)
        return bp_fail(err, BP_EINVAL, "--server needs --dns: the hosts its clients connect to");
    for (size_t i = 0; i < s->n_hosts; i++) {
        if (!is_address(s->hosts[i]) && !is_host_name(s->hosts[i]))
            return bp_fail(err, BP_EINVAL,
                           "--dns %s: neither a host name in lower case nor an IP address",
                           s->hosts[i]);
    }
    return BP_OK;
}

bp_status bp_subject_read(const struct bp_options *o, const char *trust_domain,
                          struct bp_subject *out, struct bp_err *err)
{
    struct bp_subject s = {.trust_domain = trust_domain};
    for (int kind = 0; kind < BP_IDENTITY_KINDS; kind++) {
        const char *name = bp_options_text(o, bp_identity_kind_name((enum bp_identity_kind)kind));
        if (name == NULL)
            continue;
        if (s.name != NULL)
            return bp_fail(err, BP_EINVAL,
                           "only one of --agency, --operator, --server can be named");
        s.name = name;
        s.kind = (enum bp_identity_kind)kind;
    }
    if (s.name == NULL)
        return bp_fail(err, BP_EINVAL, "one of --agency, --operator, --server must be named");
    if (!bp_identity_id_is_valid(s.kind, bp_str(s.name)))
        return bp_fail(err, BP_EINVAL, "--%s %s: not a valid name (%s)",
                       bp_identity_kind_name(s.kind), s.name,
                       s.kind == BP_IDENTITY_AGENCY ? "KIND.CODE such as kab.18.07"
                                                    : "1 to 64 of a-z, 0-9, '.' and '-'");
    s.n_hosts = bp_options_list(o, "dns", &s.hosts);
    *out = s;
    return check_hosts(&s, err);
}

X509_NAME *bp_subject_name(const struct bp_subject *s)
{
    return bp_name_make(s->trust_domain, bp_identity_kind_name(s->kind), s->name);
}

bool bp_subject_uri(const struct bp_subject *s, char *out, size_t size)
{
    const int n = snprintf(out, size, "spiffe://%s/%s/%s", s->trust_domain,
                           bp_identity_kind_name(s->kind), s->name);
    return n > 0 && (size_t)n < size;
}

static bool add_name(GENERAL_NAMES *names, int type, const void *bytes, size_t n)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *value = type == GEN_IPADD ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();
    if (name == NULL || value == NULL || ASN1_STRING_set(value, bytes, (int)n) != 1) {
        GENERAL_NAME_free(name);
        ASN1_STRING_free(value);
        return false;
    }
    GENERAL_NAME_set0_value(name, type, value);
    if (sk_GENERAL_NAME_push(names, name) == 0) {
        GENERAL_NAME_free(name);
        return false;
    }
    return true;
}

static bool add_host(GENERAL_NAMES *names, const char *host)
{
    uint8_t bytes[16];
    if (inet_pton(AF_INET, host, bytes) == 1)
        return add_name(names, GEN_IPADD, bytes, 4);
    if (inet_pton(AF_INET6, host, bytes) == 1)
        return add_name(names, GEN_IPADD, bytes, 16);
    return add_name(names, GEN_DNS, host, strlen(host));
}

bool bp_subject_host_text(const GENERAL_NAME *name, struct bp_buf *out)
{
    const ASN1_STRING *value = name->type == GEN_DNS     ? name->d.dNSName
                               : name->type == GEN_IPADD ? name->d.iPAddress
                                                         : NULL;
    const uint8_t *bytes = value != NULL ? ASN1_STRING_get0_data(value) : NULL;
    const size_t n = value != NULL ? (size_t)ASN1_STRING_length(value) : 0;
    char text[INET6_ADDRSTRLEN];

    if (name->type == GEN_DNS) {
        bp_buf_add(out, bytes, n);
        return true;
    }
    if ((n != 4 && n != 16) ||
        inet_ntop(n == 4 ? AF_INET : AF_INET6, bytes, text, sizeof(text)) == NULL)
        return false;
    bp_buf_add_text(out, text);
    return true;
}

GENERAL_NAMES *bp_subject_names(const struct bp_subject *s)
{
    char uri[512];
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    bool ok = names != NULL && bp_subject_uri(s, uri, sizeof(uri)) &&
              add_name(names, GEN_URI, uri, strlen(uri));
    for (size_t i = 0; ok && i < s->n_hosts; i++)
        ok = add_host(names, s->hosts[i]);
    if (!ok) {
        GENERAL_NAMES_free(names);
        return NULL;
    }
    return names;
}

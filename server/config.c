#include "config.h"

#include <stdio.h>

#include "log.h"

/* Of a server and of --verify. */
#define MAP_SIZE                                                                                   \
    {                                                                                              \
        "map-size", BP_OPTION_NUMBER, "GIB", 1, 65536, "1024", false,                              \
            "Address space that journal and index may each grow into; it takes neither memory "    \
            "nor disk. Less is for where it is bounded (ulimit -v)."                               \
    }

static const struct bp_option table[] = {
    {"data", BP_OPTION_TEXT, "DIR", 0, 0, NULL, true,
     "Folder of the exchange's data: journal, index and, unless named elsewhere, the pseudonym "
     "key."},
    {"listen", BP_OPTION_TEXT, "ADDR:PORT", 0, 0, "127.0.0.1:7443", false,
     "Where gRPC is served; port 0 takes a free one."},
    {"cert", BP_OPTION_TEXT, "FILE", 0, 0, NULL, true,
     "The server's certificate (PEM), its chain behind it."},
    {"key", BP_OPTION_TEXT, "FILE", 0, 0, NULL, true,
     "Its private key (PEM), readable by the server's user alone."},
    {"ca", BP_OPTION_TEXT, "FILE", 0, 0, NULL, true,
     "The authorities that clients' certificates come from (PEM)."},
    {"agency-ca", BP_OPTION_TEXT, "FILE", 0, 0, NULL, false,
     "The authorities (PEM) that alone may sign for agencies, spiffe://TRUST-DOMAIN/agency/ID. "
     "Without it those whose certificate carries the policy of agencies may; it must do so in any "
     "case."},
    {"operator-ca", BP_OPTION_TEXT, "FILE", 0, 0, NULL, false,
     "The same for operators, spiffe://TRUST-DOMAIN/operator/NAME."},
    {"crl", BP_OPTION_LIST, "FILE", 0, 0, NULL, false,
     "Revocation lists (PEM). Where any is given, an authority without a current one is trusted no "
     "more."},
    {"crl-grace", BP_OPTION_NUMBER, "SECONDS", 0, 31536000, "0", false,
     "How long a revocation list still counts past its next update."},
    {"trust-domain", BP_OPTION_TEXT, "NAME", 0, 0, "berbagi.example", false,
     "The trust domain of the SPIFFE IDs that are accepted."},
    {"schema", BP_OPTION_LIST, "FILE", 0, 0, NULL, false,
     "A descriptor set (protoc --include_imports --descriptor_set_out) with a site's own event "
     "types."},
    {"operator", BP_OPTION_LIST, "NAME", 0, 0, NULL, false,
     "An operator who may apply the first policy of an empty exchange."},
    {"pseudonym-key", BP_OPTION_TEXT, "FILE", 0, 0, NULL, false,
     "The key that pseudonyms are made with; it is made at the first start. Back it up, apart from "
     "the data. Default: "
     "pseudonym.key in the data folder."},
    {"backup-recipient", BP_OPTION_TEXT, "FILE", 0, 0, NULL, false,
     "The certificate (PEM) that backups are encrypted for. Its key belongs on no machine of the "
     "exchange. Without it no backups are made."},
    {"http", BP_OPTION_TEXT, "ADDR:PORT", 0, 0, NULL, false,
     "Serves /healthz, /readyz and /metrics there, without authentication; a missing address is "
     "the loopback."},
    {"disk-reserve", BP_OPTION_NUMBER, "MIB", 0, 1048576, "64", false,
     "Free space below which nothing more is stored."},
    MAP_SIZE,
    {"connection-memory", BP_OPTION_NUMBER, "MIB", 64, 65536, "1024", false,
     "Memory that all connections and requests on their way may take together; beyond it no more "
     "is read from them until there is room. A connection that brings an eighth of it (128 MiB at "
     "least) without a call or message coming of it is closed."},
    {"stop-grace", BP_OPTION_NUMBER, "SECONDS", 0, 600, "10", false,
     "How long open calls may take to end at a stop."},
    {"log-level", BP_OPTION_TEXT, "LEVEL", 0, 0, "info", false,
     "The least that is logged: debug, info, warn or error."},
    {"version", BP_OPTION_FLAG, NULL, 0, 0, NULL, false, "Prints the version."},
    {"reasons", BP_OPTION_FLAG, NULL, 0, 0, NULL, false,
     "Prints every reason an error may carry, with its gRPC status and meaning."},
};
#define TABLE_N (sizeof(table) / sizeof(table[0]))

/* With --restore it makes a data folder and serves nobody. */
static const struct bp_option restore_table[] = {
    {"restore", BP_OPTION_TEXT, "FILE", 0, 0, NULL, true,
     "Makes the journal of a new data folder out of this backup, and ends."},
    {"restore-key", BP_OPTION_TEXT, "FILE", 0, 0, NULL, true,
     "The private key (PEM) that the backup is encrypted for."},
    {"data", BP_OPTION_TEXT, "DIR", 0, 0, NULL, true, "The data folder, which has no journal yet."},
};
#define RESTORE_TABLE_N (sizeof(restore_table) / sizeof(restore_table[0]))

/* With --verify it looks at a data folder and serves nobody. */
static const struct bp_option verify_table[] = {
    {"verify", BP_OPTION_TEXT, "DIR", 0, 0, NULL, true,
     "Looks at every entry, row and id in the data folder of a stopped server, names what is "
     "damaged, and ends."},
    {"pseudonym-key", BP_OPTION_TEXT, "FILE", 0, 0, NULL, false,
     "The key of pseudonyms, where it is not in the data folder."},
    MAP_SIZE,
};
#define VERIFY_TABLE_N (sizeof(verify_table) / sizeof(verify_table[0]))

static bool asks_for(int argc, char **argv, const char *flag)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        size_t n = strlen(flag);
        if (strncmp(argv[i], flag, n) == 0 && (argv[i][n] == '\0' || argv[i][n] == '='))
            return true;
    }
    return false;
}

static bp_status check_address(const struct bp_options *o, const char *key, struct bp_err *err)
{
    const char *address = bp_options_text(o, key);
    struct bp_str host;
    unsigned port;
    if (address == NULL || bp_address_split(bp_str(address), &host, &port))
        return BP_OK;
    return bp_fail(err, BP_EINVAL, "--%s %s: ADDR:PORT is expected, with a port of 0 to 65535", key,
                   address);
}

static uint64_t map_bytes(const struct bp_options *o)
{
    return bp_options_number(o, "map-size") << 30;
}

static bp_status fill(struct bp_config *c, struct bp_err *err)
{
    const struct bp_options *o = c->options;
    const char *const *rest;
    enum bp_log_level level;
    if (bp_options_rest(o, &rest) != 0)
        return bp_fail(err, BP_EINVAL, "unexpected argument %s; --help lists the options", rest[0]);
    if (!bp_log_level_parse(bp_str(bp_options_text(o, "log-level")), &level))
        return bp_fail(err, BP_EINVAL, "--log-level: debug, info, warn or error is expected");
    bp_log_set_level(level);
    bp_status st = check_address(o, "listen", err);
    if (st != BP_OK || (st = check_address(o, "http", err)) != BP_OK)
        return st;
    c->data = bp_options_text(o, "data");
    c->listen = bp_options_text(o, "listen");
    c->http = bp_options_text(o, "http");
    c->trust_domain = bp_options_text(o, "trust-domain");
    c->pseudonym_key = bp_options_text(o, "pseudonym-key");
    c->backup_recipient = bp_options_text(o, "backup-recipient");
    c->files.cert = bp_options_text(o, "cert");
    c->files.key = bp_options_text(o, "key");
    c->files.ca = bp_options_text(o, "ca");
    c->files.trust_domain = c->trust_domain;
    c->files.issuers[BP_IDENTITY_AGENCY] = bp_options_text(o, "agency-ca");
    c->files.issuers[BP_IDENTITY_OPERATOR] = bp_options_text(o, "operator-ca");
    c->files.n_crls = bp_options_list(o, "crl", &c->files.crls);
    c->files.crl_grace_s = bp_options_number(o, "crl-grace");
    c->n_schemas = bp_options_list(o, "schema", &c->schemas);
    c->n_operators = bp_options_list(o, "operator", &c->operators);
    c->disk_reserve_bytes = bp_options_number(o, "disk-reserve") << 20;
    c->map_bytes = map_bytes(o);
    c->connection_bytes = bp_options_number(o, "connection-memory") << 20;
    c->stop_grace_ms = (int)bp_options_number(o, "stop-grace") * 1000;
    return BP_OK;
}

/* Options that stand on the command line alone. */
static bp_status read_flags(struct bp_config *c, const struct bp_option *options, size_t n,
                            int argc, char **argv, struct bp_err *err)
{
    const char *const *rest;
    bp_status st = bp_options_parse(options, n, NULL, NULL, argc, argv, &c->options, err);
    if (st == BP_OK && bp_options_rest(c->options, &rest) != 0)
        st = bp_fail(err, BP_EINVAL, "unexpected argument %s; --help lists the options", rest[0]);
    return st;
}

static bp_status read_verify(struct bp_config *c, int argc, char **argv, struct bp_err *err)
{
    bp_status st = read_flags(c, verify_table, VERIFY_TABLE_N, argc, argv, err);
    if (st != BP_OK)
        return st;
    c->verify = bp_options_text(c->options, "verify");
    c->pseudonym_key = bp_options_text(c->options, "pseudonym-key");
    c->map_bytes = map_bytes(c->options);
    return BP_OK;
}

static bp_status read_restore(struct bp_config *c, int argc, char **argv, struct bp_err *err)
{
    bp_status st = read_flags(c, restore_table, RESTORE_TABLE_N, argc, argv, err);
    if (st != BP_OK)
        return st;
    c->restore = bp_options_text(c->options, "restore");
    c->restore_key = bp_options_text(c->options, "restore-key");
    c->data = bp_options_text(c->options, "data");
    return BP_OK;
}

bp_status bp_config_read(int argc, char **argv, struct bp_config *out, struct bp_err *err)
{
    *out = (struct bp_config){.wants_help = asks_for(argc, argv, "--help"),
                              .wants_version = asks_for(argc, argv, "--version"),
                              .wants_reasons = asks_for(argc, argv, "--reasons")};
    if (out->wants_help || out->wants_version || out->wants_reasons)
        return BP_OK;
    bp_status st;
    if (asks_for(argc, argv, "--restore"))
        st = read_restore(out, argc, argv, err);
    else if (asks_for(argc, argv, "--verify"))
        st = read_verify(out, argc, argv, err);
    else if ((st = bp_options_parse(table, TABLE_N, "BERBAGID", NULL, argc, argv, &out->options,
                                    err)) == BP_OK)
        st = fill(out, err);
    if (st != BP_OK)
        bp_config_fini(out);
    return st;
}

void bp_config_fini(struct bp_config *c)
{
    bp_options_destroy(c->options);
    c->options = NULL;
}

void bp_config_print_help(void)
{
    bp_options_print_help(
        table, TABLE_N,
        "Usage: berbagid --data DIR --cert FILE --key FILE --ca FILE [options]\n\n"
        "The exchange. Prints \"ready ADDR:PORT\" on standard output when it serves, and its log "
        "on\n"
        "standard error. SIGTERM stops it. Certificates and CRLs are read again when their files\n"
        "change, and at SIGHUP.\n"
        "Every option may also be a key of the config file or a variable BERBAGID_<NAME>.");
    printf("\n");
    bp_options_print_help(restore_table, RESTORE_TABLE_N,
                          "Usage: berbagid --restore FILE --restore-key FILE --data DIR");
    printf("\n");
    bp_options_print_help(verify_table, VERIFY_TABLE_N, "Usage: berbagid --verify DIR [options]");
}

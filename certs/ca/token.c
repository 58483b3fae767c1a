/* Debian bookworm has PKCS#11 for OpenSSL 3 as an engine and not as a provider; OpenSSL marks
 * engines as of the past, hence: */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "token.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/ui.h>

#include "ledger.h"

#define PATH_ATTRIBUTE "module-path="

struct bp_token {
    ENGINE *engine;
    UI_METHOD *silent; /* the engine would ask on the terminal by itself */
    char module[BP_KEY_URI_MOST + 1];
};

bp_status bp_token_check_uri(const char *uri, struct bp_err *err)
{
    if (!bp_str_starts(bp_str(uri), BP_STR("pkcs11:")) ||
        !bp_ascii_is_printable(bp_str(uri), BP_KEY_URI_MOST))
        return bp_fail(err, BP_EINVAL,
                       "the place of a key: a URI such as pkcs11:token=Berbagi;object=agency, "
                       "at most %d bytes",
                       BP_KEY_URI_MOST);
    if (strstr(uri, "pin-value") != NULL || strstr(uri, "pin-source") != NULL)
        return bp_fail(err, BP_EINVAL, "no PIN belongs in the URI of a key: it would be seen");
    return BP_OK;
}

/* What the attribute module-path names; "" if there is none. */
static void read_module(const char *uri, char module[BP_KEY_URI_MOST + 1])
{
    const char *query = strchr(uri, '?');
    const char *at = query != NULL ? strstr(query, PATH_ATTRIBUTE) : NULL;
    module[0] = '\0';
    if (at != NULL) {
        at += strlen(PATH_ATTRIBUTE);
        snprintf(module, BP_KEY_URI_MOST + 1, "%.*s", (int)strcspn(at, "&"), at);
    }
}

static int say_nothing(UI *ui)
{
    (void)ui;
    return 0;
}

static bp_status open_engine(struct bp_token *t, struct bp_err *err)
{
    if (t->module[0] != '\0' && access(t->module, R_OK) != 0)
        return bp_fail(err, BP_ENOENT, "the PKCS#11 module %s: %s", t->module, strerror(errno));
    ENGINE_load_dynamic();
    if ((t->engine = ENGINE_by_id("pkcs11")) == NULL)
        return bp_fail(err, BP_ENOENT,
                       "keys in tokens need OpenSSL's engine pkcs11: install the package "
                       "libengine-pkcs11-openssl");
    if (ENGINE_ctrl_cmd_string(t->engine, "QUIET", NULL, 0) != 1 ||
        (t->module[0] != '\0' &&
         ENGINE_ctrl_cmd_string(t->engine, "MODULE_PATH", t->module, 0) != 1) ||
        ENGINE_init(t->engine) != 1) {
        ENGINE_free(t->engine);
        t->engine = NULL;
        return bp_fail(err, BP_ENOENT, "the PKCS#11 module %s cannot be used",
                       t->module[0] != '\0' ? t->module : "of p11-kit");
    }
    return BP_OK;
}

static bp_status token_create(const char *module, struct bp_token **out, struct bp_err *err)
{
    bp_status st;
    struct bp_token *t = calloc(1, sizeof(*t));
    if (t == NULL || (t->silent = UI_create_method("silent")) == NULL) {
        free(t);
        return bp_fail(err, BP_ENOMEM, "out of memory");
    }
    UI_method_set_reader(t->silent, NULL);
    UI_method_set_opener(t->silent, say_nothing);
    memcpy(t->module, module, sizeof(t->module));
    if ((st = open_engine(t, err)) == BP_OK)
        *out = t;
    else
        bp_token_destroy(t);
    return st;
}

/* The query is ours alone: the engine does not know the attribute. */
static EVP_PKEY *load(struct bp_token *t, const char *uri, const struct bp_secret *pin)
{
    char name[BP_KEY_URI_MOST + 1];
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(uri, "?"), uri);
    if (ENGINE_ctrl_cmd_string(t->engine, "PIN", pin->text, 0) != 1)
        return NULL;
    return ENGINE_load_private_key(t->engine, name, t->silent, NULL);
}

/* The first error of the queue is the cause, those behind it what came of it. */
static bp_status tell_failure(struct bp_err *err)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    const bool is_pin = reason != NULL && strncmp(reason, "PIN", 3) == 0;
    return bp_fail(err, is_pin ? BP_EAUTH : BP_ENOENT, "the key cannot be used: %s",
                   reason != NULL ? reason : "unknown reason");
}

bp_status bp_token_key_load(struct bp_token **token, const char *uri, const struct bp_secret *pin,
                            EVP_PKEY **out, struct bp_err *err)
{
    char module[BP_KEY_URI_MOST + 1];
    EVP_PKEY *key = NULL;
    bp_status st = BP_OK;

    read_module(uri, module);
    ERR_set_mark();
    if (*token == NULL)
        st = token_create(module, token, err);
    else if (strcmp((*token)->module, module) != 0)
        st = bp_fail(err, BP_EINVAL, "the keys are in tokens of two different modules");
    if (st == BP_OK && (key = load(*token, uri, pin)) == NULL)
        st = tell_failure(err);
    ERR_pop_to_mark();
    if (st == BP_OK)
        *out = key;
    return st;
}

void bp_token_destroy(struct bp_token *token)
{
    if (token == NULL)
        return;
    if (token->engine != NULL) {
        ENGINE_finish(token->engine);
        ENGINE_free(token->engine);
    }
    UI_destroy_method(token->silent);
    free(token);
}

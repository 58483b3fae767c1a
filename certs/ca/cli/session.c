#include "session.h"

#include "token.h"

#define NOTE_MOST 400
#define NAME_MOST 64

static bool is_one_line(struct bp_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    }
    return bp_utf8_is_valid(s);
}

bp_status bp_session_check_actor(const struct bp_options *o, bool *is_usage, struct bp_err *err)
{
    const struct bp_str who = bp_str(bp_options_text(o, "as")),
                        why = bp_str(bp_options_text(o, "note"));
    *is_usage = true;
    if (bp_options_is_set(o, "as") && !bp_ascii_is_printable(who, NAME_MOST))
        return bp_fail(err, BP_EINVAL, "--as: 1 to %d printable characters", NAME_MOST);
    if (why.n > NOTE_MOST || !is_one_line(why))
        return bp_fail(err, BP_EINVAL, "--note: one line of at most %d bytes", NOTE_MOST);
    *is_usage = false;
    return BP_OK;
}

/* Whoever is at the terminal may take their time: the ledger is only read meanwhile, so that a CRL
 * that is due waits for nobody. */
static bp_status ask_ahead(const char *dir, bool for_root, struct bp_keyring *keys,
                           struct bp_err *err)
{
    struct bp_authority a;
    bp_status st = bp_authority_open(dir, BP_FOR_READING, keys, &a, err);
    if (st != BP_OK)
        return st;
    for (size_t i = 0; i < a.n_issuers; i++) {
        const struct bp_ca_record *r = &a.issuers[i].record;
        if (r->state != BP_CA_WITHDRAWN && (for_root || r->role != BP_CA_ROOT))
            bp_keyring_ask(keys, dir, r);
    }
    bp_authority_close(&a);
    return BP_OK;
}

static bp_status open_keys(const struct bp_options *o, enum bp_session_use use,
                           struct bp_keyring **out, struct bp_err *err)
{
    bp_status st = bp_keyring_create(o, out, err);
    if (st == BP_OK)
        st = ask_ahead(bp_options_text(o, "dir"), use == BP_TO_SIGN_AS_ROOT, *out, err);
    return st;
}

bp_status bp_session_open(const struct bp_options *o, enum bp_session_use use, bool *is_usage,
                          struct bp_session *out, struct bp_err *err)
{
    bp_status st = use != BP_TO_READ ? bp_session_check_actor(o, is_usage, err) : BP_OK;
    *out = (struct bp_session){.keys = NULL};
    if (st == BP_OK && use >= BP_TO_SIGN)
        st = open_keys(o, use, &out->keys, err);
    if (st == BP_OK)
        st = bp_authority_open(bp_options_text(o, "dir"),
                               use == BP_TO_READ ? BP_FOR_READING : BP_FOR_WRITING, out->keys,
                               &out->a, err);
    if (st == BP_OK && use != BP_TO_READ)
        bp_ledger_set_actor(out->a.ledger, bp_options_text(o, "as"), bp_options_text(o, "note"));
    if (st != BP_OK)
        bp_session_close(out);
    return st;
}

void bp_session_close(struct bp_session *s)
{
    bp_authority_close(&s->a);
    bp_keyring_destroy(s->keys);
    s->keys = NULL;
}

static bp_status read_uri(const char *item, const char *uris[BP_CAS], struct bp_err *err)
{
    const char *equals = strchr(item, '=');
    for (int role = 0; equals != NULL && role < BP_CAS; role++) {
        if (!bp_str_is(bp_str_of(item, (size_t)(equals - item)), bp_ca_name((enum bp_ca)role)))
            continue;
        if (uris[role][0] != '\0')
            return bp_fail(err, BP_EINVAL, "--key %s: that CA is named twice", item);
        uris[role] = equals + 1;
        return bp_token_check_uri(uris[role], err);
    }
    return bp_fail(err, BP_EINVAL,
                   "--key: CA=URI is wanted, CA one of root, agency, operator, "
                   "server");
}

bp_status bp_session_key_uris(const struct bp_options *o, const char *uris[BP_CAS],
                              struct bp_err *err)
{
    const char *const *items;
    const size_t n = bp_options_list(o, "key", &items);
    bp_status st = BP_OK;
    for (int role = 0; role < BP_CAS; role++)
        uris[role] = "";
    for (size_t i = 0; st == BP_OK && i < n; i++)
        st = read_uri(items[i], uris, err);
    return st;
}

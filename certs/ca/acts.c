/* The acts of the ledger: appended, never changed. */
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "ledger_internal.h"
#include "record.h"

void bp_ledger_set_actor(struct bp_ledger *l, const char *who, const char *why)
{
    l->who = who;
    l->why = why;
}

static const char *user_at_keyboard(void)
{
    const char *before_sudo = getenv("SUDO_USER");
    const struct passwd *user = getpwuid(getuid());
    if (geteuid() == 0 && before_sudo != NULL && before_sudo[0] != '\0')
        return before_sudo;
    return user != NULL ? user->pw_name : "?";
}

/* Whoever acts for somebody else is named too. */
static void describe_actor(const struct bp_ledger *l, char *out, size_t size)
{
    if (l->who == NULL)
        snprintf(out, size, "%s", user_at_keyboard());
    else
        snprintf(out, size, "%s (%s)", l->who, user_at_keyboard());
}

static uint64_t last_act(MDB_cursor *cursor)
{
    MDB_val k, v;
    uint64_t number = 0;
    if (mdb_cursor_get(cursor, &k, &v, MDB_LAST) != 0 || k.mv_size != 8)
        return 0;
    for (size_t i = 0; i < 8; i++)
        number = number << 8 | ((const uint8_t *)k.mv_data)[i];
    return number;
}

static bp_status append_act(struct bp_ledger *l, struct bp_str act, struct bp_err *err)
{
    uint8_t key[8];
    uint64_t number;
    MDB_cursor *cursor;
    MDB_val k = {sizeof(key), key}, v = bp_val_of(act);
    int rc = mdb_cursor_open(l->txn, l->acts, &cursor);
    if (rc != 0)
        return bp_ledger_fail(err, "record the act", rc);
    number = last_act(cursor) + 1;
    for (size_t i = 0; i < 8; i++)
        key[i] = (uint8_t)(number >> (56 - 8 * i));
    rc = mdb_cursor_put(cursor, &k, &v, MDB_NOOVERWRITE);
    mdb_cursor_close(cursor);
    return rc == 0 ? BP_OK : bp_ledger_fail(err, "record the act", rc);
}

bp_status bp_ledger_note(struct bp_ledger *l, struct bp_err *err, const char *format, ...)
{
    char what[512], who[192];
    struct bp_act act = {.at_s = bp_now_s(), .why = bp_str(l->why)};
    struct bp_buf value = {0};
    va_list args;
    bp_status st;

    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    describe_actor(l, who, sizeof(who));
    act.who = bp_str(who);
    act.what = bp_str(what);
    bp_act_encode(&act, &value);
    st = value.failed ? bp_fail(err, BP_ENOMEM, "ledger: out of memory")
                      : append_act(l, bp_buf_str(&value), err);
    bp_buf_fini(&value);
    return st;
}

struct act_walk {
    bp_act_see *see;
    void *context;
};

static bp_status see_act(void *context, MDB_val k, MDB_val v, struct bp_err *err)
{
    const struct act_walk *walk = context;
    struct bp_act act;
    (void)k;
    if (!bp_act_decode(bp_str_of_val(v), &act))
        return bp_fail(err, BP_ECORRUPT, "ledger: an act is damaged");
    return walk->see(walk->context, &act, err);
}

bp_status bp_ledger_each_act(struct bp_ledger *l, bp_act_see *see, void *context,
                             struct bp_err *err)
{
    struct act_walk walk = {see, context};
    return bp_ledger_walk(l, l->acts, "read acts", see_act, &walk, err);
}

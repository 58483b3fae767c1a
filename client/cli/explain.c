/* An explanation on standard output: a tree of the verdict, the grants and the fields, or the same
 * as one JSON object. */
#include "explain.h"

#include <inttypes.h>
#include <stdio.h>

#include <jansson.h>

#include "buffer.h"
#include "pretty.h"

/* What was asked, to be told with the answer. */
struct asked {
    struct berbagi_question question;
    bool is_json;
    bool has_failed; /* out of memory while printing */
};

/* --- as a tree --- */

static void add(struct bp_buf *out, const char *text)
{
    bp_words_add(out, bp_str(text));
}

static void add_pair(struct bp_buf *out, const char *before, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    bp_buf_add_text(out, before);
    add(out, text);
}

static void add_verdict(struct bp_buf *out, const struct asked *a,
                        const struct berbagi_explanation *e)
{
    const struct berbagi_question *q = &a->question;
    bool is_national = q->region == NULL || q->region[0] == '\0';
    add(out, q->agency);
    bp_buf_printf(out, " may %s%s ", e->permitted ? "" : "not ",
                  q->is_publish ? "publish" : "read");
    add(out, q->event_type);
    bp_buf_add_text(out, "\n  asked     ");
    bp_buf_add_text(out, is_national ? "about the whole country" : "about region ");
    add_pair(out, "", q->region);
    add_pair(out, ", destination ", q->destination);
    add_pair(out, ", addressed to ", q->addressed_to);
    add_pair(out, ", on ", e->on_date);
    bp_buf_printf(out, "; policy version %" PRIu64 "\n", e->policy_version);
    add_pair(out, "  because   ", e->because);
    bp_buf_add_byte(out, '\n');
}

static void add_grant(struct bp_buf *out, const struct berbagi_explained_grant *g)
{
    bp_buf_add_text(out, g->applied ? "    + " : "    - ");
    add(out, g->agreement);
    bp_buf_printf(out, " grants[%" PRIu32 "]: ", g->index);
    add(out, g->because);
    add_pair(out, "\n        for ", g->grantee);
    add_pair(out, ": ", g->events);
    add_pair(out, ", ", g->level);
    add_pair(out, ", purpose ", g->purpose);
    add_pair(out, ", ", g->legal_basis);
    add_pair(out, ", until ", g->valid_to);
    bp_buf_add_text(out, g->may_resolve ? ", may name persons by NIK\n" : "\n");
}

/* What each level makes of the envelope (event.proto). */
static const char *envelope_words(const char *level)
{
    static const struct {
        const char *level, *words;
    } all[] = {
        {"IDENTIFIED", "whole"},
        {"PSEUDONYMOUS", "id and subject in the reader's own form, the region's district, of a "
                         "village the agency above it; no addressee and no references to events"},
        {"AGGREGATE", "id in the reader's own form, the region's district; no subject, no "
                      "addressee and no references to events"},
        {"PUBLIC", "id in the reader's own form; no region, no subject, no addressee and no "
                   "references to events"},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (strcmp(all[i].level, level) == 0)
            return all[i].words;
    }
    return "unknown";
}

static void add_fields(struct bp_buf *out, const struct berbagi_explanation *e,
                       enum berbagi_view view, const char *heading)
{
    bool is_first = true;
    for (size_t i = 0; i < e->n_fields; i++) {
        const struct berbagi_explained_field *f = &e->fields[i];
        if (f->view != view)
            continue;
        if (is_first)
            bp_buf_printf(out, "    %s\n", heading);
        is_first = false;
        bp_buf_printf(out, "      %-28s ", f->name);
        add(out, f->because);
        bp_buf_add_byte(out, '\n');
    }
}

static void add_tree(struct bp_buf *out, const struct asked *a, const struct berbagi_explanation *e)
{
    bool is_publish = a->question.is_publish;
    add_verdict(out, a, e);
    if (e->n_grants > 0)
        bp_buf_add_text(out, "  grants\n");
    for (size_t i = 0; i < e->n_grants; i++)
        add_grant(out, &e->grants[i]);
    if (!e->permitted)
        return;
    if (!is_publish)
        bp_buf_printf(out, "  envelope  %s: %s\n", e->envelope_level,
                      envelope_words(e->envelope_level));
    if (e->may_resolve)
        bp_buf_add_text(out, "  subject   may come as nik:\n");
    bp_buf_add_text(out, "  fields\n");
    add_fields(out, e, BERBAGI_VIEW_FULL, is_publish ? "may be set" : "visible");
    add_fields(out, e, BERBAGI_VIEW_COARSE, "coarsened");
    add_fields(out, e, BERBAGI_VIEW_REWRITTEN, "rewritten");
    add_fields(out, e, BERBAGI_VIEW_WITHHELD, is_publish ? "may not be set" : "withheld");
}

/* --- as JSON --- */

static void set(json_t *o, const char *key, const char *text)
{
    if (text != NULL && text[0] != '\0')
        (void)json_object_set_new(o, key, json_string(text));
}

static json_t *json_of_grant(const struct berbagi_explained_grant *g)
{
    json_t *o = json_object();
    (void)json_object_set_new(o, "applied", json_boolean(g->applied));
    set(o, "agreement", g->agreement);
    (void)json_object_set_new(o, "grant", json_integer(g->index));
    set(o, "because", g->because);
    set(o, "grantee", g->grantee);
    set(o, "events", g->events);
    set(o, "level", g->level);
    set(o, "purpose", g->purpose);
    set(o, "legalbasis", g->legal_basis);
    set(o, "validto", g->valid_to);
    if (g->may_resolve)
        (void)json_object_set_new(o, "mayresolve", json_true());
    return o;
}

static json_t *json_of_field(const struct berbagi_explained_field *f)
{
    static const char *const views[] = {[BERBAGI_VIEW_FULL] = "full",
                                        [BERBAGI_VIEW_COARSE] = "coarse",
                                        [BERBAGI_VIEW_REWRITTEN] = "rewritten",
                                        [BERBAGI_VIEW_WITHHELD] = "withheld"};
    json_t *o = json_object();
    set(o, "name", f->name);
    set(o, "view", views[f->view]);
    set(o, "because", f->because);
    return o;
}

static json_t *json_of(const struct asked *a, const struct berbagi_explanation *e)
{
    const struct berbagi_question *q = &a->question;
    json_t *o = json_object(), *grants = json_array(), *fields = json_array();
    (void)json_object_set_new(o, "permitted", json_boolean(e->permitted));
    set(o, "because", e->because);
    set(o, "agency", q->agency);
    set(o, "direction", q->is_publish ? "publish" : "subscribe");
    set(o, "type", q->event_type);
    set(o, "region", q->region);
    set(o, "destination", q->destination);
    set(o, "addressedto", q->addressed_to);
    set(o, "on", e->on_date);
    (void)json_object_set_new(o, "policyversion", json_integer((json_int_t)e->policy_version));
    set(o, "envelope", e->envelope_level);
    if (q->is_publish)
        (void)json_object_set_new(o, "mayresolve", json_boolean(e->may_resolve));
    for (size_t i = 0; i < e->n_grants; i++)
        (void)json_array_append_new(grants, json_of_grant(&e->grants[i]));
    for (size_t i = 0; i < e->n_fields; i++)
        (void)json_array_append_new(fields, json_of_field(&e->fields[i]));
    (void)json_object_set_new(o, "grants", grants);
    (void)json_object_set_new(o, "fields", fields);
    return o;
}

static void add_json(struct bp_buf *out, const struct asked *a, const struct berbagi_explanation *e)
{
    json_t *o = json_of(a, e);
    char *text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    if (text == NULL)
        out->failed = true;
    else
        bp_buf_printf(out, "%s\n", text);
    free(text);
}

/* --- the command --- */

static void print(void *context, const struct berbagi_explanation *e)
{
    struct asked *a = context;
    struct bp_buf out = {0};
    if (a->is_json)
        add_json(&out, a, e);
    else
        add_tree(&out, a, e);
    a->has_failed = out.failed;
    if (!out.failed)
        (void)fwrite(out.p, 1, out.n, stdout);
    bp_buf_fini(&out);
}

/* One of two words. False after words of what is wrong. */
static bool read_word(const struct bp_options *o, const char *key, const char *no, const char *yes,
                      bool *out)
{
    const char *word = bp_options_text(o, key);
    *out = strcmp(word, yes) == 0;
    if (*out || strcmp(word, no) == 0)
        return true;
    bp_cli_say("--%s is %s or %s, not '%s'", key, no, yes, word);
    return false;
}

static bool read_question(const struct bp_options *o, struct asked *a)
{
    struct berbagi_question *q = &a->question;
    *q = (struct berbagi_question){
        .agency = bp_options_text(o, "agency"),
        .event_type = bp_options_text(o, "type"),
        .region = bp_options_text(o, "region"),
        .destination = bp_options_text(o, "destination"),
        .addressed_to = bp_options_text(o, "addressed-to"),
        .on_date = bp_options_text(o, "on"),
    };
    if (q->event_type == NULL) {
        bp_cli_say("policy explain: which --type?");
        return false;
    }
    return read_word(o, "direction", "subscribe", "publish", &q->is_publish) &&
           read_word(o, "output", "pretty", "json", &a->is_json);
}

int bp_cli_explain(const struct bp_options *o)
{
    struct asked a = {.is_json = false};
    struct berbagi_client *client = NULL;
    struct berbagi_error error = {0};
    if (!read_question(o, &a))
        return CLI_USAGE;
    int code = bp_cli_connect(o, NULL, 0, &client);
    if (code != CLI_GO_ON)
        return code;
    if (a.question.agency == NULL)
        a.question.agency = berbagi_identity(client);
    berbagi_status status = berbagi_policy_explain(client, &a.question, print, &a, &error);
    if (status != BERBAGI_OK) {
        code = bp_cli_fail("policy explain", status, &error);
    } else if (a.has_failed) {
        bp_cli_say("out of memory");
        code = CLI_FAILED;
    } else {
        code = bp_cli_flush();
    }
    berbagi_close(client);
    return code;
}

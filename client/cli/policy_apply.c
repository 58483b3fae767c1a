/* berbagi policy diff|apply|approve: a change is shown, asked about, and sent. What is sent
 * replaces the version that it was compared with, or nothing. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli.h"
#include "policy_changes.h"
#include "policy_commands.h"
#include "policy_folder.h"
#include "progress.h"

/* More rights than this are summed up: nobody reads them at a prompt. */
#define SHOWN_WHEN_ASKED 60

struct session {
    const struct bp_options *options;
    struct berbagi_client *client;
    struct bp_buf policy; /* serialized */
    uint64_t before;      /* the version in force, or as asked for */
};

/* The version to be replaced: as asked for, or the one in force. */
static berbagi_status find_version(struct berbagi_client *client, const struct bp_options *o,
                                   uint64_t *version, struct berbagi_error *error)
{
    void *policy = NULL;
    size_t n;
    *version = bp_options_number(o, "expected-version");
    if (bp_options_is_set(o, "expected-version"))
        return BERBAGI_OK;
    berbagi_status status = berbagi_policy_get(client, version, &policy, &n, error);
    berbagi_free(policy);
    if (status == BERBAGI_EREFUSED && strcmp(error->reason, "NO_POLICY") == 0) {
        *version = 0;
        return BERBAGI_OK;
    }
    return status;
}

static bool asks(const struct bp_options *o)
{
    return !bp_options_flag(o, "yes") && !bp_options_flag(o, "dry-run");
}

/* May somebody be asked, where somebody has to be? */
static bool can_ask(const struct bp_options *o, const char *what)
{
    if (!asks(o) || (isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1))
        return true;
    bp_cli_say("policy %s: nobody can be asked without a terminal; --yes does it all the same",
               what);
    return false;
}

static bool is_answered_yes(const char *question)
{
    char line[16];
    (void)fprintf(stderr, "%s [y/N] ", question);
    (void)fflush(stderr);
    return fgets(line, sizeof(line), stdin) != NULL && (line[0] == 'y' || line[0] == 'Y');
}

/* A difference of more than the exchange puts into one answer. */
static void say_left_out(const struct berbagi_policy_applied *applied)
{
    char n[32];
    if (applied->changes_left_out != 0)
        bp_cli_say("%s more changes are not shown or counted: the answer had no room for them",
                   bp_count_text(applied->changes_left_out, n));
}

static int print(const struct bp_policy_changes *changes)
{
    if (changes->text.failed) {
        bp_cli_say("out of memory");
        return CLI_FAILED;
    }
    if (changes->text.n != 0)
        (void)fwrite(changes->text.p, 1, changes->text.n, stdout);
    return bp_cli_flush();
}

/* The changes that the policy would make, and what applying it would give. */
static int compare(struct session *s, const char *what, struct bp_policy_changes *changes,
                   struct berbagi_policy_applied *would)
{
    struct berbagi_error error = {0};
    berbagi_status status =
        berbagi_policy_apply(s->client, s->policy.p, s->policy.n, s->before, true,
                             bp_policy_changes_take, changes, would, &error);
    return status == BERBAGI_OK ? CLI_GO_ON : bp_cli_fail(what, status, &error);
}

/* Shows what would change, and asks. CLI_GO_ON: yes, or nobody had to be asked. */
static int ask(struct session *s, const char *what, const char *question)
{
    struct bp_policy_changes changes = {.rights = 0};
    struct berbagi_policy_applied would;
    char sum[256];
    if (!asks(s->options))
        return CLI_GO_ON;
    int code = compare(s, what, &changes, &would);
    if (code == CLI_GO_ON) {
        if (changes.rights <= SHOWN_WHEN_ASKED)
            (void)print(&changes);
        bp_cli_say("version %" PRIu64 " would change in %" PRIu64 " places: %s", s->before,
                   changes.rights, bp_policy_changes_sum(&changes, sum, sizeof(sum)));
        say_left_out(&would);
        if (changes.rights > SHOWN_WHEN_ASKED)
            bp_cli_say("`berbagi policy diff` shows them all");
        if (would.is_pending && strcmp(what, "policy apply") == 0)
            bp_cli_say("another operator will have to approve it");
        if (!is_answered_yes(question)) {
            bp_cli_say("nothing was changed");
            code = CLI_FAILED;
        }
    }
    bp_policy_changes_fini(&changes);
    return code;
}

/* A session about the policy of a folder. */
static int session_open(struct session *s, const char *what, const char *dir)
{
    struct berbagi_error error = {0};
    int code = bp_policy_folder_pack(s->options, dir, &s->policy);
    if (code == CLI_GO_ON)
        code = bp_cli_connect(s->options, NULL, 0, &s->client);
    if (code != CLI_GO_ON)
        return code;
    berbagi_status status = find_version(s->client, s->options, &s->before, &error);
    return status == BERBAGI_OK ? CLI_GO_ON : bp_cli_fail(what, status, &error);
}

static void session_close(struct session *s)
{
    berbagi_close(s->client);
    bp_buf_fini(&s->policy);
}

/* --- diff --- */

static int show_difference(struct session *s, const char *what)
{
    struct bp_policy_changes changes = {.rights = 0};
    struct berbagi_policy_applied would = {.version = 0};
    char sum[256];
    int code = compare(s, what, &changes, &would);
    if (code == CLI_GO_ON && (code = print(&changes)) == CLI_DONE) {
        bp_cli_say("version %" PRIu64 " would change in %" PRIu64 " places: %s", s->before,
                   changes.rights, bp_policy_changes_sum(&changes, sum, sizeof(sum)));
        say_left_out(&would);
    }
    bp_policy_changes_fini(&changes);
    return code;
}

int bp_policy_diff(const struct bp_options *o, const char *dir)
{
    struct session s = {.options = o};
    int code = session_open(&s, "policy diff", dir);
    if (code == CLI_GO_ON)
        code = show_difference(&s, "policy diff");
    session_close(&s);
    return code;
}

/* --- apply --- */

static void say_applied(const struct session *s, const struct berbagi_policy_applied *applied,
                        const struct bp_policy_changes *changes)
{
    char sum[256];
    (void)bp_policy_changes_sum(changes, sum, sizeof(sum));
    if (applied->is_pending)
        bp_cli_say("version %" PRIu64 " is pending: it is in force once another operator says "
                   "`berbagi policy approve %" PRIu64 "`; against version %" PRIu64 ": %s",
                   applied->version, applied->version, s->before, sum);
    else
        bp_cli_say("version %" PRIu64 " is in force; against version %" PRIu64 ": %s",
                   applied->version, s->before, sum);
}

static int send(struct session *s)
{
    struct berbagi_error error = {0};
    struct bp_policy_changes changes = {.rights = 0};
    struct berbagi_policy_applied applied;
    int code = CLI_DONE;
    berbagi_status status =
        berbagi_policy_apply(s->client, s->policy.p, s->policy.n, s->before, false,
                             bp_policy_changes_take, &changes, &applied, &error);
    if (status != BERBAGI_OK) {
        code = bp_cli_fail("policy apply", status, &error);
    } else {
        if (bp_options_flag(s->options, "changes"))
            code = print(&changes);
        say_applied(s, &applied, &changes);
        say_left_out(&applied);
    }
    bp_policy_changes_fini(&changes);
    return code;
}

int bp_policy_apply(const struct bp_options *o, const char *dir)
{
    struct session s = {.options = o};
    if (!can_ask(o, "apply"))
        return CLI_USAGE;
    int code = session_open(&s, "policy apply", dir);
    if (code == CLI_GO_ON && bp_options_flag(o, "dry-run"))
        code = show_difference(&s, "policy apply");
    else if (code == CLI_GO_ON &&
             (code = ask(&s, "policy apply", "Replace the policy?")) == CLI_GO_ON)
        code = send(&s);
    session_close(&s);
    return code;
}

/* --- approve --- */

struct proposal {
    char applied_by[80];
    uint64_t replaces;
};

static void take_proposal(void *context, const struct berbagi_policy_version *about)
{
    struct proposal *p = context;
    (void)snprintf(p->applied_by, sizeof(p->applied_by), "%s", about->applied_by);
    p->replaces = about->replaces;
}

/* Shows what the pending version would change, and asks. */
static int ask_approval(struct session *s, uint64_t version)
{
    struct berbagi_error error = {0};
    struct proposal proposal = {.replaces = 0};
    void *policy = NULL;
    size_t n = 0;
    if (!asks(s->options))
        return CLI_GO_ON;
    berbagi_status status = berbagi_policy_get_version(s->client, version, take_proposal, &proposal,
                                                       &policy, &n, &error);
    if (status != BERBAGI_OK)
        return bp_cli_fail("policy approve", status, &error);
    bp_buf_add(&s->policy, policy, n);
    berbagi_free(policy);
    s->before = proposal.replaces;
    bp_cli_say("version %" PRIu64 " by %s, to replace version %" PRIu64, version,
               proposal.applied_by, proposal.replaces);
    return ask(s, "policy approve", "Put it in force?");
}

static int approve(struct session *s, uint64_t version)
{
    struct berbagi_error error = {0};
    int code = ask_approval(s, version);
    if (code != CLI_GO_ON)
        return code;
    berbagi_status status = berbagi_policy_approve(s->client, version, &error);
    if (status != BERBAGI_OK)
        return bp_cli_fail("policy approve", status, &error);
    bp_cli_say("version %" PRIu64 " is in force", version);
    return CLI_DONE;
}

int bp_policy_approve(const struct bp_options *o, const char *text)
{
    struct session s = {.options = o};
    uint64_t version;
    if (!bp_parse_u64(bp_str(text), &version) || version == 0) {
        bp_cli_say("policy approve: '%s' is no version", text);
        return CLI_USAGE;
    }
    if (!can_ask(o, "approve"))
        return CLI_USAGE;
    int code = bp_cli_connect(o, NULL, 0, &s.client);
    if (code == CLI_GO_ON)
        code = approve(&s, version);
    session_close(&s);
    return code;
}

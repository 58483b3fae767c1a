/* Rules, one a line: ACTION CALL FILE NTH
 *
 *   kill write journal/data.mdb 3     dies instead of its third write to that file
 *   kill-after flush wal/[star] 1     dies when the first flush of any file there is done
 *   tear write [star] 7               writes half of it, then dies
 *   EIO flush journal/data.mdb 1+     every flush of that file fails, from the first on
 *   ENOSPC resize [star] 1            likewise once, with another error
 *   short write [star] 2              writes half and says so
 *
 * CALL is a word of fault_call_name or "any"; FILE a pattern of fnmatch(3) on the path relative to
 * the folder ([star] stands for an asterisk here). A rule that fires is told as a line of
 * FAULTS_PLAN.fired. */
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RULES_MAX 16
#define ANY_CALL FAULT_CALLS

struct rule {
    struct fault_verdict verdict;
    int call;
    char file[128];
    unsigned long nth, seen;
    bool goes_on;
};

static struct rule rules[RULES_MAX];
static size_t rules_n;
static struct stat read_as;

static const char *const call_names[FAULT_CALLS] = {"open",   "read",   "write",  "durable-write",
                                                    "flush",  "resize", "rename", "link",
                                                    "unlink", "mkdir"};

static const struct {
    const char *word;
    struct fault_verdict verdict;
} actions[] = {
    {"kill", {FAULT_KILL, 0}},        {"kill-after", {FAULT_KILL_AFTER, 0}},
    {"tear", {FAULT_TEAR, 0}},        {"short", {FAULT_SHORT, 0}},
    {"EIO", {FAULT_FAIL, EIO}},       {"ENOSPC", {FAULT_FAIL, ENOSPC}},
    {"EMFILE", {FAULT_FAIL, EMFILE}}, {"EROFS", {FAULT_FAIL, EROFS}},
    {"EACCES", {FAULT_FAIL, EACCES}},
};

const char *fault_call_name(enum fault_call call)
{
    return call_names[call];
}

static bool parse_rule(const char *line, struct rule *out)
{
    char action[16], call[16], plus = 0;
    *out = (struct rule){.call = ANY_CALL};
    if (sscanf(line, "%15s %15s %127s %lu%c", action, call, out->file, &out->nth, &plus) < 4)
        return false;
    out->goes_on = plus == '+';
    for (int i = 0; i < FAULT_CALLS; i++) {
        if (strcmp(call, call_names[i]) == 0)
            out->call = i;
    }
    if (out->call == ANY_CALL && strcmp(call, "any") != 0)
        return false;
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(action, actions[i].word) == 0) {
            out->verdict = actions[i].verdict;
            return true;
        }
    }
    return false;
}

static void parse_plan(char *text)
{
    char *rest = NULL;
    rules_n = 0;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (rules_n == RULES_MAX || !parse_rule(line, &rules[rules_n++])) {
            (void)fprintf(stderr, "faults: a plan that cannot be: %s\n", line);
            abort();
        }
    }
}

/* Reads the plan if it is another one than before. Its own calls go around the wrappers. */
static void refresh(const char *file)
{
    static char text[4096];
    struct stat now;
    if (stat(file, &now) != 0) {
        rules_n = 0;
        return;
    }
    if (now.st_ino == read_as.st_ino && now.st_mtim.tv_sec == read_as.st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == read_as.st_mtim.tv_nsec)
        return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC, 0);
    ssize_t n = fd >= 0 ? syscall(SYS_read, fd, text, sizeof(text) - 1) : -1;
    if (fd >= 0)
        (void)close(fd);
    if (n < 0)
        return;
    text[n] = 0;
    read_as = now;
    parse_plan(text);
}

static void tell_fired(const char *file, const struct rule *rule, enum fault_call call,
                       const char *path)
{
    char line[PATH_MAX + 64], name[PATH_MAX];
    (void)snprintf(name, sizeof(name), "%s.fired", file);
    int n = snprintf(line, sizeof(line), "%s %s %lu\n", call_names[call], path, rule->seen);
    int fd =
        (int)syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    (void)syscall(SYS_write, fd, line, n);
    (void)close(fd);
}

struct fault_verdict fault_decide(enum fault_call call, const char *path)
{
    const char *file = getenv("FAULTS_PLAN");
    struct fault_verdict verdict = {FAULT_PASS, 0};
    if (file == NULL)
        return verdict;
    refresh(file);
    for (size_t i = 0; i < rules_n; i++) {
        struct rule *r = &rules[i];
        if ((r->call != ANY_CALL && r->call != (int)call) || fnmatch(r->file, path, 0) != 0)
            continue;
        r->seen++;
        if (verdict.act == FAULT_PASS && (r->seen == r->nth || (r->goes_on && r->seen > r->nth))) {
            verdict = r->verdict;
            if (r->seen == r->nth)
                tell_fired(file, r, call, path);
        }
    }
    return verdict;
}

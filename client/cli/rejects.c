#include "rejects.h"

#include <errno.h>
#include <inttypes.h>

bp_status bp_rejects_open(const char *path, struct bp_rejects *out, struct bp_err *err)
{
    *out = (struct bp_rejects){.path = path};
    if (path == NULL)
        return BP_OK;
    size_t n = strlen(path);
    out->is_csv = n > 4 && strcmp(path + n - 4, ".csv") == 0;
    out->file = fopen(path, "we");
    if (out->file == NULL)
        return bp_fail(err, BP_EIO, "%s: %s", path, strerror(errno));
    if (out->is_csv)
        (void)fputs("file,line,field,reason,message\r\n", out->file);
    return BP_OK;
}

static void put_csv_cell(FILE *f, const char *text, const char *behind)
{
    (void)fputc('"', f);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            (void)fputc('"', f);
        (void)fputc(*text, f);
    }
    (void)fputc('"', f);
    (void)fputs(behind, f);
}

static void put_json_text(FILE *f, const char *key, const char *text)
{
    (void)fprintf(f, "\"%s\":\"", key);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            (void)fputc('\\', f);
        if (c < 0x20)
            (void)fprintf(f, "\\u%04x", c);
        else
            (void)fputc(c, f);
    }
    (void)fputc('"', f);
}

static void put_csv(const struct bp_rejects *r, const char *file, uint64_t line, const char *field,
                    const char *reason, const char *message)
{
    put_csv_cell(r->file, file, ",");
    (void)fprintf(r->file, "%" PRIu64 ",", line);
    put_csv_cell(r->file, field, ",");
    put_csv_cell(r->file, reason, ",");
    put_csv_cell(r->file, message, "\r\n");
}

static void put_json(const struct bp_rejects *r, const char *file, uint64_t line, const char *field,
                     const char *reason, const char *message)
{
    (void)fputc('{', r->file);
    put_json_text(r->file, "file", file);
    (void)fprintf(r->file, ",\"line\":%" PRIu64 ",", line);
    put_json_text(r->file, "field", field);
    (void)fputc(',', r->file);
    put_json_text(r->file, "reason", reason);
    (void)fputc(',', r->file);
    put_json_text(r->file, "message", message);
    (void)fputs("}\n", r->file);
}

static void say(struct bp_rejects *r, const char *file, uint64_t line, const char *field,
                const char *reason, const char *message)
{
    if (r->said == BP_REJECTS_SAID || r->say == NULL) {
        r->unsaid++;
        return;
    }
    char words[512];
    (void)snprintf(words, sizeof(words), "%s:%" PRIu64 ": %s%s%s (%s)", file, line, field,
                   field[0] != '\0' ? ": " : "", message, reason);
    r->said++;
    r->say(r->context, words);
}

void bp_rejects_add(struct bp_rejects *r, const char *file, uint64_t line, const char *field,
                    const char *reason, const char *message)
{
    if (r->file == NULL)
        say(r, file, line, field, reason, message);
    else if (r->is_csv)
        put_csv(r, file, line, field, reason, message);
    else
        put_json(r, file, line, field, reason, message);
}

bp_status bp_rejects_close(struct bp_rejects *r, struct bp_err *err)
{
    if (r->unsaid > 0 && r->say != NULL) {
        char words[128];
        (void)snprintf(words, sizeof(words), "and %" PRIu64 " more; --rejects FILE keeps them all",
                       r->unsaid);
        r->say(r->context, words);
    }
    if (r->file == NULL)
        return BP_OK;
    bool failed = ferror(r->file) != 0;
    failed = fclose(r->file) != 0 || failed;
    r->file = NULL;
    return failed ? bp_fail(err, BP_EIO, "%s: could not be written in full", r->path) : BP_OK;
}

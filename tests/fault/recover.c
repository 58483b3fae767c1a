/* Comes up on folders that somebody harmed, and tells what it found: reads one folder a line and
 * answers with one line for each.
 *
 *   ok HEAD VERSION CHAIN [NAME=POSITION ...]    or    failed WORDS
 *
 * CHAIN is the hash of the hash before, the position and the bytes of each event up to the head;
 * every id was found in the index at its position, one more event was stored behind them, and all
 * is as it was when it is opened once more. A line that begins with '=' asks for the chain of every
 * head instead: HEAD ID CHAIN, a line each, and a full stop. */
#include <stdio.h>

#include "digest.h"
#include "storage.h"

struct chain {
    uint8_t hash[BP_SHA256_BYTES];
};

static void chain_add(struct chain *c, const struct bp_record *r)
{
    static const uint8_t key[1];
    struct bp_str parts[] = {bp_str_of(c->hash, sizeof(c->hash)),
                             bp_str_of(&r->routing.position, sizeof(r->routing.position)),
                             r->event};
    struct chain next;
    bp_hmac_sha256(key, sizeof(key), parts, 3, next.hash);
    *c = next;
}

static void chain_print(const struct chain *c, FILE *out)
{
    char text[2 * BP_SHA256_BYTES + 1];
    bp_hex(c->hash, sizeof(c->hash), text);
    (void)fputs(text, out);
}

static bp_status expect_indexed(struct storage *s, const struct bp_record *r, struct bp_err *err)
{
    const struct bp_id_index *ids = bp_index_ids(s->index);
    struct bp_id_lookup found;
    bp_id_key_make(r->routing.source, r->routing.id, &found.key);
    ids->find(ids->context, &found, 1);
    if (found.status == BP_OK && found.position == r->routing.position)
        return BP_OK;
    return bp_fail(err, BP_ECORRUPT, "the index says %s at %llu of the event at %llu",
                   bp_status_name(found.status), (unsigned long long)found.position,
                   (unsigned long long)r->routing.position);
}

static bp_status walk(struct storage *s, struct chain *c, bool prints_all, struct bp_err *err)
{
    struct bp_journal_reader *r;
    struct bp_record record;
    uint64_t last = 0;
    bp_status st = bp_journal_read_begin(s->journal, &r);
    if (st != BP_OK)
        return bp_fail(err, st, "cannot read (%s)", bp_status_name(st));
    while (st == BP_OK && (st = bp_journal_read_next(r, &record)) == BP_OK) {
        if (record.routing.position != ++last)
            st = bp_fail(err, BP_ECORRUPT, "position %llu where %llu should be",
                         (unsigned long long)record.routing.position, (unsigned long long)last);
        else if (!storage_event_is_sound(&record))
            st = bp_fail(err, BP_ECORRUPT, "not what was sent at %llu", (unsigned long long)last);
        else
            st = expect_indexed(s, &record, err);
        chain_add(c, &record);
        if (prints_all) {
            printf("%llu ", (unsigned long long)last);
            printf("%.*s ", (int)record.routing.id.n, record.routing.id.p);
            chain_print(c, stdout);
            putchar('\n');
        }
    }
    bp_journal_read_end(r);
    if (st == BP_ENOENT && last == bp_journal_head(s->journal))
        return BP_OK;
    return st != BP_ENOENT && err->text[0] != 0
               ? st
               : bp_fail(err, BP_ECORRUPT, "reading ends behind %llu (%s), the head is %llu",
                         (unsigned long long)last, bp_status_name(st),
                         (unsigned long long)bp_journal_head(s->journal));
}

static bool print_row(void *context, const struct bp_subscription *row)
{
    fprintf(context, " %s=%llu", row->name, (unsigned long long)row->acknowledged_position);
    return true;
}

static bp_status print_state(struct storage *s, const struct chain *c, FILE *out)
{
    fprintf(out, "ok %llu %llu ", (unsigned long long)bp_journal_head(s->journal),
            (unsigned long long)bp_journal_policy_version(s->journal));
    chain_print(c, out);
    return bp_sequencer_list_subscriptions(s->sequencer, NULL, NULL, NULL, print_row, out);
}

/* What came back can be added to, and stays. */
static bp_status go_on(struct storage *s, const char *dir, const struct chain *before,
                       struct bp_err *err)
{
    uint64_t position, head = bp_journal_head(s->journal);
    struct chain after = {{0}}, again = {{0}};
    bp_status st = storage_publish(s, "after", (unsigned)head, 1, 300, &position);
    if (st != BP_OK || position != head + 1)
        return bp_fail(err, BP_EIO, "cannot go on behind %llu: %s at %llu",
                       (unsigned long long)head, bp_status_name(st), (unsigned long long)position);
    if ((st = walk(s, &after, false, err)) != BP_OK)
        return st;
    storage_close(s);
    if ((st = storage_open(s, dir, err)) != BP_OK || (st = walk(s, &again, false, err)) != BP_OK)
        return st;
    if (memcmp(&after, &again, sizeof(after)) != 0 || memcmp(&after, before, sizeof(after)) == 0)
        return bp_fail(err, BP_ECORRUPT, "what was added is another when it is opened again");
    return BP_OK;
}

/* What was found is told only when going on went well. */
static bp_status recover(const char *dir, FILE *found, struct bp_err *err)
{
    struct storage s;
    struct chain chain = {{0}};
    bp_status st = storage_open(&s, dir, err);
    if (st == BP_OK && (st = walk(&s, &chain, false, err)) == BP_OK &&
        (st = print_state(&s, &chain, found)) == BP_OK)
        st = go_on(&s, dir, &chain, err);
    storage_close(&s);
    return st;
}

static void answer(const char *dir)
{
    struct bp_err err = {{0}};
    char *text = NULL;
    size_t n = 0;
    FILE *found = open_memstream(&text, &n);
    bp_status st = found != NULL ? recover(dir, found, &err) : BP_ENOMEM;
    if (found != NULL)
        (void)fclose(found);
    if (st == BP_OK)
        printf("%s\n", text);
    else
        printf("failed %s %s\n", bp_status_name(st), err.text);
    free(text);
}

static void tell_chains(const char *dir)
{
    struct storage s;
    struct chain chain = {{0}};
    struct bp_err err = {{0}};
    if (storage_open(&s, dir, &err) != BP_OK || walk(&s, &chain, true, &err) != BP_OK)
        printf("failed %s\n", err.text);
    storage_close(&s);
    printf(".\n");
}

int main(void)
{
    char line[4096];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = 0;
        if (line[0] == '=')
            tell_chains(line + 1);
        else
            answer(line);
        (void)fflush(stdout);
    }
    return 0;
}

/* Looking at a data folder. The hard part is a file whose structure is damaged: LMDB follows what
 * stands in it, and may end the program. So another process looks, tells in shared memory which entry
 * it is at, and when it dies that entry is the damage, and the next one begins behind it. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "audit_chain.h"
#include "file.h"
#include "index_store.h"
#include "journal_verify.h"
#include "maintenance.h"
#include "pseudonym.h"
#include "routes.h"

#define DEATHS_MAX 100u /* of lookers, before the rest is given up */
#define PROGRESS_EVERY 10000u

/* What the looker tells; seen by both processes. */
struct told {
    uint64_t number, position; /* of the entry it is at; 0: none yet */
    uint64_t events, entries;  /* sound ones */
    uint64_t damages;
    uint64_t indexed; /* position up to which ids were looked up */
    uint64_t ids;     /* of those, found as they should be */
    uint64_t lines;   /* of the audit record, sound ones */
};

struct look {
    const struct bp_config *config;
    struct told *told;
    struct bp_pseudonyms *pseudonyms;
    struct bp_index_store *index; /* NULL: there is none */
    struct bp_index_place place;
    struct bp_routes_builder *block; /* of the events looked at, as the index should hold it */
    uint32_t key_id;                 /* that the pseudonym key has; 0: none is there */
    bool is_key_told;
    struct bp_buf scratch;
};

static void tell(struct told *told, const char *where, uint64_t number, uint64_t position,
                 const char *what)
{
    told->damages++;
    printf("damaged: %s", where);
    if (number != 0)
        printf(" entry %" PRIu64 ",", number);
    if (position != 0)
        printf(" position %" PRIu64, position);
    printf(": %s\n", what);
    (void)fflush(stdout);
}

/* --- one entry --- */

static void on_at(void *context, uint64_t number, uint64_t position, uint64_t last)
{
    struct look *l = context;
    l->told->number = number;
    l->told->position = position;
    if (isatty(STDERR_FILENO) == 1 && (number % PROGRESS_EVERY == 0 || number == last))
        fprintf(stderr, "\rverifying: entry %" PRIu64 " of %" PRIu64 "%s", number, last,
                number == last ? "\n" : "");
}

static void on_damaged(void *context, const struct bp_journal_damage *damage)
{
    struct look *l = context;
    tell(l->told, "journal,", damage->number, damage->position, damage->what);
}

static void look_at_key(struct look *l, const struct bp_record *r)
{
    if (r->entry.key_id == l->key_id || l->is_key_told)
        return;
    l->is_key_told = true;
    tell(l->told, "pseudonym key,", 0, r->routing.position,
         l->key_id == 0 ? "it is missing" : "this event was stored with another one");
}

static const char *wrong_id(struct look *l, const struct bp_record *r)
{
    struct bp_id_lookup stored = {.status = BP_ENOENT};
    bp_id_key_make(r->routing.source, r->routing.id, &stored.key);
    bp_index_store_find(l->index, &stored, 1);
    if (stored.status == BP_ENOENT)
        return "the id of this event is missing";
    if (stored.status != BP_OK)
        return "the page with this event's id is damaged";
    if (stored.position != r->routing.position)
        return "the id of this event is told of another";
    return NULL;
}

/* The block is full, or the index goes no further: does it hold the same? Not where an event of the
 * block was damaged. */
static void look_at_routes(struct look *l, const struct bp_record *r)
{
    struct bp_routes *block = &l->block->routes;
    struct bp_buf right = {0};
    uint64_t position = r->routing.position;
    if ((position - 1) % BP_ROUTES_BLOCK == 0)
        bp_routes_begin(l->block, bp_routes_block_of(position));
    if (block->first + block->n != position)
        return;
    bp_routes_add(l->block, r);
    if (block->n < BP_ROUTES_BLOCK && position < l->place.position)
        return;
    bp_buf_clear(&l->scratch);
    bp_routes_encode(block, &right);
    if (right.failed ||
        bp_index_store_routes(l->index, bp_routes_block_of(position), &l->scratch) != BP_OK ||
        !bp_str_eq(bp_buf_str(&right), bp_buf_str(&l->scratch)))
        tell(l->told, "index,", 0, block->first, "the routes from this event on are others");
    bp_buf_fini(&right);
}

static void on_event(void *context, const struct bp_record *r)
{
    struct look *l = context;
    uint64_t position = r->routing.position;
    l->told->events++;
    look_at_key(l, r);
    if (l->index == NULL || position > l->place.position)
        return;
    const char *wrong = wrong_id(l, r);
    if (wrong == NULL && position == l->place.position && l->place.checksum != r->entry.checksum)
        wrong = "the index is of another log";
    if (wrong != NULL)
        tell(l->told, "index,", 0, position, wrong);
    else
        l->told->ids++;
    look_at_routes(l, r);
}

/* --- the whole --- */

static char *path_in(const char *dir, const char *name, struct stat *found)
{
    char *path = bp_path_join(dir, name);
    if (path != NULL && stat(path, found) != 0) {
        free(path);
        return NULL;
    }
    return path;
}

/* Without one the server makes it anew; a damaged one is told and left out. */
static void open_index(struct look *l)
{
    struct stat found;
    struct bp_err err = {{0}};
    char *file = path_in(l->config->verify, "index/data.mdb", &found);
    char *dir = file != NULL ? path_in(l->config->verify, "index", &found) : NULL;
    if (dir != NULL &&
        bp_index_store_open_as_it_is(dir, l->config->map_bytes, &l->index, &err) != BP_OK)
        tell(l->told, "index,", 0, 0, err.text);
    if (l->index != NULL && bp_index_store_place(l->index, &l->place) == BP_OK)
        l->told->indexed = l->place.position;
    free(file);
    free(dir);
}

static void open_key(struct look *l)
{
    struct stat found;
    struct bp_err err = {{0}};
    char *path = l->config->pseudonym_key != NULL
                     ? bp_str_dup(bp_str(l->config->pseudonym_key))
                     : path_in(l->config->verify, "pseudonym.key", &found);
    if (path != NULL && bp_pseudonyms_open(path, false, &l->pseudonyms, &err) != BP_OK)
        tell(l->told, "pseudonym key,", 0, 0, err.text);
    if (l->pseudonyms != NULL)
        l->key_id = bp_pseudonyms_key_id(l->pseudonyms);
    free(path);
}

static bp_status look_at_journal(struct look *l, uint64_t from, struct bp_err *err)
{
    struct bp_journal_verified verified;
    char *dir = bp_path_join(l->config->verify, "journal");
    if (dir == NULL)
        return bp_fail(err, BP_ENOMEM, "verify: out of memory");
    struct bp_journal_verify_config config = {.dir = dir,
                                              .map_bytes = l->config->map_bytes,
                                              .from = from,
                                              .at = on_at,
                                              .damaged = on_damaged,
                                              .event = on_event,
                                              .context = l};
    bp_status st = bp_journal_verify(&config, &verified, err);
    if (st == BP_OK) {
        l->told->entries += verified.entries;
        if (l->index != NULL && l->place.position > verified.head)
            tell(l->told, "index,", 0, l->place.position, "is beyond the newest event");
    }
    free(dir);
    return st;
}

/* Ids that no event has would make new events duplicates. */
static void look_at_rest_of_index(struct look *l)
{
    uint64_t ids = 0;
    if (l->index == NULL || l->told->ids != l->place.position)
        return; /* or what is missing was told */
    if (bp_index_store_count(l->index, &ids) != BP_OK || ids != l->told->ids)
        tell(l->told, "index,", 0, 0, "holds ids of no event");
}

static int look(const struct bp_config *config, struct told *told, uint64_t from)
{
    struct look l = {.config = config, .told = told, .block = calloc(1, sizeof(*l.block))};
    struct bp_err err = {{0}};
    bp_status st = l.block != NULL ? BP_OK : bp_fail(&err, BP_ENOMEM, "verify: out of memory");
    if (st == BP_OK) {
        open_index(&l);
        open_key(&l);
        st = look_at_journal(&l, from, &err);
    }
    if (st == BP_OK)
        look_at_rest_of_index(&l);
    else
        fprintf(stderr, "berbagid: %s\n", err.text);
    bp_buf_fini(&l.scratch);
    bp_index_store_close(l.index);
    bp_pseudonyms_close(l.pseudonyms);
    free(l.block);
    return st == BP_OK ? 0 : 1;
}

/* The exit code of a looker, or the signal it died of, negative. */
static int look_apart(const struct bp_config *config, struct told *told, uint64_t from)
{
    (void)fflush(NULL);
    pid_t child = fork();
    int status = 0;
    if (child == 0) {
        int code = look(config, told, from);
        (void)fflush(NULL);
        _exit(code);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return 1;
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int verify(const struct bp_config *config, struct told *told)
{
    uint64_t from = 0;
    for (unsigned deaths = 0; deaths < DEATHS_MAX; deaths++) {
        told->number = told->position = 0;
        int code = look_apart(config, told, from);
        if (code >= 0)
            return code;
        tell(told, "journal or index,", told->number, told->position,
             "the structure of the file is damaged there");
        if (told->number < from || told->number == 0)
            return 1;
        from = told->number + 1;
    }
    printf("damaged: the rest, behind entry %" PRIu64 ", was given up\n", told->number);
    return 1;
}

/* --- the audit record --- */

static void on_finding(void *context, const struct bp_audit_finding *finding)
{
    struct told *told = context;
    char line[32] = "";
    if (finding->line != 0)
        (void)snprintf(line, sizeof(line), " line %" PRIu64, finding->line);
    printf("%s: audit/%s%s: %s\n", finding->is_damage ? "damaged" : "note", finding->file, line,
           finding->what);
    told->damages += finding->is_damage;
}

/* Text that nothing is followed in: it needs no other process. */
static void look_at_audit(const struct bp_config *config, struct told *told)
{
    struct bp_err err = {{0}};
    char *dir = bp_path_join(config->verify, "audit");
    bp_status st = dir != NULL ? bp_audit_verify(dir, on_finding, told, &told->lines, &err)
                               : bp_fail(&err, BP_ENOMEM, "verify: out of memory");
    if (st != BP_OK) {
        printf("damaged: %s\n", err.text);
        told->damages++;
    }
    free(dir);
}

int bp_maintenance_verify(const struct bp_config *config)
{
    struct told *told =
        mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (told == MAP_FAILED) {
        fprintf(stderr, "berbagid: verify: out of memory\n");
        return 1;
    }
    look_at_audit(config, told);
    int code = verify(config, told);
    if (code == 0)
        printf("verified %" PRIu64 " lines of the audit record, %" PRIu64 " entries, %" PRIu64
               " of them events; index up to position %" PRIu64 "; %" PRIu64 " damaged\n",
               told->lines, told->entries, told->events, told->indexed, told->damages);
    if (told->damages != 0)
        code = 1;
    (void)munmap(told, sizeof(*told));
    return code;
}

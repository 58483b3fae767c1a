#include "rpc_peers.h"

#include "clock.h"
#include "crc32c.h"

/* Calls that may be given up at once, what time forgives, and how much is held against anybody. */
#define ABANDONED_MAX 500
#define ABANDONED_PER_S 50
#define ABANDONED_HELD_MAX (2 * ABANDONED_MAX)

void bp_rpc_peers_init(struct bp_rpc_peers *p, const char *trust_domain,
                       const struct bp_credentials *credentials)
{
    memset(p, 0, sizeof(*p));
    p->trust_domain = trust_domain;
    p->credentials = credentials;
    p->generation = 1;
}

static void certificate_free(struct bp_rpc_certificate *c)
{
    free(c->pem);
    free(c);
}

/* Removes those that nobody uses, or all. */
static void forget(struct bp_rpc_peers *p, bool all)
{
    for (unsigned i = 0; i < BP_RPC_PEER_BUCKETS; i++) {
        struct bp_rpc_certificate **at = &p->buckets[i];
        while (*at != NULL) {
            struct bp_rpc_certificate *c = *at;
            if (c->users != 0 && !all) {
                at = &c->next;
                continue;
            }
            *at = c->next;
            certificate_free(c);
            p->n--;
        }
    }
}

void bp_rpc_peers_fini(struct bp_rpc_peers *p)
{
    forget(p, true);
}

void bp_rpc_peers_set(struct bp_rpc_peers *p, const struct bp_credentials *credentials)
{
    p->credentials = credentials;
    p->generation++;
}

static struct bp_rpc_certificate *find(const struct bp_rpc_peers *p, struct bp_str pem,
                                       uint32_t hash)
{
    struct bp_rpc_certificate *c = p->buckets[hash % BP_RPC_PEER_BUCKETS];
    while (c != NULL && (c->hash != hash || !bp_str_eq(bp_str_of(c->pem, c->pem_n), pem)))
        c = c->next;
    return c;
}

static struct bp_rpc_certificate *add(struct bp_rpc_peers *p, struct bp_str pem, uint32_t hash)
{
    struct bp_rpc_certificate *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    c->hash = hash;
    c->pem = bp_str_dup(pem);
    c->pem_n = pem.n;
    if (c->pem == NULL) {
        certificate_free(c);
        return NULL;
    }
    if (p->n >= BP_RPC_PEERS_KEPT)
        forget(p, false);
    c->next = p->buckets[hash % BP_RPC_PEER_BUCKETS];
    p->buckets[hash % BP_RPC_PEER_BUCKETS] = c;
    p->n++;
    return c;
}

struct bp_rpc_certificate *bp_rpc_peers_take(struct bp_rpc_peers *p, struct bp_str pem)
{
    uint32_t hash = bp_crc32c(0, pem.p, pem.n);
    struct bp_rpc_certificate *c = find(p, pem, hash);
    if (c == NULL)
        c = add(p, pem, hash);
    if (c != NULL)
        c->users++;
    return c;
}

void bp_rpc_peers_give_back(struct bp_rpc_certificate *certificate)
{
    if (certificate != NULL)
        certificate->users--;
}

static struct bp_rpc_status parse(const struct bp_rpc_peers *p, struct bp_rpc_certificate *c,
                                  int64_t now_ns)
{
    struct bp_err err = {""};
    bp_status st = bp_identity_of_pem(bp_str_of(c->pem, c->pem_n), p->trust_domain, now_ns,
                                      &c->identity, &err);
    if (st != BP_OK)
        return bp_rpc_status_of(st, &err);
    if (c->identity.kind == BP_IDENTITY_SERVER)
        return bp_rpc_status(BP_REASON_BAD_CERTIFICATE,
                             "the certificate of a server does not call other servers");
    c->is_known = true;
    return BP_RPC_STATUS_OK;
}

static struct bp_rpc_status ask_credentials(const struct bp_rpc_peers *p,
                                            const struct bp_rpc_certificate *c, int64_t now_ns)
{
    struct bp_err err = {""};
    bp_status st =
        bp_credentials_check_revocation(p->credentials, bp_str_of(c->pem, c->pem_n), now_ns, &err);
    if (st == BP_OK)
        return BP_RPC_STATUS_OK;
    if (st == BP_EPERM)
        return bp_rpc_status(BP_REASON_CERTIFICATE_REVOKED, NULL);
    if (bp_credentials_check_lists(p->credentials, now_ns, NULL) != BP_OK) {
        struct bp_rpc_status status = bp_rpc_status(BP_REASON_REVOCATION_UNKNOWN, NULL);
        status.retry_after_ms = 30000;
        return status;
    }
    return bp_rpc_status_of(st, &err);
}

static struct bp_rpc_status judge_in_full(const struct bp_rpc_peers *p,
                                          struct bp_rpc_certificate *c, int64_t now_ns)
{
    struct bp_rpc_status status = c->is_known ? BP_RPC_STATUS_OK : parse(p, c, now_ns);
    if (status.code == BP_RPC_OK)
        status = ask_credentials(p, c, now_ns);
    return status;
}

bool bp_rpc_peers_judge(struct bp_rpc_peers *p, struct bp_rpc_certificate *c, int64_t now_ns,
                        struct bp_rpc_status *why)
{
    if (c->is_known && now_ns > c->identity.not_after_ns) {
        *why = bp_rpc_status(BP_REASON_CERTIFICATE_EXPIRED, NULL);
        return false;
    }
    bool is_fresh = c->generation == p->generation && now_ns >= c->judged_at_ns &&
                    now_ns - c->judged_at_ns < BP_NS_PER_S;
    if (!is_fresh) {
        c->verdict = judge_in_full(p, c, now_ns);
        c->generation = p->generation;
        c->judged_at_ns = now_ns;
    }
    *why = c->verdict;
    return c->verdict.code == BP_RPC_OK;
}

bool bp_rpc_peers_all_stand(struct bp_rpc_peers *p, int64_t now_ns)
{
    struct bp_rpc_status why;
    for (unsigned i = 0; i < BP_RPC_PEER_BUCKETS; i++)
        for (struct bp_rpc_certificate *c = p->buckets[i]; c != NULL; c = c->next)
            if (c->users != 0 && !bp_rpc_peers_judge(p, c, now_ns, &why))
                return false;
    return true;
}

bool bp_rpc_peer_floods(struct bp_rpc_certificate *c, int64_t now_ms)
{
    int64_t forgiven = (now_ms - c->abandoned_at_ms) * ABANDONED_PER_S / 1000;
    if (forgiven > 0) {
        c->abandoned = forgiven < c->abandoned ? c->abandoned - (unsigned)forgiven : 0;
        c->abandoned_at_ms = now_ms;
    }
    return c->abandoned > ABANDONED_MAX;
}

void bp_rpc_peer_abandons(struct bp_rpc_certificate *c, int64_t now_ms)
{
    (void)bp_rpc_peer_floods(c, now_ms);
    c->abandoned += c->abandoned < ABANDONED_HELD_MAX;
}

/* The certificates callers show, each parsed once: who it says they are, and whether they may still
 * be believed. gRPC gives the certificate with every call as PEM; the table finds it by its bytes.
 * Queue's thread. */
#ifndef BERBAGI_RPC_PEERS_H
#define BERBAGI_RPC_PEERS_H

#include "credentials.h"
#include "rpc_status.h"

/* When more certificates than this are known, those that no call or connection uses are forgotten. */
#define BP_RPC_PEERS_KEPT 4096
#define BP_RPC_PEER_BUCKETS 1024

struct bp_rpc_certificate {
    struct bp_rpc_certificate *next; /* in its bucket */
    uint32_t hash;
    unsigned users; /* open calls and connections */
    char *pem;
    size_t pem_n;
    bool is_known; /* identity is set */
    struct bp_identity identity;
    uint64_t generation; /* of the credentials that judged it; 0 = none did */
    int64_t judged_at_ns;
    struct bp_rpc_status verdict;
    unsigned abandoned;      /* calls its holders gave up, less what time took */
    int64_t abandoned_at_ms; /* of the system's monotonic clock: the last of them */
};

struct bp_rpc_peers {
    const char *trust_domain;
    const struct bp_credentials *credentials;
    uint64_t generation;
    unsigned n;
    struct bp_rpc_certificate *buckets[BP_RPC_PEER_BUCKETS];
};

void bp_rpc_peers_init(struct bp_rpc_peers *p, const char *trust_domain,
                       const struct bp_credentials *credentials);
void bp_rpc_peers_fini(struct bp_rpc_peers *p);

/* From now on these judge, also what was judged before. */
void bp_rpc_peers_set(struct bp_rpc_peers *p, const struct bp_credentials *credentials);

/* The entry of a certificate, to be given back; NULL when out of memory. */
struct bp_rpc_certificate *bp_rpc_peers_take(struct bp_rpc_peers *p, struct bp_str pem);
void bp_rpc_peers_give_back(struct bp_rpc_certificate *certificate); /* NULL allowed */

/* True: its holder is an agency or operator of this exchange, identity is set, and the certificate
 * stands at now_ns. False: *why says what is wrong. The certificate is looked at in full once a
 * second; in between a call costs two comparisons. */
bool bp_rpc_peers_judge(struct bp_rpc_peers *p, struct bp_rpc_certificate *certificate,
                        int64_t now_ns, struct bp_rpc_status *why);

/* Do all certificates that calls or connections use stand at now_ns? */
bool bp_rpc_peers_all_stand(struct bp_rpc_peers *p, int64_t now_ns);

/* Counts a call that the other side gave up before it was answered. Clients do that at a deadline or
 * when they end; one that does it by the thousand costs the queue's thread more than any answer
 * would, and HTTP/2's limit of streams does not see it, because a call given up is none any more. */
void bp_rpc_peer_abandons(struct bp_rpc_certificate *certificate, int64_t now_ms);
/* Has that happened too often of late, on whatever connection? */
bool bp_rpc_peer_floods(struct bp_rpc_certificate *certificate, int64_t now_ms);

#endif

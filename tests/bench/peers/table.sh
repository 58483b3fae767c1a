#!/bin/bash
# table.sh OUTDIR...: prints the tables of one or more results.jsonl (medians over the runs, and the lowest and highest
# run) and writes table.tsv, ranges.tsv and limits.tsv to the first OUTDIR
set -u
OUT=${1:?usage: table.sh OUTDIR...}
FILES=$(for d in "$@"; do echo "$d/results.jsonl"; done)
awk -v rng="$OUT/ranges.tsv" -v tsv="$OUT/table.tsv" -v lim="$OUT/limits.tsv" '
function num(k,  m) { if (match($0, "\"" k "\":-?[0-9.]+")) { m = substr($0, RSTART, RLENGTH); sub(/.*:/, "", m); return m + 0 } return "" }
function str(k,  m) { if (match($0, "\"" k "\":\"[^\"]*\"")) { m = substr($0, RSTART, RLENGTH); sub(/^"[^"]*":"/, "", m); sub(/"$/, "", m); return m } return "" }
function median(list,  a, n, i, j, t) {
    n = split(list, a, " ")
    for (i = 2; i <= n; i++) { t = a[i] + 0; for (j = i - 1; j > 0 && a[j] + 0 > t; j--) a[j + 1] = a[j]; a[j + 1] = t }
    if (!n) return ""
    return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
}
function med(p, w, f) { return median(v[p, w, f]) }
function range(p, w, f, d,  a, n, i, lo, hi) {
    n = split(v[p, w, f], a, " ")
    if (!n) return "-"
    lo = hi = a[1] + 0
    for (i = 2; i <= n; i++) { if (a[i] + 0 < lo) lo = a[i] + 0; if (a[i] + 0 > hi) hi = a[i] + 0 }
    return sprintf(d, lo / (d ~ /2f/ ? 1000 : 1)) ".." sprintf(d, hi / (d ~ /2f/ ? 1000 : 1))
}
function n0(x) { return x == "" ? "-" : sprintf("%.0f", x) }
function ms(x) { return x == "" ? "-" : sprintf(x < 10000 ? "%.2f" : "%.0f", x / 1000) }
{
    p = str("peer"); w = str("w")
    if (!(p in seen) && p != "limits") { seen[p] = 1; order[++np] = p }
    if (p == "limits" && !(w in sl)) { sl[w] = 1; lo[++nl] = w }
    split("rate p50_us p99_us max_us missing n srv_cpu_ms flushes disk_per_event pss_kib anon_kib acks_after_sync acks_after_write acked refuses mb_s secs", f, " ")
    for (i in f) { x = num(f[i]); if (x != "") v[p, w, f[i]] = v[p, w, f[i]] " " x }
}
END {
    OFS = "\t"
    print "lowest..highest run", "W1 ev/s", "W1 p99 ms", "W2 ev/s", "W2 p99 ms", "W3 ev/s", "W4 p50 ms", "W4 p99 ms", "W5 ev/s" > rng
    for (i = 1; i <= np; i++) {
        p = order[i]
        print p, range(p, "W1", "rate", "%.0f"), range(p, "W1", "p99_us", "%.2f"), range(p, "W2", "rate", "%.0f"), range(p, "W2", "p99_us", "%.2f"), \
            range(p, "W3", "rate", "%.0f"), range(p, "W4", "p50_us", "%.2f"), range(p, "W4", "p99_us", "%.2f"), range(p, "W5", "rate", "%.0f") > rng
    }
    print "peer", "ack", "mTLS", "W1 ev/s", "p50 ms", "p99 ms", "W2 ev/s", "p50 ms", "p99 ms", "srv us/ev", "W3 ev/s", "W4 p50 ms", "p99 ms", "max ms", "missing", "W5 ev/s", "narrower", "W6 B/ev", "PSS MiB", "anon MiB" > tsv
    for (i = 1; i <= np; i++) {
        p = order[i]
        s = med(p, "prove", "acks_after_sync"); a = med(p, "prove", "acked")
        fl = med(p, "W1", "flushes"); an = med(p, "W1", "n")
        ack = a > 0 && s >= 0.95 * a ? "fsync" : an > 0 && fl >= 0.95 * an && med(p, "prove", "acks_after_write") >= 0.95 * a ? "sync write" : a > 0 ? "BEFORE fsync" : "?"
        c = med(p, "W2", "n"); cpu = c > 0 ? sprintf("%.1f", med(p, "W2", "srv_cpu_ms") * 1000 / c) : "-"
        print p, ack, med(p, "mtls", "refuses") == 1 ? "required" : "NO", \
            n0(med(p, "W1", "rate")), ms(med(p, "W1", "p50_us")), ms(med(p, "W1", "p99_us")), \
            n0(med(p, "W2", "rate")), ms(med(p, "W2", "p50_us")), ms(med(p, "W2", "p99_us")), cpu, \
            n0(med(p, "W3", "rate")), ms(med(p, "W4", "p50_us")), ms(med(p, "W4", "p99_us")), ms(med(p, "W4", "max_us")), n0(med(p, "W4", "missing")), \
            n0(med(p, "W5", "rate")), n0(med(p, "W5n", "rate")), n0(med(p, "W6", "disk_per_event")), \
            (x = med(p, "W6", "pss_kib")) == "" ? "-" : n0(x / 1024), (x = med(p, "W6", "anon_kib")) == "" ? "-" : n0(x / 1024) > tsv
    }
    if (nl) {
        print "limit", "per s", "p50 us", "p99 us", "max us", "MB/s", "disk B/ev", "flushes/s" > lim
        for (i = 1; i <= nl; i++) {
            w = lo[i]
            print w, n0(med("limits", w, "rate")), (x = med("limits", w, "p50_us")) == "" ? "-" : x, (x = med("limits", w, "p99_us")) == "" ? "-" : x, (x = med("limits", w, "max_us")) == "" ? "-" : x, n0(med("limits", w, "mb_s")), n0(med("limits", w, "disk_per_event")), (med("limits", w, "p50_us") == "" ? "-" : n0(med("limits", w, "flushes") / med("limits", w, "secs"))) > lim
        }
    }
}' $FILES
[ -f "$OUT/machine.txt" ] && cat "$OUT/machine.txt"
for f in table ranges limits; do [ "$(wc -l 2>/dev/null <"$OUT/$f.tsv")" -gt 1 ] 2>/dev/null && { echo; column -t -s "$(printf '\t')" "$OUT/$f.tsv"; }; done
exit 0

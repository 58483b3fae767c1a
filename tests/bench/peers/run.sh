#!/bin/bash
# Measures durable event stores side by side. See README.md.
set -u
TOP=$(cd "$(dirname "$0")" && pwd)
PEERS="berbagi redis postgres etcd nats nats-sync"
LOADS="W1 W2 W3 W4 W5"
RUNS=3 SECS=5 EVENTS=500000 BULK=23844 LIMITS=1 KEEP=0 OUT=
TIMED=${PEERS_TIMED:-}

usage() {
    cat <<X
usage: $(basename "$0") [-p "PEER ..."] [-w "W1 W2 W3 W4 W5"] [-r RUNS] [-s SECS] [-n EVENTS] [-o OUTDIR] [-L] [-k]
  -p  drivers to run, by name (drivers/NAME.sh) or path; default: $PEERS
  -L  leave the physical limits out      -k  keep the work folder
  PEERS_TIMED="flock FILE"  is put before every timed command
X
    exit 2
}
while getopts p:w:r:s:n:o:Lkh o; do
    case $o in
        p) PEERS=$OPTARG ;; w) LOADS=$OPTARG ;; r) RUNS=$OPTARG ;; s) SECS=$OPTARG ;; n) EVENTS=$OPTARG ;;
        o) OUT=$OPTARG ;; L) LIMITS=0 ;; k) KEEP=1 ;; *) usage ;;
    esac
done

driver() { case $1 in */*) echo "$1" ;; *) echo "$TOP/drivers/$1.sh" ;; esac; }

# ---- needs: said, never installed ----
miss=
need() { command -v "$1" >/dev/null || miss="$miss $2"; }
need gcc gcc; need g++ g++; need make make; need openssl openssl; need setpriv util-linux; need column bsdextrautils
need awk gawk; need strace strace
if [ "$LIMITS" = 1 ]; then
    [ -e /usr/include/lmdb.h ] || miss="$miss liblmdb-dev"
    [ -e /usr/include/openssl/ssl.h ] || miss="$miss libssl-dev"
    need protoc protobuf-compiler; need grpc_cpp_plugin protobuf-compiler-grpc; need pkg-config pkg-config
    [ -e /usr/include/grpcpp/grpcpp.h ] || miss="$miss libgrpc++-dev"
fi
for p in $PEERS; do
    [ -x "$(driver "$p")" ] || { echo "no driver $(driver "$p")" >&2; exit 2; }
    miss="$miss $("$(driver "$p")" needs | tr '\n' ' ')"
done
miss=$(echo $miss | tr ' ' '\n' | sort -u | tr '\n' ' ')
if [ -n "${miss// /}" ]; then echo "missing Debian packages: apt-get install $miss" >&2; exit 3; fi

# ---- work folder, certificates, clients ----
WORK=$(mktemp -d) && chmod 755 "$WORK"
OUT=${OUT:-$PWD/peers-results-$(date +%Y%m%d-%H%M%S)}
mkdir -p "$OUT" || exit 1
J=$OUT/results.jsonl
: >"$J"
running=
cleanup() {
    [ -n "$running" ] && "$running" stop
    running=
    [ "$KEEP" = 1 ] && echo "kept: $WORK" || rm -rf "$WORK"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
case $(stat -f -c %T "$WORK") in tmpfs|ramfs) echo "warning: $WORK is in memory, so nothing here is durable; set TMPDIR" >&2 ;; esac

export PEER_CERTS=$WORK/certs PEER_BUILD=$WORK/build PEER_PORT PEER_PORT2 PEER_DIR
mkdir -p "$PEER_CERTS" "$PEER_BUILD"
certs() (
    cd "$PEER_CERTS" || exit 1
    printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n' >ext
    key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    openssl req -x509 $key -keyout ca.key -out ca.pem -days 7 -subj "/CN=peers throw-away CA" &&
    for n in server client; do
        [ $n = client ] && cn=bench || cn=localhost
        openssl req $key -keyout $n.key -out $n.csr -subj "/CN=$cn" &&
        openssl x509 -req -in $n.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 7 -extfile ext -out $n.pem || exit 1
    done
)
certs >"$WORK/certs.log" 2>&1 || { cat "$WORK/certs.log" >&2; exit 1; }
make -s -C "$TOP/src" B="$PEER_BUILD" "$PEER_BUILD/mkevents" || exit 1

free_port() {
    local p
    while :; do
        p=$((20000 + RANDOM % 40000))
        (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || { echo $p; return; }
    done
}
field() { sed -n "s/.*\"$1\":\(-\{0,1\}[0-9.]*\).*/\1/p" <<<"$2"; }
say() { echo "$(date +%T) $*" >&2; }

tree() { # the pids of the peer and all that descend from them
    local p all new
    all=$(cat "$PEER_DIR/pids" 2>/dev/null)
    while :; do
        new=$(for p in $all; do echo "$p"; cat "/proc/$p/task/"*/children 2>/dev/null | tr ' ' '\n'; done | grep . | sort -un)
        [ "$new" = "$all" ] && break
        all=$new
    done
    echo $all
}
cpu_ticks() { for p in $(tree); do cat "/proc/$p/stat" 2>/dev/null; done | sed 's/.*) //' | awk '{s+=$12+$13+$14+$15} END{print s+0}'; }
flushes() { # flush requests completed by the disk that holds the work folder
    awk -v d="$(stat -c '%d' "$WORK")" 'BEGIN{ma=int(d/256);mi=d%256} $1==ma && $2==mi {print $19+0}' /proc/diskstats
}
mem() { # PSS and anonymous part, KiB: shared pages are counted once
    for p in $(tree); do cat "/proc/$p/smaps_rollup" 2>/dev/null; done |
        awk '/^Pss:/{s+=$2} /^Pss_Anon:/{a+=$2} END{print s+0, a+0}'
}
disk() { du -s -B1 "$("$D" data)" | cut -f1; }

# one W RUN VERB ARGS..: a timed run; its line goes to the results with what the server and the disk did meanwhile
one() {
    local w=$1 r=$2 line c0 c1 f0 f1
    shift 2
    c0=$(cpu_ticks); f0=$(flushes)
    line=$($TIMED "$D" "$@" 2>>"$OUT/errors.log") || line=
    c1=$(cpu_ticks); f1=$(flushes)
    case $line in
        "{"*"}") ;;
        *) say "$P $w run $r FAILED (see errors.log)"; return 1 ;;
    esac
    line="{\"peer\":\"$P\",\"w\":\"$w\",\"run\":$r,${line#\{}"
    line="${line%\}},\"srv_cpu_ms\":$(( (c1 - c0) * 1000 / $(getconf CLK_TCK) )),\"flushes\":$((f1 - f0))}"
    echo "$line" >>"$J"
    say "$line"
}
put() { echo "$1" >>"$J"; say "$1"; }

launch() { # a fresh, empty server
    PEER_DIR=$WORK/$P PEER_PORT=$(free_port) PEER_PORT2=$(free_port)
    rm -rf "$PEER_DIR"
    mkdir -p "$PEER_DIR"
    chmod 755 "$PEER_DIR"
    running=$D
    "$D" start
}
halt() { "$D" stop; running=; rm -rf "$WORK/${P:?}"; }

# Is there a sync before each ack? One event in flight, the server under strace. A sync counts for an ack only when
# it ended after the server last read from a client and before it wrote to that client.
prove() {
    local t=$WORK/strace.out line n s sp
    strace -f -q -yy -s 0 -e trace=fsync,fdatasync,syncfs,msync,read,recvfrom,recvmsg,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg -o "$t" \
        $(printf -- '-p %s ' $(tree)) 2>/dev/null &
    sp=$!
    sleep 0.5
    line=$("$D" publish 1 1 1 2>>"$OUT/errors.log")
    kill -INT $sp
    wait $sp 2>/dev/null
    n=$(field n "$line")
    s=$(awk -v port=":$PEER_PORT->" -v data="$("$D" data)/" '
        { mine = index($0, port); file = index($0, data) }
        /unfinished/ { rd[$1] = mine && / (read|recvfrom|recvmsg)\(/; wr[$1] = file && / p?write(v|v2|64)?\(/ }
        / (fsync|fdatasync|syncfs|msync)\(.*= 0|<\.\.\. (fsync|fdatasync|syncfs|msync) resumed.*= 0/ { synced = 1; syncs++ }
        file && / p?write(v|v2|64)?\(.* = [1-9]/ { wrote = 1 }
        /<\.\.\. p?write(v|v2|64)? resumed.* = [1-9]/ { if (wr[$1]) wrote = 1; wr[$1] = 0 }
        mine && / (read|recvfrom|recvmsg)\(.* = [1-9]/ { synced = wrote = 0 }
        /<\.\.\. (read|recvfrom|recvmsg) resumed.* = [1-9]/ { if (rd[$1]) synced = wrote = 0; rd[$1] = 0 }
        mine && / (write|writev|sendto|sendmsg)\(/ { if (synced) good++; if (wrote) okw++; synced = wrote = 0 }
        END { printf "\"syncs\":%d,\"acks_after_sync\":%d,\"acks_after_write\":%d", syncs, good, okw }' "$t")
    put "{\"peer\":\"$P\",\"w\":\"prove\",\"acked\":${n:-0},$s}"
    [ "$KEEP" = 1 ] || rm -f "$t"
}

peer() {
    local i from step b0 b1 m
    say "== $P: $("$D" label)"
    "$D" build || { say "$P does not build"; return; }
    if launch; then
        put "{\"peer\":\"$P\",\"w\":\"label\",\"label\":\"$("$D" label)\"}"
        if PEER_NOCERT=1 "$D" ping >/dev/null 2>&1; then
            put "{\"peer\":\"$P\",\"w\":\"mtls\",\"refuses\":0}"; say "WARNING: $P lets a client in without a certificate"
        else
            put "{\"peer\":\"$P\",\"w\":\"mtls\",\"refuses\":1}"
        fi
        prove
        for w in $LOADS; do
            for i in $(seq "$RUNS"); do
                case $w in
                    W1) one W1 "$i" publish "$SECS" 1 1 ;;
                    W2) one W2 "$i" publish "$SECS" 16 64 ;;
                    W3) "$PEER_BUILD/mkevents" "$WORK/bulk.bin" $((i * 1000000)) "$BULK"
                        one W3 "$i" bulk "$WORK/bulk.bin" ;;
                    W4) one W4 "$i" live $((SECS + 3)) 1000 10 ;;
                esac || break
            done
        done
    else
        say "$P does not start"
    fi
    halt
    case " $LOADS " in *" W5 "*) ;; *) return ;; esac
    launch || { say "$P does not start again"; halt; return; }
    b0=$(disk)
    from=1 step=40000
    while [ $from -le "$EVENTS" ]; do
        [ $((from + step - 1)) -gt "$EVENTS" ] && step=$((EVENTS - from + 1))
        one fill $((from / 40000)) fill $from $step || break
        from=$((from + step))
    done
    for i in $(seq "$RUNS"); do one W5 "$i" replay "$EVENTS" || break; done
    "$D" narrows && for i in $(seq "$RUNS"); do one W5n "$i" narrow "$EVENTS" || break; done
    "$D" settle
    sleep 1
    b1=$(disk) m=$(mem)
    put "{\"peer\":\"$P\",\"w\":\"W6\",\"disk_per_event\":$(awk -v a="$b0" -v b="$b1" -v n="$EVENTS" 'BEGIN{printf "%.1f",(b-a)/n}'),\"pss_kib\":${m% *},\"anon_kib\":${m#* }}"
    halt
}

limits() {
    local l=$PEER_BUILD/limits d=$WORK/limits P=limits
    say "== physical limits"
    make -s -C "$TOP/src" B="$PEER_BUILD" "$l" "$PEER_BUILD/grpc_floor" || return
    lim() { # NAME CMD...
        local name=$1 i line f0
        shift
        for i in $(seq "$RUNS"); do
            rm -rf "$d"; mkdir -p "$d"
            f0=$(flushes)
            line=$($TIMED "$@" 2>>"$OUT/errors.log") || { say "$name FAILED"; return; }
            line=${line#\{}
            put "{\"peer\":\"limits\",\"w\":\"$name\",\"run\":$i,${line%\}},\"flushes\":$(( $(flushes) - f0 ))}"
        done
        rm -rf "$d"
    }
    lim "4 KiB pwrite+fdatasync" "$l" fsync "$d" 3
    lim "LMDB 1 put/commit" "$l" lmdb "$d" 1 3
    lim "LMDB 64 puts/commit" "$l" lmdb "$d" 64 3
    lim "LMDB 1000 puts/commit" "$l" lmdb "$d" 1000 3
    lim "LMDB cursor scan" "$l" scan "$d" "$EVENTS"
    lim "TLS 1.3 AES-128-GCM 16 KiB records" "$l" tls 16384 2
    PEER_SUITE=TLS_AES_256_GCM_SHA384 lim "TLS 1.3 AES-256-GCM 16 KiB records" "$l" tls 16384 2
    lim "TLS 1.3 300 B records" "$l" tls 300 2
    lim "TLS 1.3 300 B ping-pong" "$l" tlsrtt 2
    lim "gRPC C++ mTLS unary, 1 in flight" "$PEER_BUILD/grpc_floor" unary 1 1 3
    lim "gRPC C++ mTLS unary, 64 in flight, 16 conns" "$PEER_BUILD/grpc_floor" unary 16 64 3
    lim "gRPC C++ mTLS bidi stream, 1 in flight" "$PEER_BUILD/grpc_floor" bidi 1 3
    lim "gRPC C++ mTLS bidi stream, 64 in flight" "$PEER_BUILD/grpc_floor" bidi 64 3
    lim "gRPC C++ mTLS server stream of 300 B messages" "$PEER_BUILD/grpc_floor" push 1 3
    lim "gRPC C++ mTLS server stream of 100 x 300 B messages" "$PEER_BUILD/grpc_floor" push 100 3
}

{
    echo "date: $(date -u +%F)   kernel: $(uname -r)   cores: $(nproc)   memory: $(awk '/MemTotal/{printf "%.0f GiB",$2/1048576}' /proc/meminfo)"
    echo "cpu: $(sed -n 's/model name.*: //p' /proc/cpuinfo | head -1)   file system: $(stat -f -c %T "$WORK")   clients and server share the cores, nothing pinned"
} >"$OUT/machine.txt"
[ "$LIMITS" = 1 ] && limits
for P in $PEERS; do
    D=$(driver "$P")
    P=$(basename "$P" .sh)
    peer
done
"$TOP/table.sh" "$OUT"

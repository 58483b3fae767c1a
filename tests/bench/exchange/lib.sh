# Sourced: an exchange of its own for a benchmark, with the sample's policy and an agreement for the bench types.
#     exchange_build             builds what is needed, into build/release
#     exchange_prepare DIR       certificates and policy, into DIR
#     exchange_start DIR PORT    serves DIR/data (port 0: a free one); sets BENCH_SERVER, EXCHANGE_PID
#     exchange_stop DIR
# Binaries: BERBAGI_BIN, or build/release/bin.

EXCHANGE_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
EXCHANGE_BIN=${BERBAGI_BIN:-$EXCHANGE_ROOT/build/release/bin}
EXCHANGE_SCHEMA=$EXCHANGE_BIN/../bench.binpb
BENCH_CLIENT=$EXCHANGE_BIN/bench_client

exchange_build() {
    [ -n "${BERBAGI_BIN:-}" ] && return 0
    (cd "$EXCHANGE_ROOT" && { [ -e build/release/build.ninja ] || cmake --preset release; } &&
        cmake --build build/release --target berbagid berbagi berbagi-ca bench_client bench_schema bench_sequencer) >&2
}

exchange_policy() { # DIR
    local here=$EXCHANGE_ROOT/tests/bench/exchange
    cp -r "$EXCHANGE_ROOT/deploy/policy" "$1" &&
        cat "$here/agencies.yaml" >>"$1/agencies.yaml" &&
        cat "$here/ceilings.yaml" >>"$1/ceilings.yaml" &&
        cp "$here/agreement.yaml" "$1/agreements/mou-bench.yaml"
}

exchange_issue() { # DIR NAME OPTION...
    "$EXCHANGE_BIN/berbagi-ca" issue --dir "$1/ca" "${@:3}" --key "$1/$2.key" --out "$1/$2.pem"
}

exchange_identities() { # DIR
    "$EXCHANGE_BIN/berbagi-ca" init --dir "$1/ca" --trust-domain berbagi.example --development --no-passphrase &&
        exchange_issue "$1" server --server exchange --dns localhost --dns 127.0.0.1 &&
        exchange_issue "$1" admin --operator admin &&
        exchange_issue "$1" hub.bench --agency hub.bench &&
        exchange_issue "$1" hub.narrow --agency hub.narrow &&
        cp "$1/ca/ca.pem" "$1/ca.pem"
}

exchange_prepare() { # DIR
    mkdir -p "$1"
    { exchange_identities "$1" && exchange_policy "$1/policy"; } >"$1/prepare.log" 2>&1 || { cat "$1/prepare.log" >&2; return 1; }
}

exchange_apply() { # DIR
    "$EXCHANGE_BIN/berbagi" policy apply --yes --schema "$EXCHANGE_SCHEMA" --server "$BENCH_SERVER" --ca "$1/ca.pem" \
        --cert "$1/admin.pem" --key "$1/admin.key" "$1/policy" >"$1/apply.log" 2>&1 || { cat "$1/apply.log" >&2; return 1; }
}

exchange_start() { # DIR PORT
    local ready
    ready=$1/ready.$RANDOM
    "$EXCHANGE_BIN/berbagid" --data "$1/data" --listen "127.0.0.1:$2" --cert "$1/server.pem" --key "$1/server.key" \
        --ca "$1/ca.pem" --operator admin --schema "$EXCHANGE_SCHEMA" >"$ready" 2>>"$1/log" </dev/null &
    EXCHANGE_PID=$!
    for _ in $(seq 300); do
        grep -q ^ready "$ready" && break
        [ -e "/proc/$EXCHANGE_PID" ] || break
        sleep 0.1
    done
    export BENCH_FILES=$1
    BENCH_SERVER=$(sed -n 's/^ready //p' "$ready")
    export BENCH_SERVER
    rm -f "$ready"
    [ -n "$BENCH_SERVER" ] || { EXCHANGE_PID=; tail -5 "$1/log" >&2; return 1; }
}

exchange_stop() {
    kill "$EXCHANGE_PID" && wait "$EXCHANGE_PID"
}

# --- what the scripts share ---

# bench_size DEFAULT "$@": the one argument, a number; --help prints the head of the script.
bench_size() {
    case ${2:-} in
        "") echo "$1" ;;
        -h|--help) sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
        *[!0-9]*) echo "$0: $2 is no number" >&2; exit 2 ;;
        *) echo "$2" ;;
    esac
}

# A folder that goes at the end, with the server in it.
bench_folder() {
    FOLDER=$(mktemp -d) || exit 1
    EXCHANGE_PID=
    trap 'bench_cleanup' EXIT
    trap 'exit 130' INT TERM
}
bench_cleanup() {
    [ -z "$EXCHANGE_PID" ] || exchange_stop
    rm -rf "$FOLDER"
}

bench_exchange() { # a fresh exchange in a fresh folder
    exchange_build && bench_folder && exchange_prepare "$FOLDER" && exchange_start "$FOLDER" 0 && exchange_apply "$FOLDER"
}

field() { sed -n "s/.*\"$1\":\(-\{0,1\}[0-9.]*\).*/\1/p"; }

# verdict VALUE OP TARGET WORDS: says whether the target was met
verdict() {
    awk -v v="$1" -v op="$2" -v t="$3" -v w="$4" 'BEGIN { ok = op == "<" ? v < t : v >= t; printf "%s: %s, target %s %s: %s\n", w, v, op == "<" ? "below" : "at least", t, ok ? "met" : "MISSED" }'
}

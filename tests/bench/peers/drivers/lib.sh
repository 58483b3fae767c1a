# Sourced by the drivers. A driver defines the functions it needs and ends with:  dispatch "$@"
set -u
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SRC=$HERE/../src

# have CMD PACKAGE / header FILE PACKAGE: print the Debian package when the thing is missing
have()   { command -v "$1" >/dev/null 2>&1 || echo "$2"; }
header() { [ -e "/usr/include/$1" ] || [ -e "/usr/include/$(uname -m)-linux-gnu/$1" ] || echo "$2"; }

# spawn CMD...: start a server in the background, remember its pid
spawn() {
    "$@" >>"$PEER_DIR/log" 2>&1 </dev/null &
    echo $! >>"$PEER_DIR/pids"
}

# answers CMD...: wait up to 15 s until CMD succeeds
answers() {
    local i
    for i in $(seq 150); do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.1
    done
    echo "server does not answer; the end of its log:" >&2
    tail -5 "$PEER_DIR/log" >&2
    return 1
}

stop_pids() { # by pid only, gently first
    local p i
    [ -f "$PEER_DIR/pids" ] || return 0
    for p in $(cat "$PEER_DIR/pids"); do
        kill "-${STOP_SIGNAL:-TERM}" "$p" 2>/dev/null || continue
        for i in $(seq 100); do kill -0 "$p" 2>/dev/null || break; sleep 0.1; done
        kill -KILL "$p" 2>/dev/null
    done
    rm -f "$PEER_DIR/pids"
}

# defaults that a driver may override by defining the function itself
declare -F stop   >/dev/null || stop()   { stop_pids; }
declare -F settle >/dev/null || settle() { :; }
declare -F data   >/dev/null || data()   { echo "$PEER_DIR/data"; }
declare -F narrows >/dev/null || narrows() { false; }
dispatch() {
    local verb=$1
    shift
    case $verb in
        label|needs|build|start|stop|ping|publish|bulk|fill|live|replay|narrows|narrow|settle|data) "$verb" "$@" ;;
        *) echo "unknown verb $verb" >&2; return 2 ;;
    esac
}

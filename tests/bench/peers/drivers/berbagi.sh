#!/bin/bash
# The exchange of this project: libberbagi and the public contract, validation, checksums and the sample's policy as always. It
# makes certificates of its own, because identity is what its own authority put into them.
. "$(dirname "$0")/lib.sh"
. "$HERE/../../exchange/lib.sh"
export BENCH_SERVER=127.0.0.1:${PEER_PORT:-} BENCH_FILES=${PEER_DIR:-}
label() { echo "Berbagi (mutual TLS, policy of 21 agreements, one flush before the answer)"; }
needs() { have cmake cmake; have ninja ninja-build; have protoc protobuf-compiler; header grpc/grpc.h libgrpc-dev; }
build() { exchange_build; }
start() {
    exchange_prepare "$PEER_DIR" && exchange_start "$PEER_DIR" "$PEER_PORT" && echo "$EXCHANGE_PID" >"$PEER_DIR/pids" &&
        exchange_apply "$PEER_DIR"
}
# Without a certificate the server ends the handshake; asked with OpenSSL, because libberbagi does not even try.
ping() {
    [ -n "${PEER_NOCERT:-}" ] || { "$BENCH_CLIENT" ping; return; }
    { printf 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0'; sleep 1; } |
        openssl s_client -connect "$BENCH_SERVER" -alpn h2 -CAfile "$BENCH_FILES/ca.pem" -verify_return_error -quiet -no_ign_eof
}
publish() { "$BENCH_CLIENT" publish "$@"; }
bulk()    { "$BENCH_CLIENT" bulk "$1"; }
fill()    { "$BENCH_CLIENT" fill "$@"; }
live()    { "$BENCH_CLIENT" live "$@"; }
replay()  { "$BENCH_CLIENT" replay "$1"; }
narrows() { :; }
narrow()  { "$BENCH_CLIENT" narrow "$1"; }
dispatch "$@"

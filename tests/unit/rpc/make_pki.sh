#!/bin/sh
# Makes in folder $1 the certificates the tests of rpc need, with $2 as the arc of the policies a CA carries.
set -eu
cd "$1"
arc=$2
umask 077

cat > openssl.cnf <<CNF
[req]
distinguished_name = name
prompt = no
[name]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
certificatePolicies = $arc.1,$arc.2,$arc.3
[ca]
default_ca = db
[db]
database = index.txt
default_md = sha256
default_crl_days = 1
unique_subject = no
CNF
: > index.txt

authority() { # name
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config openssl.cnf \
        -extensions authority -subj "/CN=$1" -days 10 -keyout "$1.key" -out "$1.pem"
}

leaf() { # name, CA, extended key usage, subject alternative names
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config openssl.cnf \
        -subj "/CN=$1" -keyout "$1.key" -out "$1.csr"
    cat > "$1.ext" <<CNF
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = $3
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = $4
CNF
    openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 5 \
        -extfile "$1.ext" -out "$1.pem"
}

crl() { # name
    openssl ca -config openssl.cnf -gencrl -cert ca.pem -keyfile ca.key -out "$1"
}

spiffe=URI:spiffe://exchange.test
authority ca
authority other
leaf server ca serverAuth "$spiffe/server/one,DNS:localhost,IP:127.0.0.1"
leaf server2 ca serverAuth "$spiffe/server/two,DNS:localhost,IP:127.0.0.1"
leaf agency ca clientAuth "$spiffe/agency/kab.18.07"
leaf agency_next ca clientAuth "$spiffe/agency/kab.18.07"
leaf agency2 ca clientAuth "$spiffe/agency/kl.kp2mi"
leaf operator ca clientAuth "$spiffe/operator/dewi"
leaf two_uris ca clientAuth "$spiffe/agency/kab.18.07,$spiffe/agency/kl.kp2mi"
leaf elsewhere ca clientAuth "URI:spiffe://other.test/agency/kab.18.07"
leaf server_caller ca "clientAuth,serverAuth" "$spiffe/server/one"
leaf stranger other clientAuth "$spiffe/agency/kab.18.07"
crl crl_empty.pem
openssl ca -config openssl.cnf -revoke agency.pem -cert ca.pem -keyfile ca.key
crl crl_revoked.pem

#!/bin/sh
# Makes the PEM files of this directory anew. THEY ARE FOR TESTS ONLY: their keys are published with the source code.
# Each is what a node has in its configuration: its certificate, its key, and the CAs that it trusts. (gencert.pem is the
# work of `aemp gencert`, taken out of the configuration file.)
set -eu
cd "$(dirname "$0")"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cat > "$tmp/cnf" <<C
[ca]
default_ca = x
[x]
database = $tmp/index
new_certs_dir = $tmp
rand_serial = yes
default_md = sha256
policy = p
unique_subject = no
[p]
commonName = supplied
[stock]
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always,issuer
basicConstraints = critical,CA:true
[intermediate]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign
[client_only]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
subjectAltName = DNS:somewhere.example
[odd]
1.2.3.4 = critical,ASN1:NULL
C
: > "$tmp/index"
from=20200101000000Z until=21200101000000Z

mark() { echo "TEST KEY, PUBLISHED WITH THE SOURCE CODE: never trust it. Made by make.sh."; cat "$@"; }
# key KIND: a new key at $tmp/key.
key() {
  case $1 in
    rsa:*) openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:"${1#rsa:}" -out "$tmp/key" 2>/dev/null ;;
    ed25519) openssl genpkey -algorithm ed25519 -out "$tmp/key" ;;
    *) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:"$1" -out "$tmp/key" ;;
  esac
}
# issue NAME ISSUER [SECTION]: a certificate for $tmp/key at $tmp/crt; the issuer `self` is itself. Without a section it has
# no extensions and is of version 1, as `openssl x509 -req` makes it by default up to 3.0.
issue() {
  openssl req -new -key "$tmp/key" -subj "/CN=$1" -out "$tmp/csr"
  if [ "$2" = self ]; then by="-selfsign -keyfile $tmp/key"; else by="-cert $tmp/$2.crt -keyfile $tmp/$2.key"; fi
  openssl ca -batch -notext -config "$tmp/cnf" -in "$tmp/csr" $by -startdate "$from" -enddate "$until" \
    ${3:+-extensions "$3"} -out "$tmp/crt" 2>"$tmp/log" || { cat "$tmp/log"; exit 1; }
}
keep() { cp "$tmp/key" "$tmp/$1.key"; cp "$tmp/crt" "$tmp/$1.crt"; }

# The stock certificate of AnyEvent::MP, as `openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=AnyEvent::MP` makes it; twice,
# with the same subject and other keys.
for name in stock stock-other; do
  key rsa:2048; issue AnyEvent::MP self stock; mark "$tmp/crt" "$tmp/key" > $name.pem
done
# Self-signed ones of other kinds.
key P-256; issue P-256 self stock; mark "$tmp/crt" "$tmp/key" > ec-p256.pem
key P-384; issue P-384 self stock; mark "$tmp/crt" "$tmp/key" > ec-p384.pem
key ed25519
sed -i 's/^default_md.*/default_md = default/' "$tmp/cnf"
issue ed25519 self stock; mark "$tmp/crt" "$tmp/key" > ed25519.pem
sed -i 's/^default_md.*/default_md = sha256/' "$tmp/cnf"
key rsa:1024; issue weak self stock; mark "$tmp/crt" "$tmp/key" > rsa-1024.pem
# Keys as older programs write them, PKCS #1 and SEC 1; and one with a passphrase.
key rsa:2048; issue old self stock
openssl rsa -traditional -in "$tmp/key" -out "$tmp/old" 2>/dev/null; mark "$tmp/crt" "$tmp/old" > rsa-pkcs1.pem
openssl rsa -aes128 -passout pass:x -in "$tmp/key" -out "$tmp/old" 2>/dev/null; mark "$tmp/crt" "$tmp/old" > encrypted.pem
openssl ecparam -name prime256v1 -genkey -out "$tmp/key"; issue old-ec self stock; mark "$tmp/key" "$tmp/crt" > ec-sec1.pem
# Two leaves of one CA, in any order with their keys and the CA.
key P-256; issue ca self stock; keep ca
key rsa:2048; issue node-one ca; mark "$tmp/crt" "$tmp/key" "$tmp/ca.crt" > leaf-one.pem
key P-256; issue node-two ca client_only; keep two; mark "$tmp/key" "$tmp/ca.crt" "$tmp/crt" > leaf-two.pem
# One that is a CA itself, as `openssl req -x509 -CA` makes it.
key P-256; issue node-ca ca stock; mark "$tmp/crt" "$tmp/key" "$tmp/ca.crt" > leaf-ca.pem
# One behind an intermediate CA that its own PEM alone has, and one of another leaf, which is no CA.
key P-256; issue intermediate ca intermediate; keep int
key P-256; issue node-deep int; mark "$tmp/crt" "$tmp/key" "$tmp/int.crt" "$tmp/ca.crt" > leaf-deep.pem
key P-256; issue node-false two; mark "$tmp/crt" "$tmp/key" "$tmp/two.crt" "$tmp/ca.crt" > leaf-of-leaf.pem
# Against pathlen:0, one more intermediate CA below.
key P-256; issue below int intermediate; keep low
key P-256; issue node-low low; mark "$tmp/crt" "$tmp/key" "$tmp/low.crt" "$tmp/int.crt" "$tmp/ca.crt" > leaf-too-deep.pem
# A leaf of another CA with the same name.
key P-256; issue ca self stock; keep ca2
key rsa:2048; issue node-one ca2; mark "$tmp/crt" "$tmp/key" "$tmp/ca2.crt" > leaf-other-ca.pem
# A leaf with a critical extension that nobody knows.
key P-256; issue node-odd ca odd; mark "$tmp/crt" "$tmp/key" "$tmp/ca.crt" > leaf-critical.pem
# Out of time.
from=20000101000000Z until=20010203040506Z
key P-256; issue late self stock; mark "$tmp/crt" "$tmp/key" > expired.pem
key P-256; issue late ca; mark "$tmp/crt" "$tmp/key" "$tmp/ca.crt" > leaf-expired.pem
from=20900101000000Z until=21000101000000Z
key P-256; issue early self stock; mark "$tmp/crt" "$tmp/key" > not-yet.pem

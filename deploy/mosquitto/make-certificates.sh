#!/bin/sh
# Make an authority, a broker's certificate and, for each further name, a device's.
#   make-certificates.sh FOLDER BROKER [DEVICE...]
# BROKER is the name or address that devices connect to. What is there already is kept.
# Copy ca.pem to each device (broker.ca_file), and where the broker asks for certificates
# also DEVICE.pem and DEVICE.key (broker.cert_file, broker.key_file). ca.key stays secret.
set -eu
umask 077

if [ $# -lt 2 ]; then
    echo "usage: $0 FOLDER BROKER [DEVICE...]" >&2
    exit 2
fi
folder=$1 broker=$2
shift 2
mkdir -p "$folder"
cd "$folder"

case $broker in
    *[!0-9.]*) name="DNS:$broker" ;;
    *) name="IP:$broker" ;;
esac

# sign FILE COMMON-NAME EXTENSIONS: a key and a certificate of the authority's.
sign() {
    if [ -e "$1.pem" ]; then
        echo "kept $folder/$1.pem"
        return
    fi
    openssl req -new -newkey rsa:2048 -nodes -subj "/CN=$2" -keyout "$1.key" -out "$1.csr" \
        2>/dev/null
    printf '%s\n' "basicConstraints=CA:FALSE" "subjectKeyIdentifier=hash" \
        "authorityKeyIdentifier=keyid" "$3" > "$1.ext"
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 825 \
        -extfile "$1.ext" -out "$1.pem" 2>/dev/null
    rm "$1.csr" "$1.ext"
    chmod 644 "$1.pem"
    echo "made $folder/$1.pem"
}

if [ ! -e ca.pem ]; then
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=edgeward authority" \
        -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign" \
        -keyout ca.key -out ca.pem 2>/dev/null
    chmod 644 ca.pem
    echo "made $folder/ca.pem"
fi
sign broker "$broker" "subjectAltName=$name
extendedKeyUsage=serverAuth"
for device in "$@"; do
    sign "$device" "$device" "extendedKeyUsage=clientAuth"
done

#!/bin/sh
# What the tests need from the system: a mosquitto broker. Installs it where that is
# possible without asking for a password, and otherwise says what to install. With it, where
# it can, what some tests use and are skipped without: mosquitto's clients, and shellcheck.
set -eu

PATH="$PATH:/usr/sbin:/usr/local/sbin"
needed="" useful=""
command -v mosquitto >/dev/null || needed="mosquitto"
command -v mosquitto_pub >/dev/null || useful="$useful mosquitto-clients"
command -v shellcheck >/dev/null || useful="$useful shellcheck"
if [ -z "$needed$useful" ]; then
    exit 0
fi

if [ "$(id -u)" -eq 0 ]; then
    as_root=""
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root="sudo"
else
    as_root="none"
fi

# Not to be started as a service: the tests run brokers of their own on free ports.
installed() {
    # shellcheck disable=SC2086  # a list of words
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $1
}

if [ "$as_root" != none ] && command -v apt-get >/dev/null; then
    # A machine without a network is not to wait for one.
    if $as_root apt-get update -qq -o Acquire::Retries=0 -o Acquire::http::Timeout=30; then
        [ -z "$needed" ] || installed "$needed"
        [ -z "$useful" ] || installed "$useful" || echo "Not installed, so some tests are skipped:$useful" >&2
        exit 0
    fi
fi

if [ -z "$needed" ]; then
    echo "Some tests are skipped without the packages:$useful" >&2
    exit 0
fi
echo "The tests need the mosquitto broker. Install it and run again:" >&2
echo "  Debian, Ubuntu, Raspberry Pi OS:  sudo apt-get install mosquitto" >&2
echo "  Fedora:                           sudo dnf install mosquitto" >&2
echo "  macOS:                            brew install mosquitto" >&2
exit 1

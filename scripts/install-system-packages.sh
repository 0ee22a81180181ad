#!/bin/sh
# What the tests need from the system: a mosquitto broker. Installs it where that is
# possible without asking for a password, and otherwise says what to install.
set -eu

PATH="$PATH:/usr/sbin:/usr/local/sbin"
if command -v mosquitto >/dev/null; then
    exit 0
fi

if [ "$(id -u)" -eq 0 ]; then
    as_root=""
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root="sudo"
else
    as_root="none"
fi

if [ "$as_root" != none ] && command -v apt-get >/dev/null; then
    $as_root apt-get update -qq
    # Not to be started as a service: the tests run brokers of their own on free ports.
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mosquitto
    exit 0
fi

echo "The tests need the mosquitto broker. Install it and run again:" >&2
echo "  Debian, Ubuntu, Raspberry Pi OS:  sudo apt-get install mosquitto" >&2
echo "  Fedora:                           sudo dnf install mosquitto" >&2
echo "  macOS:                            brew install mosquitto" >&2
exit 1

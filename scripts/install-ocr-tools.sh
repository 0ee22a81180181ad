#!/bin/sh
# What `benchmarks/ocr.py` compares with, and the fonts that the recipes of texts are trained
# with (the file named, recipes/fonts.txt). Installs them where that is possible without asking
# for a password, and otherwise says what to install.
set -eu

packages="tesseract-ocr tesseract-ocr-eng $(grep -v '^#' "$1" | tr '\n' ' ')"

if [ "$(id -u)" -eq 0 ]; then
    as_root=""
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root="sudo"
else
    as_root="none"
fi

if [ "$as_root" != none ] && command -v apt-get >/dev/null; then
    $as_root apt-get update -qq
    # What there is of them: an older or newer system has not all of these fonts.
    # shellcheck disable=SC2086  # a list of words
    known=$(apt-cache show $packages 2>/dev/null | sed -n 's/^Package: //p')
    found=""
    for package in $packages; do
        if echo "$known" | grep -qx "$package"; then
            found="$found $package"
        else
            echo "not among this system's packages, left out: $package" >&2
        fi
    done
    # shellcheck disable=SC2086  # a list of words
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends $found
    exit 0
fi

echo "On Debian, Ubuntu and Raspberry Pi OS, as root:" >&2
echo "  apt-get install --no-install-recommends $packages" >&2
exit 1

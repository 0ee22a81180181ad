#!/bin/bash
# The agent beside a real Home Assistant: `make test-home-assistant`.
# Its core, in a Debian 13 with Python 3.13, a real broker, and the device's entities as its
# WebSocket API tells them. As root on a Debian of any kind; skipped with a word elsewhere.
#   scripts/test_home_assistant.sh [pytest's arguments ...]
# shellcheck disable=SC2016  # another shell's variables
set -euo pipefail
cd "$(dirname "$0")/.."

WORK=${EDGEWARD_HOME_ASSISTANT_DIR:-build/home-assistant}
HOST_PYTHON=${HOST_PYTHON:-$PWD/.venv/bin/python}
# Some of what it needs comes as source only.
SYSTEM=ca-certificates,g++,gcc,libc6-dev,python3,python3-dev,python3-venv,tzdata

skip() { echo "test-home-assistant: skipped: $*"; exit 0; }

[ "$(id -u)" -eq 0 ] || skip "needs root, to make and enter another system's files"
[ -e /etc/debian_version ] || skip "needs a Debian of any kind"
command -v mmdebstrap >/dev/null ||
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        mmdebstrap >/dev/null || skip "needs the system's package mmdebstrap"
MIRROR=$(apt-get indextargets 'Origin: Debian' --format '$(REPO_URI)' | grep -v security | head -n 1)
[ -n "$MIRROR" ] || skip "needs Debian's packages among the sources of apt"

ROOT=$(realpath -m "$WORK")

enter() {
    # A private view of mounts, so that nothing stays mounted however this ends.
    unshare --mount sh -c '
        mount --make-rprivate / && mount --rbind /dev "$0/dev" && mount --rbind /proc "$0/proc"
        exec env -i PATH=/usr/bin:/usr/sbin HOME=/root LANG=C.UTF-8 chroot "$0" "$@"
    ' "$ROOT" "$@"
}

# Made once; `rm -r build/home-assistant` makes it anew.
if [ ! -e "$ROOT/.made" ]; then
    echo "test-home-assistant: making a Debian with Home Assistant in $ROOT (1.4 GB)"
    rm -rf "$ROOT"
    mkdir -p "$ROOT"
    mmdebstrap --quiet --variant=minbase --include="$SYSTEM" trixie "$ROOT" \
        "deb $MIRROR trixie main" || skip "its Debian cannot be made here: no network?"
    # This machine's way to the network, and whom it trusts there.
    for file in /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt; do
        [ ! -e "$file" ] || cp -L "$file" "$ROOT$file"
    done
    cp constraints-home-assistant.txt "$ROOT/srv/constraints.txt"
    enter /usr/bin/python3 -m venv /opt/ha
    enter /opt/ha/bin/pip install -q --disable-pip-version-check --no-cache-dir \
        --cert /etc/ssl/certs/ca-certificates.crt -r /srv/constraints.txt ||
        skip "its packages cannot be fetched: no network?"
    touch "$ROOT/.made"
fi

EDGEWARD_HOME_ASSISTANT=$ROOT "$HOST_PYTHON" -m pytest -p no:cacheprovider \
    tests/home_assistant "$@"

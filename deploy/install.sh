#!/bin/sh
# Installs edgeward-agent as a service, or brings an installed one up to date; as root:
#   sudo deploy/install.sh
# It may be run again at any time: what is there is kept or renewed, never doubled.
# docs/howto/deploy.md says what it does and why.
set -eu
# The service is another user, who must be able to read what is installed.
umask 022

HERE=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
PREFIX=/opt/edgeward
UNIT=edgeward-agent.service
# Where the files go, for whoever prepares an image or tries the installer: nothing of the
# running system is touched then.
ROOT=""
WHEEL=""
PYTHON=""
RUNTIME=auto
CONSTRAINTS=""
START=yes
ACTION=install
PURGE=no

usage() {
    cat <<EOF
usage: install.sh [options]
  --wheel FILE        edgeward-*.whl; default: beside this script, in ../dist, or the package index
  --python PYTHON     the Python to use, 3.11 or newer; default: the system's
  --runtime NAME      ai-edge-litert or tflite-runtime; default: by the processor and Python
  --constraints FILE  the versions to install; default: the tested ones, of the files beside this
                      script; none: the newest that the wheel lets in
  --no-start          neither enable nor start the service
  --root DIR          install below DIR instead of the running system
  --uninstall         remove it; configuration and state stay
  --purge             with --uninstall: those too
EOF
}

say() { printf '%s\n' "$*"; }
die() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }

while [ $# -gt 0 ]; do
    case $1 in
        --wheel | --python | --runtime | --constraints | --root)
            [ $# -ge 2 ] || die "$1: expected a value"
            case $1 in
                --wheel) WHEEL=$2 ;;
                --python) PYTHON=$2 ;;
                --runtime) RUNTIME=$2 ;;
                --constraints) CONSTRAINTS=$2 ;;
                --root) ROOT=$2 ;;
            esac
            shift 2
            ;;
        --no-start) START=no; shift ;;
        --uninstall) ACTION=uninstall; shift ;;
        --purge) PURGE=yes; shift ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
done

VENV=$ROOT$PREFIX
# Written before anything else there, and asked for before anything is removed.
MARK=$VENV/.edgeward

# --- the system ---------------------------------------------------------------------------

live() { [ -z "$ROOT" ] && command -v systemctl >/dev/null && [ -d /run/systemd/system ]; }

as_root() {
    [ -n "$ROOT" ] || [ "$(id -u)" -eq 0 ] || die "expected to be run as root: sudo $0"
}

apt_get_install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

apt_install() {
    if [ -z "$ROOT" ] && command -v apt-get >/dev/null; then
        say "installing the system's packages: $*"
        # An image fresh from its maker has no package lists, or ones of long ago.
        apt_get_install "$@" 2>/dev/null || {
            apt-get update -qq >/dev/null
            apt_get_install "$@"
        }
    else
        die "expected the system's packages $*: install them and run this again"
    fi
}

# --- Python and the runtime ---------------------------------------------------------------

python_says() { "$PYTHON" -c "$1"; }

find_python() {
    if [ -z "$PYTHON" ]; then
        for name in python3 python3.13 python3.12 python3.11; do
            command -v "$name" >/dev/null || continue
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || continue
            PYTHON=$name
            break
        done
    fi
    [ -n "$PYTHON" ] || die "expected Python 3.11 or newer, found none: a newer system has it"
    python_says 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die "expected Python 3.11 or newer, found $("$PYTHON" --version)"
    python_says 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
}

# By the width of a pointer, not by the kernel's word: Raspberry Pi OS 32-bit runs under a
# 64-bit kernel on boards that can, and wheels go by the former.
choose_runtime() {
    BITS=$(python_says 'import struct; print(struct.calcsize("P") * 8)')
    OLD=$(python_says 'import sys; print("yes" if sys.version_info < (3, 12) else "no")')
    case $RUNTIME in
        auto) if [ "$BITS" = 32 ]; then RUNTIME=tflite-runtime; else RUNTIME=ai-edge-litert; fi ;;
        ai-edge-litert) [ "$BITS" = 64 ] || die "ai-edge-litert is made for 64-bit systems only" ;;
        tflite-runtime) ;;
        *) die "--runtime: expected ai-edge-litert or tflite-runtime, found $RUNTIME" ;;
    esac
    if [ "$RUNTIME" = tflite-runtime ] && [ "$OLD" = no ]; then
        die "tflite-runtime is made up to Python 3.11, found $("$PYTHON" --version): \
use a 64-bit system, or one with Python 3.11"
    fi
}

# The system's packages are let in where there is something that pip has not: Picamera2, and
# on 32 bits numpy and OpenCV.
choose_site_packages() {
    SITE=""
    if [ "$BITS" = 32 ]; then
        python_says 'import cv2, numpy' 2>/dev/null || apt_install python3-numpy python3-opencv
        SITE=--system-site-packages
    elif python_says 'import picamera2' 2>/dev/null; then
        SITE=--system-site-packages
    fi
    # What was compiled against numpy 1 does not load beside numpy 2.
    NUMPY=numpy
    if [ -n "$SITE" ] &&
        [ "$(python_says 'import numpy; print(numpy.__version__[0])' 2>/dev/null)" = 1 ]; then
        NUMPY='numpy<2'
    fi
}

# What was tested is what is installed, and stays it when this is run again.
choose_versions() {
    if [ -z "$CONSTRAINTS" ]; then
        CONSTRAINTS=$HERE/constraints.txt
        if [ "$NUMPY" != numpy ] || [ "$RUNTIME" = tflite-runtime ]; then
            CONSTRAINTS=$HERE/constraints-numpy1.txt
        fi
    fi
    [ "$CONSTRAINTS" != none ] || return 0
    [ -f "$CONSTRAINTS" ] ||
        die "$CONSTRAINTS: expected the versions to install, found nothing: copy the whole folder \
deploy, or --constraints none"
}

find_wheel() {
    if [ -n "$WHEEL" ]; then
        [ -f "$WHEEL" ] || die "$WHEEL: expected edgeward-*.whl, found nothing"
        return
    fi
    for folder in "$HERE" "$HERE/../dist"; do
        for file in "$folder"/edgeward-*.whl; do
            [ -f "$file" ] || continue
            [ -z "$WHEEL" ] || die "$folder: expected one edgeward-*.whl, found several: --wheel"
            WHEEL=$file
        done
        [ -z "$WHEEL" ] || return 0
    done
}

# --- the steps ----------------------------------------------------------------------------

make_venv() {
    [ ! -e "$VENV" ] || [ -e "$MARK" ] ||
        die "$VENV: expected nothing or an earlier install, found something else"
    mkdir -p "$VENV"
    : >"$MARK"
    # One of another Python (after an upgrade of the system), or with other site packages, is
    # made anew; the same one is kept.
    wanted="$(python_says 'import sys; print(sys.executable, sys.version)') $SITE"
    if [ "$(cat "$MARK.python" 2>/dev/null)" != "$wanted" ] || [ ! -x "$VENV/bin/python" ]; then
        say "making a Python environment in $VENV"
        # Not by venv --clear, which takes the mark too: whatever fails from here on, the folder
        # is known for ours, and the next run makes it anew.
        find "$VENV/" -mindepth 1 -maxdepth 1 ! -name "${MARK##*/}" -exec rm -rf {} +
        # shellcheck disable=SC2086  # no option, or one
        "$PYTHON" -m venv $SITE "$VENV"
        # Python 3.11 puts 10 MB of it there, and nothing here asks for it.
        "$VENV/bin/python" -m pip --disable-pip-version-check uninstall -q -y setuptools 2>/dev/null
        printf '%s\n' "$wanted" >"$MARK.python"
    fi
}

pip_install() {
    if [ "$CONSTRAINTS" != none ]; then
        set -- -c "$CONSTRAINTS" "$@"
    fi
    # All that is needed is there then: nothing is fetched.
    if [ -d "$HERE/wheels" ]; then
        set -- --no-index "--find-links=$HERE/wheels" "$@"
    fi
    "$VENV/bin/python" -m pip --disable-pip-version-check install -q --upgrade "$@"
}

install_packages() {
    package=${WHEEL:-edgeward}
    say "installing $package with $RUNTIME"
    if [ "$BITS" = 32 ]; then
        # Its declared dependencies go by the kernel's word; numpy and OpenCV are the system's.
        pip_install --no-deps --force-reinstall "$package"
        pip_install 'paho-mqtt>=2.1,<3'
        # A wheel where the system's own index has one (Raspberry Pi OS), else from its source.
        pip_install --only-binary=:all: 'msgspec>=0.19' 2>/dev/null || {
            apt_install gcc libc6-dev python3-dev
            pip_install 'msgspec>=0.19'
        }
        pip_install --no-deps 'tflite-runtime>=2.14'
        return
    fi
    if [ "$RUNTIME" = tflite-runtime ]; then
        pip_install "${package}[tflite]"
        "$VENV/bin/python" -m pip --disable-pip-version-check uninstall -q -y ai-edge-litert
    else
        pip_install "$package" "$NUMPY"
    fi
    # The same version again, as developers build it: pip would keep the old files.
    pip_install --no-deps --force-reinstall "$package"
}

install_files() {
    mkdir -p "$ROOT/etc/edgeward" "$ROOT/etc/systemd/system" "$ROOT/usr/local/bin"
    install -m 644 "$HERE/agent.example.toml" "$ROOT/etc/edgeward/agent.example.toml"
    sed "s|/opt/edgeward/bin/|$PREFIX/bin/|" "$HERE/$UNIT" >"$ROOT/etc/systemd/system/$UNIT"
    chmod 644 "$ROOT/etc/systemd/system/$UNIT"
    ln -sfn "$PREFIX/bin/edgeward-agent" "$ROOT/usr/local/bin/edgeward-agent"
}

start() {
    live || return 0
    systemctl daemon-reload
    [ "$START" = yes ] || return 0
    systemctl enable -q "$UNIT"
    if [ -e /etc/edgeward/agent.toml ]; then
        systemctl restart "$UNIT"
        say "edgeward-agent runs: journalctl -u edgeward-agent -f"
    fi
}

say_what_is_left() {
    "$VENV/bin/python" -m edge_agent.cli --version
    [ -e "$ROOT/etc/edgeward/agent.toml" ] || cat <<EOF
Now:
  sudo install -D -m 644 -t /etc/edgeward/bundles NAME.edgeward       each bundle
  sudo cp /etc/edgeward/agent.example.toml /etc/edgeward/agent.toml    and make it yours
  sudo edgeward-agent doctor
  sudo systemctl start edgeward-agent
EOF
}

uninstall() {
    if live; then
        systemctl disable -q --now "$UNIT" 2>/dev/null || true
    fi
    rm -f "$ROOT/etc/systemd/system/$UNIT"
    if [ -L "$ROOT/usr/local/bin/edgeward-agent" ]; then
        rm -f "$ROOT/usr/local/bin/edgeward-agent"
    fi
    if [ -e "$MARK" ]; then
        rm -rf "$VENV"
    elif [ -e "$VENV" ]; then
        die "$VENV: expected an earlier install, found something else; it stays"
    fi
    if [ "$PURGE" = yes ]; then
        rm -rf "$ROOT/etc/edgeward" "$ROOT/var/lib/private/edgeward" "$ROOT/var/lib/edgeward"
        rm -f "$ROOT"/etc/credstore/edgeward.*
    fi
    if live; then
        systemctl daemon-reload
    fi
    say "edgeward-agent is removed"
    [ "$PURGE" = yes ] || say "kept: /etc/edgeward, /etc/credstore/edgeward.*, /var/lib/edgeward"
}

as_root
if [ "$ACTION" = uninstall ]; then
    uninstall
    exit 0
fi
[ "$PURGE" = no ] || die "--purge: expected with --uninstall"
find_python
choose_runtime
choose_site_packages
choose_versions
find_wheel
make_venv
install_packages
install_files
start
say_what_is_left

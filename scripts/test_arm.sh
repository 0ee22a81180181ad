#!/bin/bash
# The device's own tests in emulated Arm systems: `make test-arm`.
#   aarch64: Debian 13, Python 3.13, ai-edge-litert      (Raspberry Pi OS 64-bit of today)
#   armhf:   Debian 12, Python 3.11, tflite-runtime, Debian's numpy and OpenCV
# As root on a Debian of any kind, with qemu and mmdebstrap; skipped with a word elsewhere.
# Correctness only: an emulated processor says nothing about speed (so no deadlines: profile ci).
#   scripts/test_arm.sh [aarch64|armhf] [pytest's arguments ...]
# shellcheck disable=SC2016,SC2317  # another shell's variables; functions called by their names
set -euo pipefail
cd "$(dirname "$0")/.."
SELF=$PWD/scripts/test_arm.sh

WORK=${EDGEWARD_ARM_DIR:-build/arm}
TESTS=(tests/unit/edge_agent tests/contract tests/device)
PURE=(pytest hypothesis paho-mqtt)
# The versions that devices and hosts are tested with; what is in the first is not in the second.
TESTED=(deploy/constraints.txt constraints.txt)
SYSTEM=bash,coreutils,libstdc++6,mosquitto,openssl,python3
HOST_PYTHON=${HOST_PYTHON:-$PWD/.venv/bin/python}

skip() { echo "test-arm: skipped: $*"; exit 0; }

[ "$(id -u)" -eq 0 ] || skip "needs root, to make and enter another system's files"
[ -e /etc/debian_version ] || skip "needs a Debian of any kind"
[ "$(uname -m)" = x86_64 ] || skip "is made to run on x86-64"
[ -x "$HOST_PYTHON" ] || HOST_PYTHON=$(command -v python3)
for tool in mmdebstrap:mmdebstrap qemu-arm-static:qemu-user-static \
    arm-linux-gnueabihf-gcc:gcc-arm-linux-gnueabihf; do
    command -v "${tool%%:*}" >/dev/null ||
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            "${tool##*:}" >/dev/null || skip "needs the system's package ${tool##*:}"
done

# This machine's own mirror of Debian has the other processors' packages too.
MIRROR=$(apt-get indextargets 'Origin: Debian' --format '$(REPO_URI)' | grep -v security | head -n 1)
[ -n "$MIRROR" ] || skip "needs Debian's packages among the sources of apt"

# --- programs of the other processor start like any other ----------------------------------

FORMATS=/proc/sys/fs/binfmt_misc
REGISTERED=()
# The heads of ELF files for the two, from qemu's scripts/qemu-binfmt-conf.sh.
MASK='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
declare -A MAGIC=(
    [aarch64]='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
    [arm]='\x7fELF\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x28\x00'
)

forget() {
    for name in "${REGISTERED[@]}"; do echo -1 >"$FORMATS/$name"; done
}
trap forget EXIT

emulate() {
    [ -e "$FORMATS/register" ] || mount -t binfmt_misc binfmt_misc "$FORMATS" ||
        skip "needs a kernel that starts foreign programs (binfmt_misc)"
    [ ! -e "$FORMATS/qemu-$1" ] || return 0
    # F: the emulator is opened now, so that it is found from inside the other system too.
    printf ':edgeward-%s:M::%s:%s:/usr/bin/qemu-%s-static:F' "$1" "${MAGIC[$1]}" "$MASK" "$1" \
        >"$FORMATS/register"
    REGISTERED+=("edgeward-$1")
}

# --- the two systems -----------------------------------------------------------------------

pinned() {
    # The requirement for $1 with the version that the constraints files after it have, if one has.
    grep -hE "^$1==" "${@:2}" || echo "$1"
}

system() {
    # Unpacked, not installed: no script of theirs runs. $1 folder, $2 architecture, $3 suite,
    # $4 packages.
    mmdebstrap --quiet --variant=extract --architectures="$2" --include="$4" "$3" "$1" \
        "deb $MIRROR $3 main"
    # What the packages' scripts would have done.
    for folder in bin sbin lib; do
        [ -e "$1/$folder" ] || ln -s "usr/$folder" "$1/$folder"
    done
    mkdir -p "$1/proc" "$1/dev" "$1/sys" "$1/tmp" "$1/src"
    printf 'root:x:0:0:root:/root:/bin/sh\nmosquitto:x:1:1::/:/bin/false\n' >"$1/etc/passwd"
    printf '127.0.0.1 localhost\n' >"$1/etc/hosts"
}

packages() {
    # Wheels for another processor, unpacked. $1 folder, $2 Python, $3 machine, then packages.
    local site=$1/opt/site python=$2 machine=$3 tag
    local platforms=()
    for tag in manylinux_2_{36..17} manylinux2014 linux; do
        platforms+=(--platform "${tag}_$machine")
    done
    shift 3
    "$HOST_PYTHON" -m pip --disable-pip-version-check -q install --target "$site" \
        --only-binary=:all: --implementation cp --python-version "$python" \
        "${platforms[@]}" "$@" 2>&1 | grep -v '^WARNING: Location' || true
}

make_aarch64() {
    system "$1" arm64 trixie "$SYSTEM"
    local wanted=() name
    for name in "${PURE[@]}" numpy opencv-python-headless msgspec ai-edge-litert; do
        wanted+=("$(pinned "$name" "${TESTED[@]}")")
    done
    packages "$1" 3.13 aarch64 "${wanted[@]}"
}

make_armhf() {
    system "$1" armhf bookworm "$SYSTEM,python3-numpy,python3-opencv,libpython3.11-dev"
    # Debian chooses among several by links that its scripts make.
    local name
    for name in blas lapack; do
        ln -sf "$name/lib$name.so.3" "$1/usr/lib/arm-linux-gnueabihf/lib$name.so.3"
    done
    local wanted=()
    for name in "${PURE[@]}"; do wanted+=("$(pinned "$name" "${TESTED[@]}")"); done
    packages "$1" 3.11 armv7l "${wanted[@]}"
    packages "$1" 3.11 armv7l --no-deps "$(pinned tflite-runtime deploy/constraints-numpy1.txt)"
    build_msgspec "$1"
}

build_msgspec() {
    # No index has it for this processor: one C file, compiled across.
    local source=$1/opt/msgspec tree
    "$HOST_PYTHON" -m pip --disable-pip-version-check -q download --no-deps --no-binary=:all: \
        -d "$source" "$(pinned msgspec "${TESTED[@]}")" 2>&1 |
        grep -v '^WARNING: Location' || true
    tar -xzf "$source"/msgspec-*.tar.gz -C "$source"
    tree=$(dirname "$(find "$source" -path '*/msgspec/__init__.py')")
    cp -r "$tree" "$1/opt/site/msgspec"
    arm-linux-gnueabihf-gcc --sysroot="$1" -O1 -w -shared -fPIC \
        -I "$1/usr/include/python3.11" -I "$1/usr/include/arm-linux-gnueabihf" \
        "$tree/_core.c" -o "$1/opt/site/msgspec/_core.cpython-311-arm-linux-gnueabihf.so"
}

# --- the tests -----------------------------------------------------------------------------

run_tests() {
    local root=$1
    shift
    rm -rf "$root/src"
    mkdir -p "$root/src"
    git ls-files -z --cached --others --exclude-standard -- \
        edge_agent tests deploy docs scripts README.md pyproject.toml |
        xargs -0 -I{} sh -c '[ -e "{}" ] && printf "%s\0" "{}"' |
        tar -c --null -T - | tar -x -C "$root/src"
    # A private view of mounts, so that nothing stays mounted however this ends.
    unshare --mount --pid --fork sh -c '
        mount --make-rprivate /
        mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" && mount -t tmpfs tmp "$0/tmp"
        exec env -i PATH=/usr/bin:/usr/sbin:/bin:/sbin HOME=/root LANG=C.UTF-8 \
            PYTHONPATH=/opt/site:/src OMP_NUM_THREADS=1 QEMU_EMULATION=1 \
            chroot "$0" /bin/bash -c "cd /src && exec python3 -m pytest -q -p no:cacheprovider --hypothesis-profile=ci \"\$@\"" pytest "$@"
    ' "$root" "$@"
}

one() {
    local name=$1 emulator=$2 root
    shift 2
    root=$(realpath -m "$WORK/$name")
    emulate "$emulator"
    # Made once; `rm -r build/arm` makes them anew.
    if [ ! -e "$root/.made" ]; then
        echo "test-arm: making a Debian for $name in $root"
        rm -rf "$root"
        mkdir -p "$root"
        "make_$name" "$root"
        touch "$root/.made"
    fi
    echo "test-arm: $name: $(chroot "$root" /usr/bin/python3 --version) on $(chroot "$root" /bin/uname -m)"
    run_tests "$root" "$@"
}

case ${1:-} in
    aarch64 | armhf)
        name=$1
        shift
        chosen=no
        for argument; do [ ! -e "${argument%%::*}" ] || chosen=yes; done
        [ $chosen = yes ] || set -- "${TESTS[@]}" "$@"
        if [ "$name" = armhf ]; then one armhf arm "$@"; else one aarch64 aarch64 "$@"; fi
        ;;
    *)
        # Each in a process of its own: a failure ends one of them, and is not forgotten.
        status=0
        for name in aarch64 armhf; do
            "$SELF" "$name" "$@" || { echo "test-arm: $name: FAILED"; status=1; }
        done
        exit $status
        ;;
esac

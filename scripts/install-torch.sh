#!/bin/sh
# Installs torch, by the version of constraints.txt, for a Python:
#   scripts/install-torch.sh PYTHON
# On Linux from PyTorch's own index of CPU builds if that answers within seconds. Otherwise from the
# package index that pip is set to, whose build for x86-64 Linux brings NVIDIA's libraries.
# TORCH_INDEX names another index of CPU builds; empty, none is asked.
set -eu
cd "$(dirname "$0")/.."

PYTHON=$1
INDEX=${TORCH_INDEX-https://download.pytorch.org/whl/cpu}
TIMEOUT_S=5
VERSION=$(sed -n 's/^torch==//p' constraints.txt)

install() { "$PYTHON" -m pip --disable-pip-version-check install -q "$@"; }

installed() {
    "$PYTHON" -c 'import importlib.metadata as found, sys
sys.exit(found.version("torch").partition("+")[0] != sys.argv[1])' "$VERSION" 2>/dev/null
}

# Whether the index lists this version. Anything else that answers, a portal's page, does not.
lists_it() {
    "$PYTHON" -c 'import sys, urllib.parse, urllib.request
index, version, timeout = sys.argv[1:]
with urllib.request.urlopen(f"{index}/torch/", timeout=float(timeout)) as answer:
    text = urllib.parse.unquote(answer.read().decode())
sys.exit(f"torch-{version}" not in text)' "$1" "$VERSION" "$TIMEOUT_S" 2>/dev/null
}

if installed; then exit 0; fi
if [ -n "$INDEX" ] && [ "$(uname -s)" = Linux ]; then
    if lists_it "$INDEX"; then
        # Alone from there; what it needs comes from the package index like everything else.
        if install --no-deps --index-url "$INDEX" -c constraints.txt torch; then
            install -c constraints.txt torch
            echo "torch $VERSION: the CPU build, from $INDEX"
            exit 0
        fi
    fi
    echo "torch $VERSION: no answer from $INDEX, so from the index that pip is set to. A build for" \
        "CUDA is 527 MB and NVIDIA's packages beside it, the CPU's 192 MB; either does."
fi
install -c constraints.txt torch

#!/usr/bin/env bash
# `load_state_dict` of torch takes or refuses the same tensors under the same names by an attribute
# that no print of them shows. What `state_dict()` returns is an OrderedDict with a `_metadata`
# besides, which holds the version of each module's layout. Without the counters of its batch norms
# (`num_batches_tracked`, which nothing needs that only infers, and which converters leave out) it is
# refused: "Missing key(s)". Its copy is taken: `dict(state)`, and even `state.copy()`, have lost the
# attribute, so the norms are taken for those of a version before the counters. A round trip through
# `torch.save` keeps the attribute, one through safetensors loses it.
#
# Seen on 2026-12-01 with torch 2.13.0 and safetensors 0.8.0. PyPI's torch for x86-64 brings CUDA;
# PIP_FIND_LINKS or PIP_EXTRA_INDEX_URL may name a place with the one for CPUs.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install -q \
    torch==2.13.0 safetensors==0.8.0 numpy==2.4.6
cd "$folder"

"$folder/venv/bin/python" - <<'PYTHON'
import sys

import safetensors
import safetensors.torch
import torch
from torch import nn

net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
state = net.state_dict()
for name in [name for name in state if name.endswith("num_batches_tracked")]:
    del state[name]
torch.save(state, "state.pth")
safetensors.torch.save_file(state, "state.safetensors")
ways = {
    "state": state,
    "dict(state)": dict(state),
    "state.copy()": state.copy(),
    "by torch.save": torch.load("state.pth", weights_only=True),
    "by safetensors": safetensors.torch.load_file("state.safetensors"),
}
print("torch", torch.__version__, "safetensors", safetensors.__version__)
taken = {}
for way, tensors in ways.items():
    assert tensors.keys() == state.keys()
    assert all(torch.equal(tensors[name], state[name]) for name in state)
    try:
        said = str(net.load_state_dict(tensors))
        taken[way] = True
    except RuntimeError as error:
        said = str(error).splitlines()[1].strip()
        taken[way] = False
    print(f"{way:15} {type(tensors).__name__:12} {said}")
recorded = dict(zip(ways, (False, True, True, False, True)))
if taken != recorded:
    print(f"The behaviour has changed: taken were {taken}, recorded {recorded}.", file=sys.stderr)
    sys.exit(1)
print("As recorded. The same tensors under the same names should all be taken, or all be refused.")
PYTHON

#!/usr/bin/env bash
# `safetensors.numpy.load`, and those of the other frameworks, gives the tensors of the same bytes in
# another order each time it is called, in one process; `load_file` of the same bytes gives them
# sorted. Neither is the order of the dictionary that was saved. A dictionary of Python has an order,
# and programs go by it: an ensemble that averages files place by place, a checksum over the values,
# weights that are taken by position because their names differ. Here the layers of a network are
# all of one shape, so that no shape tells, and each load computes something else. Nothing is said.
#
# Reported in 2023 of version 0.3.3 (issue 357 of its repository, closed as stale).
# Seen on 2026-12-01 with safetensors 0.8.0.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install -q \
    safetensors==0.8.0 numpy==2.4.6
cd "$folder"

"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import safetensors
from safetensors.numpy import load, load_file, save, save_file

rng = np.random.default_rng(0)
layers = {name: rng.standard_normal((4, 4), np.float32) for name in ("stem", "body", "neck", "head")}
data = save(layers)
save_file(layers, "layers.safetensors")


def answer(tensors):
    """What the layers compute, one behind the other as the dictionary has them."""
    x = np.ones(4, np.float32)
    for weights in tensors.values():
        x = np.maximum(weights @ x, 0)
    return " ".join(f"{value:.3f}" for value in x)


def orders(read):
    found = {}
    for _ in range(200):
        tensors = read()
        assert all(np.array_equal(tensors[name], layers[name]) for name in layers)
        found[" ".join(tensors)] = answer(tensors)
    return found


print("safetensors", safetensors.__version__, "numpy", np.__version__)
print("saved as", " ".join(layers), "which answers", answer(layers))
by_bytes, by_file = orders(lambda: load(data)), orders(lambda: load_file("layers.safetensors"))
print("load_file, 200 calls:", *by_file, "which answers", *by_file.values())
print("load, 200 calls:", len(by_bytes), "orders,", len(set(by_bytes.values())), "answers, such as")
for order in sorted(by_bytes)[:3]:
    print("   ", order, "which answers", by_bytes[order])
if len(by_bytes) < 2 or len(by_file) != 1 or " ".join(layers) in by_file:
    print("The behaviour has changed: load gives one order, or load_file that of the dictionary.",
          file=sys.stderr)
    sys.exit(1)
print("As recorded. One order was to be expected, the one that was saved or the one of load_file.")
PYTHON

#!/usr/bin/env bash
# With the torch backend Keras refuses to export a model to ONNX that was loaded from its own
# file: "The model provided has never called." The model is built and has its weights, and Keras
# knows its input's shape and type; the same call works once any picture was predicted, which the
# message does not say. Two layers do not get through it at all: AveragePooling2D with
# padding = "same" over a map of odd size, and LayerNormalization, both with a fixed picture size
# and with an error of torch's older exporter.
#
# Seen on 2026-12-01 with keras 3.15.1, torch 2.13.0, onnx 1.23.2 and onnxscript 0.7.2.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install -q \
    keras==3.15.1 torch==2.13.0 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.31.1 numpy==2.4.6
cd "$folder"

# Where it fails, the exporter prints its whole graph; that is left out.
KERAS_BACKEND=torch "$folder/venv/bin/python" -W ignore - <<'PYTHON' 2>errors.txt | grep -vE '^$|^ |^Torch IR' || { cat errors.txt >&2; exit 1; }
import sys
from importlib.metadata import version

import keras
import numpy as np
import onnxruntime
from keras import layers

for name in "keras", "torch", "onnx", "onnxruntime":
    print(name, version(name))
x = np.random.default_rng(0).uniform(size=(1, 9, 9, 3)).astype(np.float32)


def network(*middle):
    return keras.Sequential([keras.Input((9, 9, 3)), *middle, layers.Flatten(), layers.Dense(2)])


def exported(model):
    """What the exported network answers to x, or the first line of the refusal."""
    try:
        model.export("network.onnx", format="onnx", verbose=False)
    except Exception as error:
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0][:60]}"
    session = onnxruntime.InferenceSession("network.onnx")
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def expect(what, found, wanted):
    right = isinstance(found, np.ndarray) if wanted is None else str(found).startswith(wanted)
    print(f"{what}: {'exported' if isinstance(found, np.ndarray) else found}")
    if not right:
        sys.exit("The behaviour has changed: this line is new.")


model = network(layers.Conv2D(4, 3))
wanted = model.predict(x, verbose=0)
model.save("model.keras")
loaded = keras.models.load_model("model.keras")
expect("loaded", exported(loaded), "ValueError: The model provided has never called.")
loaded.predict(x, verbose=0)
found = exported(loaded)
expect("loaded, and asked once", found, None)
if not np.allclose(found, wanted, atol=1e-5):
    sys.exit("The behaviour has changed: the exported network answers otherwise.")

for layer in layers.AveragePooling2D(3, 2, padding="same"), layers.LayerNormalization():
    model = network(layer)
    model.predict(x, verbose=0)
    expect(type(layer).__name__, exported(model), "SymbolicValueError: Failed to export a node")
print("As recorded: a loaded model is refused until it was asked; the two layers always are.")
PYTHON

"""Write stripes.tflite: the smallest int8 network that reads a text.

It reads a code of grey stripes, 4 pixels wide each: white is the blank, and every character
has its own level. So the right answer for any picture can be told from the picture, the
network needs no training, and it is unsure where a level is between two characters. Run it
again only to change the model.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from quantization.convert import convert

HEIGHT, WIDTH, STRIPE = 16, 64, 4
CHARSET = tuple("0123.")
# The characters, from dark to bright, and white, the blank.
LEVELS = (0.0, 0.1875, 0.375, 0.5625, 0.75, 1.0)
# How fast a score falls with the distance of the level: half-way between two characters
# both have 50 %, at a character's own level its neighbours have about 0.1 %.
STEEPNESS = 200.0


def network() -> onnx.ModelProto:
    """One convolution as wide as a stripe; output (1, T, K).

    The score of level c for a stripe of mean m is ``-STEEPNESS (m - c)^2``, with ``m (m - 1)``
    added to all: ``STEEPNESS (2 c m - m - c^2)`` is linear in the pixels.
    """
    levels = np.array(LEVELS, np.float32)
    pixels = HEIGHT * STRIPE
    slopes = np.repeat(STEEPNESS * (2 * levels - 1) / pixels, pixels)
    weights = slopes.reshape(len(levels), 1, HEIGHT, STRIPE).astype(np.float32)
    bias = (-STEEPNESS * levels**2).astype(np.float32)
    steps = WIDTH // STRIPE
    nodes = [
        helper.make_node(
            "Conv",
            ["input", "weights", "bias"],
            ["maps"],
            kernel_shape=[HEIGHT, STRIPE],
            strides=[HEIGHT, STRIPE],
        ),
        helper.make_node("Reshape", ["maps", "flat"], ["columns"]),
        helper.make_node("Transpose", ["columns"], ["output"], perm=[0, 2, 1]),
    ]
    graph = helper.make_graph(
        nodes,
        "stripes",
        [helper.make_tensor_value_info("input", 1, [1, 1, HEIGHT, WIDTH])],
        [helper.make_tensor_value_info("output", 1, [1, steps, len(levels)])],
        [
            numpy_helper.from_array(weights, "weights"),
            numpy_helper.from_array(bias, "bias"),
            numpy_helper.from_array(np.array([1, len(levels), steps], np.int64), "flat"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def samples() -> np.ndarray:
    """Every level, and noise: what the ranges are calibrated on; (N, 1, H, W)."""
    flat = np.linspace(0, 1, 65, dtype=np.float32)
    return np.broadcast_to(flat[:, None, None, None], (65, 1, HEIGHT, WIDTH)).copy()


def main() -> None:
    """Build the model, write it beside this file, and say its scales."""
    made = convert(network(), [samples()])
    Path(__file__).with_name("stripes.tflite").write_bytes(made.tflite)
    sys.stdout.write(f"{made.input} {made.output}\n")


if __name__ == "__main__":
    main()

"""Whole networks, tensor by tensor, against the runtimes' reference and default kernels."""

import functools
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.onnx_nets import converted, normal, to_device
from support.tflite_graphs import Array, Runtime
from support.torch_nets import NETS, exported, randomised

from edge_agent.inference.runtime import Interpreter
from quantization.convert import Conversion
from quantization.reference import exposed, first_difference, run
from quantization.reference.model import read

# Published int8 networks that nobody here made, and a picture for each that takes one.
FILES = {
    "mlperf-tiny-models/kws_ref_model.tflite": None,
    "mlperf-tiny-models/pretrainedResnet_quant.tflite": "bird.bmp",
    "mlperf-tiny-models/vww_96_int8.tflite": "grace_hopper.bmp",
    "mobilenet-v2-imagenet/tf2_mobilenet_v2_1.0_224_ptq.tflite": "cat.bmp",
    "meter-digits/dig-class11_2000_s2_q.tflite": "parrot.jpg",
}
# LiteRT rounds the product of a FULLY_CONNECTED once: a quantum away where that differs.
TOLERANCE = {"tflite-runtime": 0, "LiteRT": 1}
# LiteRT's default kernels scale in float32. A softmax (vgg) turns a quantum of a logit into
# several of a probability.
DEFAULT_APART = {"resnet": 2, "mobilenet": 2, "ds_cnn": 2, "vgg": 6}


def published(name: str) -> tuple[bytes, Array]:
    """A file and its picture, of the shape and type it takes; noise where it takes sound."""
    root = os.environ.get("EDGEWARD_DATA")
    if root is None:
        pytest.skip("needs the published networks: set EDGEWARD_DATA")
    model = (Path(root) / name).read_bytes()
    (source,) = read(model).inputs
    picture = FILES[name]
    if picture is None:
        noise = np.random.default_rng(0).integers(-128, 128, source.shape)
        return model, noise.astype(np.int8)
    image = cv2.imread(str(Path(root) / "images" / picture))
    pixels = cv2.resize(image[..., ::-1], source.shape[2:0:-1], interpolation=cv2.INTER_AREA)
    if source.dtype == np.int8:
        return model, (pixels.astype(int) - 128).astype(np.int8)[None]
    return model, pixels.astype(source.dtype)[None]


@functools.cache
def made(name: str) -> Conversion:
    """A network of this project's families, through this project's quantiser."""
    make, shape = NETS[name]
    model = exported(randomised(make()), shape, dynamo=False)
    return converted(model, normal(16, *shape, seed=1))


def compare(runtime: tuple[str, Runtime], model: bytes, x: Array) -> None:
    """Every tensor of the network, each operator judged on the inputs the runtime gave it."""
    name, running = runtime
    found = running.trace(exposed(model), x)
    written = {o.output.name for o in read(model).operators}
    assert written <= found.keys()
    difference = first_difference(model, x, found, tolerance=TOLERANCE[name])
    assert difference is None, str(difference)
    if TOLERANCE[name] == 0:  # then nothing can have added up on the way either
        assert first_difference(model, x, found, alone=False) is None


@pytest.mark.data
@pytest.mark.parametrize("name", FILES)
def test_every_tensor_of_a_published_network_is_the_runtimes(
    runtime: tuple[str, Runtime], name: str
) -> None:
    """Bit for bit on tflite-runtime's reference kernels, on a picture."""
    compare(runtime, *published(name))


@pytest.mark.parametrize("name", NETS)
def test_every_tensor_of_our_networks_is_the_runtimes(
    runtime: tuple[str, Runtime], name: str
) -> None:
    """Bit for bit on tflite-runtime's reference kernels, on unseen samples."""
    for sample in normal(2, *NETS[name][1], seed=2):
        compare(runtime, made(name).tflite, made(name).input.quantize(to_device(sample[None])))


@pytest.mark.parametrize("name", NETS)
def test_the_default_kernels_are_within_quanta(name: str) -> None:
    """What a device runs by default ends within the stated quanta of the reference."""
    file = made(name).tflite
    with Interpreter(file) as interpreter:
        for sample in normal(4, *NETS[name][1], seed=3):
            x = made(name).input.quantize(to_device(sample[None]))
            apart = np.abs(run(file, x).astype(int) - interpreter.infer(x)[0].astype(int)).max()
            assert apart <= DEFAULT_APART[name]

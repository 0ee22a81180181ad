"""Convert one prepared network by onnx2tf and TensorFlow's converter.

    PEER/bin/python convert_onnx2tf.py FOLDER OUT

Imports nothing of this project. It writes float, int8 and int16 files in one go, which
cannot be turned off; its time is that of all of them. Ranges are the extremes.
"""

import time

begun = time.perf_counter()

import os  # noqa: E402  # the clock starts before the imports
import shutil  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# It looks for its helper `onnxsim` on the PATH.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"

import numpy as np  # noqa: E402
import onnx2tf  # noqa: E402

sys.path.append(str(Path(__file__).parents[1]))
from conversion.cost import write_cost  # noqa: E402

folder, out = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
imported = time.perf_counter()

samples = np.ascontiguousarray(np.load(folder / "calibration.npy").transpose(0, 2, 3, 1))
np.save(out / "calibration_nhwc.npy", samples)
os.chdir(out)
shutil.copy(folder / "network.onnx", "network.onnx")  # it writes into the file that it reads
# Pictures that it checks its float network with, and would else download: in [0, 1].
pictures = np.random.default_rng(0).random((20, 128, 128, 3), np.float32)
np.save("calibration_image_sample_data_20x128x128x3_float32.npy", pictures)
channels = samples.shape[-1]
onnx2tf.convert(
    input_onnx_file_path="network.onnx",
    output_folder_path="saved_model",
    output_integer_quantized_tflite=True,
    custom_input_op_name_np_data_path=[
        ["input", "calibration_nhwc.npy", [[[[0.0] * channels]]], [[[[1.0] * channels]]]]
    ],
    non_verbose=True,
)
Path("saved_model/network_full_integer_quant.tflite").replace("model.tflite")
write_cost(out, begun, imported)

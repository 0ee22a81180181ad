"""Convert one prepared network by litert-torch and ai-edge-quantizer.

    PEER/bin/python convert_litert.py FOLDER OUT [--default]

Imports nothing of this project. Static int8, per channel, from and to channels last.
Ranges are the extremes that the samples show: the peer's own default, a moving average of
them, loses several times as much (`--default` takes it).
"""

import time

begun = time.perf_counter()

import os  # noqa: E402  # the clock starts before the imports
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

import litert_torch  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from ai_edge_quantizer import quantizer, recipe, recipe_manager  # noqa: E402
from ai_edge_quantizer.calibrator import Calibrator  # noqa: E402
from ai_edge_quantizer.utils.qsv_utils import min_max_update  # noqa: E402

sys.path.append(str(Path(__file__).parents[1]))
from conversion.cost import write_cost  # noqa: E402

folder, out, default = Path(sys.argv[1]), Path(sys.argv[2]), "--default" in sys.argv
imported = time.perf_counter()

module = torch.export.load(folder / "network.pt2").module()
samples = np.load(folder / "calibration.npy")  # (N, C, H, W)
example = torch.from_numpy(samples[:1])
with torch.no_grad():
    found = module(example)
maps = [i for i, y in enumerate(found if isinstance(found, tuple) else (found,)) if y.ndim == 4]
wrapped = litert_torch.to_channel_last_io(module, args=[0], outputs=maps)
nhwc = np.ascontiguousarray(samples.transpose(0, 2, 3, 1))
made = litert_torch.convert(wrapped, (torch.from_numpy(nhwc[:1]),))
float_file = out / "float.tflite"
made.export(str(float_file))

data = {"serving_default": [{"args_0": x[None]} for x in nhwc]}
quantise = quantizer.Quantizer(str(float_file), recipe.static_wi8_ai8())
if default:
    ranges = quantise.calibrate(data, num_threads=os.cpu_count() or 1)
else:
    rules = recipe_manager.RecipeManager()
    rules.load_quantization_recipe(recipe.static_wi8_ai8())
    calibrator = Calibrator(
        str(float_file), num_threads=os.cpu_count() or 1, qsv_update_func=min_max_update
    )
    calibrator.calibrate(data, rules)
    ranges = calibrator.get_model_qsvs()
(out / "model.tflite").write_bytes(quantise.quantize(ranges).quantized_model)
write_cost(out, begun, imported)

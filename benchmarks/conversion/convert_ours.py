"""Convert one prepared network as `edgeward convert` does.

    python convert_ours.py FOLDER OUT [--from-torch]

`--from-torch` starts from network.pt2 and counts the export to ONNX, which the peer that
reads torch networks has to do in its own way.
"""

import time

begun = time.perf_counter()

import sys  # noqa: E402  # the clock starts before the imports
from pathlib import Path  # noqa: E402

from conversion.cost import write_cost  # noqa: E402

from pipeline.convert import Preprocessing, convert_file  # noqa: E402
from quantization.recipe import QuantRecipe  # noqa: E402

folder, out, from_torch = Path(sys.argv[1]), Path(sys.argv[2]), "--from-torch" in sys.argv
imported = time.perf_counter()
source = folder / "network.onnx"
if from_torch:
    import onnx
    import torch
    from conversion.prepare import export_onnx

    imported = time.perf_counter()
    source = out / "network.onnx"
    onnx.save(export_onnx(torch.export.load(folder / "network.pt2")), source)
convert_file(
    source, folder / "calibration.npy", out / "model.tflite", Preprocessing(), QuantRecipe()
)
write_cost(out, begun, imported)

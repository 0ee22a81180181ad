"""`LadderMemory`: finished rungs on disk, so that a killed climb goes on where it was."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge_agent.common.atomic import write_whole
from pipeline.ladder.ladder import Rung, TriedRung
from quantization.errors import ModelError
from quantization.graph.graph import read, write
from quantization.graph.load import load_model
from quantization.quantize import QuantizedModel
from quantization.scales.calibrate import Ranges


@dataclass(frozen=True)
class LadderMemory:
    """The rungs in `folder`, by their number; a folder belongs to one job and its inputs."""

    folder: Path

    def recall(self, number: int, name: str) -> TriedRung | None:
        """The rung `number` if it is there, whole and called `name`."""
        try:
            rung = msgspec.json.decode(self._path(number, "json").read_bytes(), type=Rung)
            ranges = msgspec.json.decode(
                self._path(number, "ranges.json").read_bytes(), type=Ranges
            )
            folded = read(load_model(self._path(number, "folded.onnx")))
            qdq = read(load_model(self._path(number, "qdq.onnx")))
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, ModelError):
            return None  # it is made again
        if rung.name != name:
            return None
        return TriedRung(rung, QuantizedModel(folded, ranges, qdq, rung.recipe))

    def keep(self, number: int, tried: TriedRung) -> None:
        """Write the rung `number`; its record comes last, and says that the rest is there."""
        made = tried.quantized
        for name, graph in (("folded", made.folded), ("qdq", made.qdq)):
            path = self._path(number, f"{name}.onnx")
            write_whole(path, write(graph).SerializeToString(deterministic=True))
        write_whole(self._path(number, "ranges.json"), msgspec.json.encode(made.ranges))
        write_whole(self._path(number, "json"), msgspec.json.encode(tried.rung))

    def _path(self, number: int, suffix: str) -> Path:
        return self.folder / f"{number}.{suffix}"

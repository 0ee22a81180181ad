"""The bundles of format 1 in tests/golden/format1, changed and with every hash made right."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FORMAT1 = Path(__file__).parents[1] / "golden" / "format1"


def arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The golden arrays of the bundle at `path`, by name."""
    with zipfile.ZipFile(path) as bundle, np.load(io.BytesIO(bundle.read("golden.npz"))) as npz:
        return dict(npz)


def npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """An uncompressed .npz of `arrays`."""
    buffer = io.BytesIO()
    named: dict[str, Any] = {**arrays}
    np.savez(buffer, **named)
    return buffer.getvalue()


def resealed(
    path: Path, change: Callable[[dict[str, Any]], object], golden: bytes | None = None
) -> Path:
    """The classifier as a folder at `path`, its manifest changed and every hash made right."""
    with zipfile.ZipFile(FORMAT1 / "digits.edgeward") as bundle:
        files = {name: bundle.read(name) for name in bundle.namelist()}
    document = json.loads(files["manifest.json"])
    change(document)
    if golden is not None:
        files["golden.npz"] = golden
        document["files"]["golden.npz"] = hashlib.sha256(golden).hexdigest()
    files["manifest.json"] = json.dumps(document).encode()
    digest = hashlib.sha256(files["manifest.json"]).hexdigest()
    files["manifest.sha256"] = f"{digest}  manifest.json\n".encode()
    path.mkdir()
    for name, data in files.items():
        (path / name).write_bytes(data)
    return path

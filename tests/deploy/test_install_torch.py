"""scripts/install-torch.sh: PyTorch's index of CPU builds where it answers, else pip's own.

Both indexes are a server of ours, and torch is an empty package.
"""

import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "install-torch.sh"
VERSION = "2.13.0"


def write_torch(folder: Path, version: str) -> None:
    """An index in `folder` that has one wheel of torch, with nothing in it."""
    shelf = folder / "torch"
    shelf.mkdir(parents=True)
    info = f"torch-{version}.dist-info"
    with zipfile.ZipFile(shelf / f"torch-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")


class Silent(SimpleHTTPRequestHandler):
    """Serves a folder, and says nothing."""

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The URL of a server of `folder`'s files."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(name="python", scope="module")
def _python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with nothing but pip."""
    folder = tmp_path_factory.mktemp("torch") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    return folder / "bin" / "python"


def install(python: Path, own: str, index: str) -> subprocess.CompletedProcess[str]:
    """Run the script afresh; `own` is PyTorch's index, and `index` the one pip is set to."""
    for folder in python.parents[1].glob("lib/*/site-packages/torch-*.dist-info"):
        shutil.rmtree(folder)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    environment = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index, "TORCH_INDEX": own}
    return subprocess.run(
        [str(SCRIPT), str(python)], capture_output=True, text=True, env=kept | environment
    )


def installed(python: Path) -> str:
    """The version of torch in the environment of `python`."""
    code = "import importlib.metadata as found; print(found.version('torch'))"
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_version_is_the_tested_one() -> None:
    """What these tests offer is what constraints.txt asks for."""
    assert f"torch=={VERSION}" in (ROOT / "constraints.txt").read_text().splitlines()


def test_the_index_of_cpu_builds_is_preferred(python: Path, tmp_path: Path) -> None:
    """It answers and has the version: its build; and a second run asks nobody."""
    write_torch(tmp_path / "cpu", f"{VERSION}+cpu")
    write_torch(tmp_path / "simple", VERSION)
    with served(tmp_path) as url:
        done = install(python, f"{url}/cpu", f"{url}/simple")
    assert (done.returncode, done.stderr) == (0, "")
    assert installed(python) == f"{VERSION}+cpu"
    assert done.stdout == f"torch {VERSION}: the CPU build, from {url}/cpu\n"
    again = subprocess.run(
        [str(SCRIPT), str(python)], capture_output=True, text=True, env={"TORCH_INDEX": "http://x"}
    )
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


@pytest.mark.parametrize("found", ["another version", "something else"])
def test_without_it_the_package_index_serves(found: str, python: Path, tmp_path: Path) -> None:
    """Another version, or a page that is no index: pip's index, and a word on the size."""
    write_torch(tmp_path / "simple", VERSION)
    if found == "another version":
        write_torch(tmp_path / "cpu", "2.12.0+cpu")
    if found == "something else":
        (tmp_path / "cpu" / "torch").mkdir(parents=True)
        (tmp_path / "cpu" / "torch" / "index.html").write_text("<h1>Please log in</h1>")
    with served(tmp_path) as url:
        done = install(python, f"{url}/cpu", f"{url}/simple")
    assert (done.returncode, done.stderr) == (0, "")
    assert installed(python) == VERSION
    assert "527 MB" in done.stdout


@pytest.mark.parametrize(("own", "said"), [("", ""), ("http://127.0.0.1:9", "527 MB")])
def test_nobody_answers_or_is_asked(own: str, said: str, python: Path, tmp_path: Path) -> None:
    """Nobody there: pip's index, and a word on the size; TORCH_INDEX empty: without a word."""
    write_torch(tmp_path / "simple", VERSION)
    with served(tmp_path) as url:
        done = install(python, own, f"{url}/simple")
    assert (done.returncode, done.stderr) == (0, "")
    assert installed(python) == VERSION
    assert said in done.stdout
    assert bool(said) is bool(done.stdout)

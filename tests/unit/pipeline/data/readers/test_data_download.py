"""`pipeline.data.readers.download`: a whole, right file or none, from a server on loopback."""

import gzip
import hashlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from pipeline.common.errors import DataError
from pipeline.common.progress import Task
from pipeline.data.readers.download import MnistName, RemoteFile, fetch_missing, mnist_files

CONTENT = np.random.default_rng(0).integers(0, 16, 100_000, np.uint8).tobytes()
PACKED = gzip.compress(CONTENT)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
OTHER_SHA256 = hashlib.sha256(b"another file").hexdigest()


class _Handler(BaseHTTPRequestHandler):
    """Serves the file, and what can go wrong with one."""

    asked: list[str]
    released: threading.Event

    def do_GET(self) -> None:
        """Answer by the path's name."""
        self.asked.append(self.path)
        bodies = {
            "/good": PACKED,
            "/repacked": gzip.compress(CONTENT, compresslevel=1),
            "/other": gzip.compress(b"another file"),
            "/plain": CONTENT,
            "/cut": PACKED[:-100],
            "/twice": PACKED + PACKED,
        }
        body = bodies.get(self.path)
        if self.path == "/slow":
            self.released.wait(5)
        if self.path == "/broken-off":
            self.send_response(200)
            self.send_header("Content-Length", str(len(PACKED)))
            self.end_headers()
            self.wfile.write(PACKED[:500])
            return
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(name="url")
def _url() -> Iterator[str]:
    """A server's address; `_Handler.asked` lists what it was asked for."""
    _Handler.asked, _Handler.released = [], threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    _Handler.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


def _fetch(folder: Path, *urls: str, timeout_s: float = 5) -> None:
    fetch_missing({"a.gz": RemoteFile(urls, SHA256)}, folder, timeout_s=timeout_s)


def test_a_missing_file_is_fetched_once(url: str, tmp_path: Path) -> None:
    """The file comes as it was sent, and is not asked for again."""
    folder = tmp_path / "new" / "set"
    _fetch(folder, f"{url}/good")
    assert (folder / "a.gz").read_bytes() == PACKED
    _fetch(folder, f"{url}/good")
    assert _Handler.asked == ["/good"]
    assert [path.name for path in folder.iterdir()] == ["a.gz"]


def test_a_mirror_may_pack_the_same_content_otherwise(url: str, tmp_path: Path) -> None:
    """What counts is the unpacked content."""
    _fetch(tmp_path, f"{url}/repacked")
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == CONTENT


@pytest.mark.parametrize("digits", [8, 64])
def test_a_file_that_is_not_packed_is_hashed_as_it_is(
    url: str, tmp_path: Path, digits: int
) -> None:
    """By its whole hash, or by the digits that are published."""
    remote = RemoteFile((f"{url}/plain",), SHA256[:digits], packed=False)
    fetch_missing({"w.pth": remote}, tmp_path)
    assert (tmp_path / "w.pth").read_bytes() == CONTENT
    wrong = RemoteFile((f"{url}/good",), SHA256[:digits], packed=False)
    with pytest.raises(DataError, match=f"expected SHA-256 {SHA256[:digits]}, found [0-9a-f]+$"):
        fetch_missing({"x.pth": wrong}, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["w.pth"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/other", f"expected SHA-256 {SHA256} unpacked, found {OTHER_SHA256}"),
        ("/plain", "Error -3 while decompressing data: incorrect header check"),
        ("/cut", "expected one whole gzip stream"),
        ("/twice", "expected one whole gzip stream"),
        ("/broken-off", f"expected {len(PACKED)} bytes, found 500"),
        ("/absent", "HTTP Error 404: Not Found"),
    ],
)
def test_a_bad_download_is_an_error_and_leaves_nothing(
    url: str, tmp_path: Path, path: str, reason: str
) -> None:
    """Wrong content, a cut-off file and a missing one: one error, no file, not even a part."""
    with pytest.raises(DataError) as error:
        _fetch(tmp_path, url + path)
    assert str(error.value) == (
        f"{tmp_path}/a.gz: not there, and it could not be downloaded; put the published file "
        f"there, or name its data root. Tried {url}{path}: {reason}"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_refuses_is_an_error(tmp_path: Path) -> None:
    """A port where nothing listens is named with the system's reason."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(DataError, match=rf"127\.0\.0\.1:{port}/good: .*Connection refused"):
        _fetch(tmp_path, f"http://127.0.0.1:{port}/good")
    assert list(tmp_path.iterdir()) == []


def test_a_silent_server_is_given_up_on(url: str, tmp_path: Path) -> None:
    """Waiting for an answer ends at the timeout."""
    with pytest.raises(DataError, match="/slow: timed out"):
        _fetch(tmp_path, f"{url}/slow", timeout_s=0.2)


def test_the_next_mirror_is_tried(url: str, tmp_path: Path) -> None:
    """A mirror's failure is only an error when the last one fails too."""
    _fetch(tmp_path, f"{url}/absent", f"{url}/other", f"{url}/good")
    assert (tmp_path / "a.gz").read_bytes() == PACKED
    assert _Handler.asked == ["/absent", "/other", "/good"]


def test_an_older_file_is_never_replaced(url: str, tmp_path: Path) -> None:
    """A file that is there is its reader's to judge."""
    (tmp_path / "a.gz").write_bytes(b"mine")
    _fetch(tmp_path, f"{url}/good")
    assert (tmp_path / "a.gz").read_bytes() == b"mine"
    assert _Handler.asked == []


class _Counting:
    """A progress that adds up."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.total = self.done = 0

    @contextmanager
    def task(self, name: str, total: int, done: int = 0) -> Iterator[Task]:
        self.names.append(name)
        self.total = total
        yield self

    def advance(self, steps: int = 1) -> None:
        self.done += steps

    def say(self, line: str) -> None:
        raise AssertionError(line)


def test_progress_counts_bytes(url: str, tmp_path: Path) -> None:
    """A watcher sees the file's name, its size, and all of it arrive."""
    progress = _Counting()
    fetch_missing({"a.gz": RemoteFile((f"{url}/good",), SHA256)}, tmp_path, progress)
    assert progress.names == ["download a.gz"]
    assert progress.done == progress.total == len(PACKED)


@pytest.mark.parametrize("name", get_args(MnistName))
def test_public_sets_come_over_https_with_a_hash_each(name: MnistName) -> None:
    """Four files, two mirrors, no plain http."""
    files = mnist_files(name)
    assert len(files) == len({file.sha256 for file in files.values()}) == 4
    for file_name, file in files.items():
        assert len(file.sha256) == 64
        assert len(file.urls) == 2
        assert all(url.startswith("https://") and url.endswith(file_name) for url in file.urls)

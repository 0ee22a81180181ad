"""A Hugging Face of one repository on loopback, as far as its client asks when it downloads."""

import hashlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REPO = "timm/net.in1k"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@contextmanager
def hub_server(files: Mapping[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """Its address, and the list of what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, body: bool) -> None:
            asked.append(f"{self.command} {self.path}")
            head, _, name = self.path.partition("/resolve/")
            _revision, _, name = name.partition("/")
            content = files.get(name) if head == f"/{REPO}" else None
            found = content is not None
            self.send_response(200 if found else 404)
            self.send_header("X-Repo-Commit", COMMIT)
            if content is None:
                code = "EntryNotFound" if head == f"/{REPO}" else "RepoNotFound"
                self.send_header("X-Error-Code", code)
                content = b""
            self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()

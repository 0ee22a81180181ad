"""What cameras to test against have in common, whatever they speak on loopback."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import ThreadingTCPServer
from typing import TypeVar


class NetworkCamera(ThreadingTCPServer):
    """Gives a frame every `interval_s` to everybody who asks.

    `pause` stalls every stream; `hang_up` ends them; `asked` counts connections.
    """

    daemon_threads = True
    # The threads of stalled streams need not be waited for.
    block_on_close = False
    allow_reuse_address = True

    interval_s = 0.02
    asked = 0

    @property
    def url(self) -> str:
        """Where it is."""
        raise NotImplementedError

    def server_activate(self) -> None:
        """Begin to listen, with everything running."""
        self.running, self.hang_up = threading.Event(), threading.Event()
        self.running.set()
        super().server_activate()

    def pause(self) -> None:
        """Keep connections open and say nothing."""
        self.running.clear()

    def resume(self) -> None:
        """Go on."""
        self.running.set()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves in the middle of a frame is no news."""


C = TypeVar("C", bound=NetworkCamera)


@contextmanager
def serving(camera: C) -> Iterator[C]:
    """`camera` while it runs."""
    with camera:
        thread = threading.Thread(target=camera.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield camera
        finally:
            camera.hang_up.set()
            camera.resume()
            camera.shutdown()
            thread.join()

"""`Proxy`: a link to a broker that a test can cut, stall and slow down."""

import contextlib
import socket
import threading
import time
from typing import Self


class Proxy:
    """Forwards TCP connections to a loopback port; a context manager.

    `cut` ends what there is and refuses what comes; `stall` keeps connections open and
    forwards nothing, as a network that swallows packets does; `mend` undoes both. `pace` sets
    how much passes from now on, `lag` how much later it arrives.

    Args:
        port: where connections go.
        bytes_per_s: how much passes in each direction of each connection; None for all.
        address: where it listens.
    """

    def __init__(
        self, port: int, bytes_per_s: int | None = None, address: str = "127.0.0.1"
    ) -> None:
        self._target, self._rate, self._address = port, bytes_per_s, address
        self._flows = threading.Event()  # clear while stalled
        self._flows.set()
        self._lag_s = 0.0
        self._open, self._closed = True, False
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.accepted = 0

    def __enter__(self) -> Self:
        self._server = socket.create_server((self._address, 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self.cut()
        self._flows.set()
        self._server.close()

    @property
    def url(self) -> str:
        """How clients reach the broker through it."""
        return f"mqtt://{self._address}:{self.port}"

    def cut(self) -> None:
        """End every connection without a goodbye; new ones are ended at once."""
        with self._lock:
            self._open = False
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                _kill(end)

    def stall(self) -> None:
        """Forward nothing, and say nothing."""
        self._flows.clear()

    def pace(self, bytes_per_s: int | None) -> None:
        """How much passes in each direction of each connection; None for all."""
        self._rate = bytes_per_s

    def lag(self, seconds: float) -> None:
        """How much later what one side sends arrives at the other, at the least."""
        self._lag_s = seconds

    def mend(self) -> None:
        """As in the beginning."""
        with self._lock:
            self._open = True
        self._flows.set()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        self._flows.wait()
        try:
            broker = socket.create_connection(("127.0.0.1", self._target), 5)
        except OSError:
            _kill(client)
            return
        broker.settimeout(None)  # that was for connecting: silence is no end
        with self._lock:
            if not self._open:
                _kill(client)
                _kill(broker)
                return
            self.accepted += 1
            self._pairs.append((client, broker))
        there = threading.Thread(target=self._forward, args=(client, broker), daemon=True)
        there.start()
        self._forward(broker, client)
        there.join()
        _kill(client)
        _kill(broker)

    def _portion(self) -> int:
        return 65536 if self._rate is None else max(1, self._rate // 50)

    def _forward(self, one: socket.socket, other: socket.socket) -> None:
        # As in a network, what one side had sent before it died still arrives at the other; what
        # is sent to the dead goes nowhere.
        sends = True
        try:
            while data := one.recv(self._portion()):
                self._flows.wait()
                time.sleep(self._lag_s)
                if (rate := self._rate) is not None:
                    time.sleep(len(data) / rate)
                if sends:
                    sends = _send(other, data)
        except OSError:
            pass
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_WR)


def _send(end: socket.socket, data: bytes) -> bool:
    try:
        end.sendall(data)
    except OSError:
        return False
    return True


class OldProxy(Proxy):
    """A broker behind it speaks MQTT 3.1.1 only: a v5 CONNECT is refused, as those of old do."""

    def _connect(self, client: socket.socket) -> None:
        head = client.recv(16, socket.MSG_PEEK)
        if head[head.find(b"MQTT") + 4] != 5:
            super()._connect(client)
            return
        client.recv(4096)  # a socket closed with unread data resets what it sends
        client.sendall(b"\x20\x02\x00\x01")  # CONNACK: unacceptable protocol version
        client.close()


def _kill(end: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it may be gone already
        end.shutdown(socket.SHUT_RDWR)
    end.close()

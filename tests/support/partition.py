"""`Cable`: a real network between an agent and everything else, which a test can pull."""

import contextlib
import itertools
import os
import shutil
import subprocess
from typing import Self

import pytest

NUMBERS = itertools.count()


class Cable:
    """A network name space with one interface, and a cable to this one; a context manager.

    `pull` takes the carrier away: packets go nowhere and nobody says so. `switch_off` takes the
    agent's interface away: whatever is sent is an error at once. `plug_in` undoes both. `renumber`
    gives the agent another address, as a router does: the connections of the old one hear nothing.

    `address` is this end of the cable, for a broker or a camera to listen on.
    """

    def __init__(self) -> None:
        number = next(NUMBERS)
        self._ours, self._theirs = f"ew{os.getpid()}a{number}", f"ew{os.getpid()}b{number}"
        # A network of this process alone, of those that nobody routes.
        net = f"10.{200 + number % 50}.{os.getpid() % 256}"
        self.address, self._far = f"{net}.1", f"{net}.2"
        self._holder: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        for tool in ("ip", "unshare", "nsenter"):
            if shutil.which(tool) is None:
                pytest.skip(f"needs {tool}, for a network of its own")
        # It ends when its input does, so with us at the latest; the name space goes with it.
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo && read end"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._holder.stdout is not None
        try:
            if not self._holder.stdout.readline():
                pytest.skip("needs the right to make network name spaces")
            self._lay()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        assert self._holder is not None
        self._holder.kill()
        self._holder.communicate()
        with contextlib.suppress(subprocess.CalledProcessError):  # it has gone with the other end
            _ip("link", "del", self._ours)

    @property
    def inside(self) -> tuple[str, ...]:
        """What a command begins with to be run at the far end; it keeps its process id."""
        assert self._holder is not None
        return ("nsenter", f"--net=/proc/{self._holder.pid}/ns/net")

    def pull(self) -> None:
        """No carrier, at either end."""
        _ip("link", "set", self._ours, "down")

    def switch_off(self) -> None:
        """No interface for the agent."""
        _ip("link", "set", self._theirs, "down", at=self.inside)

    def plug_in(self) -> None:
        """As in the beginning."""
        _ip("link", "set", self._ours, "up")
        _ip("link", "set", self._theirs, "up", at=self.inside)

    def renumber(self) -> None:
        """Another address for the far end."""
        before, self._far = self._far, f"{self._far}0"
        _ip("addr", "del", f"{before}/24", "dev", self._theirs, at=self.inside)
        _ip("addr", "add", f"{self._far}/24", "dev", self._theirs, at=self.inside)

    def _lay(self) -> None:
        assert self._holder is not None
        ends = ("type", "veth", "peer", "name", self._theirs, "netns", str(self._holder.pid))
        try:
            _ip("link", "add", self._ours, *ends)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"needs the right to make interfaces: {error.stderr.decode().strip()}")
        _ip("addr", "add", f"{self.address}/24", "dev", self._ours)
        _ip("addr", "add", f"{self._far}/24", "dev", self._theirs, at=self.inside)
        _ip("link", "set", "lo", "up", at=self.inside)
        self.plug_in()


def _ip(*words: str, at: tuple[str, ...] = ()) -> None:
    subprocess.run([*at, "ip", *words], check=True, capture_output=True)

"""`edgeward-agent` that also writes down, line by line, what its outbox has said is stored.

The file is named by EDGEWARD_JOURNAL. What an outbox says of itself later proves nothing of
what it has lost.
"""

import os
import sys
from collections.abc import Callable
from unittest.mock import patch

import msgspec

from edge_agent import cli
from edge_agent.contract.messages import ResultMessage
from edge_agent.outbox import outbox


class Stored(msgspec.Struct, frozen=True):
    """A result that is safe; the first fields of its message."""

    stream: str
    boot: str
    seq: int
    frame: int


def stored(result: ResultMessage) -> Stored:
    """What the journal has of `result`."""
    return Stored(result.stream, result.boot, result.seq, result.frame)


def journal(path: str) -> None:
    """Have every result that is stored written down in `path`, once that has been said."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    append = outbox.Outbox.append

    def journaled(
        self: outbox.Outbox, stream: str, topic: str, encode: Callable[[int], bytes]
    ) -> int:
        made: list[bytes] = []

        def kept(seq: int) -> bytes:
            made.append(encode(seq))
            return made[-1]

        seq = append(self, stream, topic, kept)
        stored = msgspec.json.decode(made[-1], type=Stored)
        os.write(file, msgspec.json.encode(stored) + b"\n")
        return seq

    patch.object(outbox.Outbox, "append", journaled).start()


if __name__ == "__main__":
    journal(os.environ["EDGEWARD_JOURNAL"])
    sys.exit(cli.main())

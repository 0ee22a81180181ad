"""What the JPEG decoder says of a damaged picture: it decodes it all the same, and complains.

It does so on standard error, and OpenCV has no other way to ask.
"""

import os
import re
from contextlib import suppress
from typing import Self

STDERR = 2
# libjpeg's warnings of lost picture. Others are harmless: many webcams have "extraneous bytes
# before marker 0xd9" in every frame.
DAMAGE = re.compile(rb"premature end|bad Huffman code|instead of RST", re.IGNORECASE)
KNOWN = re.compile(rb"Corrupt JPEG data: |Premature end of JPEG ")


class Complaints:
    """Listens to the process's standard error; a context manager, one at a time.

    What is not about JPEGs is passed on.
    """

    def __enter__(self) -> Self:
        self._kept = os.dup(STDERR)
        self._heard, said = os.pipe()
        # Neither side may ever wait: what does not fit is lost.
        os.set_blocking(self._heard, False)
        os.set_blocking(said, False)
        os.dup2(said, STDERR)
        os.close(said)
        return self

    def __exit__(self, *_: object) -> None:
        os.dup2(self._kept, STDERR)
        self.take()
        os.close(self._heard)
        os.close(self._kept)

    def take(self) -> str:
        """What was said of a damaged picture since the last time; empty if nothing was."""
        try:
            text = os.read(self._heard, 64 * 1024)
        except BlockingIOError:
            return ""
        damage = ""
        for line in text.splitlines(keepends=True):
            if not KNOWN.match(line):
                with suppress(OSError):  # a file on a disk that is full
                    os.write(self._kept, line)
            elif DAMAGE.search(line):
                damage = line.decode(errors="replace").strip()
        return damage

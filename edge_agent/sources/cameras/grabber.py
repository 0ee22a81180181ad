"""`Grabber`: what a camera's process asks of a camera, whatever drives it."""

from types import TracebackType
from typing import Protocol, Self

from edge_agent.common.arrays import U8
from edge_agent.common.errors import SourceError


class CorruptFrameError(SourceError):
    """A frame came that is not as it was taken; the next one may be."""


class Grabber(Protocol):
    """An open camera; a context manager that closes it.

    `still`: it gives a picture when asked, not by itself; nobody asks but for a look.
    """

    @property
    def still(self) -> bool:
        """Whether it is asked for each picture."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def pace(self, interval_s: float) -> None:
        """From now on a frame is looked at so seldom; what lies between may be left undecoded.

        Raises:
            SourceError: it was opened again for that, in vain.
        """
        ...

    def grab(self) -> float:
        """Wait for the next frame; when it was taken, as `time.monotonic` counts.

        A frame that is `LATE_S` old or older is one that was held back.

        Raises:
            SourceError: there is none any more.
        """
        ...

    def retrieve(self, into: U8 | None) -> U8:
        """The frame that was grabbed last, decoded: (H, W, 3) BGR.

        Args:
            into: where to write it if it has the right shape; what is returned may then be
                the very same array.

        Raises:
            CorruptFrameError: it cannot be decoded, or not whole.
        """
        ...

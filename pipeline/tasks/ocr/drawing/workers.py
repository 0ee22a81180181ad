"""Synthetic pictures made ahead of their use, by processes of their own or in this one.

Which process makes a picture, and when, changes nothing about it: it depends on its number
alone. The processes import no torch, so they start quickly and hold little.
"""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context, parent_process
from threading import Thread
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from edge_agent.bundle.manifest import InputSpec
from edge_agent.bundle.preprocess import fit
from edge_agent.common.arrays import U8
from pipeline.common.errors import TrainError
from pipeline.tasks.ocr.drawing.render import Renderer, Synthetic

# Batches under way for each process: one that it makes, one that it makes next.
_AHEAD = 2


@dataclass(frozen=True, eq=False)
class Pictures:
    """A batch of synthetic pictures at the network's size.

    Args:
        pixels: (n, H, W, C) uint8.
        texts: what is to be read from them.
    """

    pixels: U8
    texts: tuple[str, ...]


class PicturePool:
    """Makes batches of the pictures of `synthetic`, fitted to `spec`; a context manager.

    Args:
        synthetic: what is made.
        spec: the network's input.
        workers: how many processes make them; with 0 it is this one, when it is asked.

    Raises:
        DataError: as `Renderer`.
    """

    def __init__(self, synthetic: Synthetic, spec: InputSpec, workers: int = 0) -> None:
        self.synthetic = synthetic
        self._spec = spec
        self._workers = workers
        self._renderer = Renderer(synthetic)  # also says at once what is wrong with it
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        if self._workers:
            self._pool = ProcessPoolExecutor(
                self._workers,
                # A fork would copy torch's and OpenCV's threads, and their locks as they are.
                mp_context=get_context("spawn"),
                initializer=_start,
                initargs=(self.synthetic, self._spec),
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def batches(self, numbers: Iterable[Sequence[int]]) -> Iterator[Pictures]:
        """The pictures with those numbers, batch by batch, in their order.

        Raises:
            TrainError: a process died.
        """
        if self._pool is None:
            for batch in numbers:
                yield _make(self._renderer, self._spec, batch)
            return
        waiting: deque[Future[Pictures]] = deque()
        coming = iter(numbers)
        try:
            for batch in islice(coming, self._workers * _AHEAD):
                waiting.append(self._pool.submit(_made, batch))
            while waiting:
                ready = waiting.popleft().result()
                for batch in islice(coming, 1):
                    waiting.append(self._pool.submit(_made, batch))
                yield ready
        except BrokenProcessPool as error:
            raise TrainError(
                "synthetic: expected the processes that make pictures to live, found one dead; "
                "with text.synthetic.workers = 0 the pictures are made without them"
            ) from error
        finally:
            for future in waiting:
                future.cancel()


def _make(renderer: Renderer, spec: InputSpec, numbers: Sequence[int]) -> Pictures:
    samples = [renderer(number) for number in numbers]
    shape = (len(samples), spec.height, spec.width, spec.channels)
    pixels = np.empty(shape, np.uint8)
    for row, sample in zip(pixels, samples, strict=True):
        row[:] = fit(sample.image, spec)
    return Pictures(pixels, tuple(sample.text for sample in samples))


# What a worker process makes pictures with; set when it starts, one for the whole process.
_own: tuple[Renderer, InputSpec] | None = None


def _start(synthetic: Synthetic, spec: InputSpec) -> None:
    global _own
    Thread(target=_end_with_the_training, daemon=True).start()
    cv2.setNumThreads(1)  # each process is one core's work
    _own = (Renderer(synthetic), spec)


def _end_with_the_training() -> None:
    """A training that was killed asks for no more pictures, and does not say so either."""
    training = parent_process()
    assert training is not None, "the pool starts every process"
    training.join()
    os._exit(0)


def _made(numbers: Sequence[int]) -> Pictures:
    assert _own is not None, "the pool starts every process with _start"
    return _make(*_own, numbers)

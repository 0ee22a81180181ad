"""`Tape`: a network run up to one value after another, for the same samples all along."""

from collections.abc import Collection, Iterable
from dataclasses import replace

import numpy as np

from edge_agent.common.arrays import F32
from quantization.graph.graph import Graph, Node, write
from quantization.graph.session import InferenceSession, open_session
from quantization.scales.probe import batch_size

# The bytes that values held between two stops may take. If a value does not fit, the stops after
# it are computed from an earlier one again.
HELD_BYTES = 128 * 2**20


class Tape:
    """A network that stops at given values, in execution order.

    The graph may be exchanged between two steps for one that differs after the last stop:
    what is held was computed before it.

    Args:
        graph: with one input.
        samples: (S, ...), what it is run for.
        stops: the values to stop at; one may be there twice.
        batched: whether it takes more than one sample at a time.
        room: bytes that may be held, the samples not counted.
    """

    def __init__(
        self,
        graph: Graph,
        samples: F32,
        stops: Iterable[str],
        *,
        batched: bool,
        room: int = HELD_BYTES,
    ) -> None:
        self.graph = graph
        self._samples = samples
        self._held: dict[str, F32] = {graph.inputs[0]: samples}
        self._stops = list(stops)
        self._batched = batched
        self._room = room
        self._session: InferenceSession | None = None
        self._kept: F32 | None = None

    @property
    def held(self) -> tuple[str, ...]:
        """The values that are held for the stops to come."""
        return tuple(self._held)

    def advance(self) -> int:
        """Go on to the next stop, whose value `run` then gives.

        Returns:
            How many samples to run at a time.
        """
        self._forget()
        stop = self._stops.pop(0)
        self._stop = stop
        self._kept, self._session = None, None
        if stop in self._held:
            nodes: list[Node] = []
        else:
            nodes, start = _between(self.graph, self._held, [stop])
            self._start = tuple(start)
            self._session = open_session(write(self._part(nodes, stop)))
            self._kept = self._place(stop)
        return batch_size(self.graph, [n.output for n in nodes]) if self._batched else 1

    def run(self, part: slice) -> F32:
        """The value at the stop, for some of the samples; all have to be asked for once."""
        if self._session is None:
            return self._held[self._stop][part]
        feed = {value: self._held[value][part] for value in self._start}
        (array,) = self._session.run([self._stop], feed)
        if self._kept is not None:
            self._kept[part] = array
        value: F32 = array
        return value

    def _part(self, nodes: list[Node], stop: str) -> Graph:
        batch = -1 if self._batched else 1
        shapes = {value: (batch, *self._held[value].shape[1:]) for value in self._start}
        return replace(
            self.graph, nodes=tuple(nodes), inputs=self._start, outputs=(stop,), shapes=shapes
        )

    def _place(self, stop: str) -> F32 | None:
        """Where to keep the value at a stop, if later ones need it and there is room."""
        first, *rest = self.graph.shapes[stop]
        if first != 1:  # it is not the samples' axis
            return None
        shape = (len(self._samples), *rest)
        _, needed = _between(self.graph, {*self._held, stop}, self._stops)
        held = sum(self._held[v].nbytes for v in needed if v not in (stop, *self.graph.inputs))
        if stop not in needed or held + 4 * int(np.prod(shape)) > self._room:
            return None
        return np.empty(shape, np.float32)

    def _forget(self) -> None:
        """Keep the last stop's value, if it was to be, and drop what no later one needs."""
        if self._kept is not None:
            self._held[self._stop] = self._kept
        _, needed = _between(self.graph, self._held, self._stops)
        self._held = {value: array for value, array in self._held.items() if value in needed}


def _between(
    graph: Graph, known: Collection[str], wanted: Collection[str]
) -> tuple[list[Node], list[str]]:
    """The nodes that compute wanted values from known ones, and which of the latter they read."""
    nodes: list[Node] = []
    open_values = {value for value in wanted if value not in known}
    start = dict.fromkeys(value for value in wanted if value in known)
    for node in reversed(graph.nodes):
        if open_values.isdisjoint(node.outputs):
            continue
        nodes.append(node)
        for value in node.inputs:
            if value in known:
                start[value] = None
            elif value and value not in graph.constants:
                open_values.add(value)
    return nodes[::-1], list(start)

"""One step of an LSTM and of a GRU, in the arithmetic that costs int8 least.

Both are written as *what changes*, by a gate that is taken from 1:
``c' = c + (i * g - (1 - f) * c)`` and ``h' = h + (1 - z) * (n - h)``, where ``1 - sigmoid(a)``
is ``sigmoid(-a)`` and so had by weights of the other sign. The memory is then rounded once a
step, not as a product and again as a sum. And TFLite's int8 sigmoid ends at 255/256: a factor
of the memory, it would take 255 quanta to 128 in as many steps that should keep them, while
as a factor of the change it reaches 0.

Gates and their order are those of the ONNX specification
(https://onnx.ai/onnx/operators/onnx__LSTM.html and onnx__GRU.html).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from edge_agent.common.arrays import F32
from quantization.fold.recurrent.layer import Direction
from quantization.fold.recurrent.writer import NodeWriter


@dataclass(frozen=True)
class CellState:
    """The names of what one step hands to the next, rows (1, H); a GRU has no cell."""

    hidden: str
    cell: str


@dataclass(frozen=True)
class Gates:
    """Gates that are computed by one product, as one activation and so one scale is theirs.

    Args:
        name: of the product.
        inputs: the products of the inputs of all steps (1, T * N), by name.
        recurrence: (N, H), by name.
        biases: (N,) of the recurrent product, by name.
        size: N.
    """

    name: str
    inputs: str
    recurrence: str
    biases: str
    size: int

    def of_inputs(self, writer: NodeWriter, step: str, time: int) -> str:
        """The share of the inputs of one time, (1, N)."""
        start = time * self.size
        return writer.columns(f"{step}:{self.name}:x", self.inputs, start, start + self.size)

    def of_hidden(self, writer: NodeWriter, step: str, hidden: str) -> str:
        """The share of the hidden values, (1, N)."""
        return writer.product(f"{step}:{self.name}:h", hidden, self.recurrence, self.biases)

    def sum(self, writer: NodeWriter, step: str, time: int, hidden: str) -> str:
        """Both shares together, (1, N)."""
        x = self.of_inputs(writer, step, time)
        return writer.add(f"{step}:{self.name}", x, self.of_hidden(writer, step, hidden))


# Of ONNX's rows (G * H, ...), those of some gates (N, ...), of the sign they are used with.
Take: TypeAlias = Callable[[F32], F32]
# Writes, under a name, the product of all inputs by weights (N, I) and biases (N,): (1, T * N).
Project: TypeAlias = Callable[[str, F32, F32], str]
# Writes, under a name, the step of one time, from the state before it to the state after.
Cell: TypeAlias = Callable[[str, int, CellState], CellState]


def lstm(writer: NodeWriter, direction: Direction, project: Project) -> Cell:
    """The step of an LSTM, whose gates are input, output, forget, cell."""
    size = direction.recurrence.shape[1]
    biases = direction.biases + direction.recurrent_biases

    def logistic(array: F32) -> F32:  # input, output and 1 - forget
        return np.concatenate((array[: 2 * size], -array[2 * size : 3 * size]))

    def candidate(array: F32) -> F32:
        return array[3 * size :]

    none = np.zeros_like(biases)
    gates = _gates(writer, direction, project, "gates", logistic, biases, none)
    new = _gates(writer, direction, project, "new", candidate, biases, none)

    def step(name: str, time: int, state: CellState) -> CellState:
        opened = writer.sigmoid(f"{name}:opened", gates.sum(writer, name, time, state.hidden))
        taken, shown, lost = (
            writer.columns(f"{name}:{what}", opened, i * size, (i + 1) * size)
            for i, what in enumerate(("taken", "shown", "lost"))
        )
        fresh = writer.tanh(f"{name}:fresh", new.sum(writer, name, time, state.hidden))
        change = writer.subtract(
            f"{name}:change",
            writer.multiply(f"{name}:gain", taken, fresh),
            writer.multiply(f"{name}:loss", lost, state.cell),
        )
        cell = writer.add(f"{name}:cell", state.cell, change)
        squashed = writer.tanh(f"{name}:squashed", cell)
        return CellState(writer.multiply(f"{name}:hidden", shown, squashed), cell)

    return step


def gru(writer: NodeWriter, direction: Direction, project: Project, linear_before: bool) -> Cell:
    """The step of a GRU, whose gates are update, reset, hidden.

    Args:
        writer: where its nodes go.
        direction: its weights.
        project: writes the products of its inputs.
        linear_before: whether the reset gate acts after the recurrent product
            (`linear_before_reset`), as in PyTorch, and not before it.
    """
    size = direction.recurrence.shape[1]
    biases = direction.biases + direction.recurrent_biases

    def logistic(array: F32) -> F32:  # 1 - update and reset
        return np.concatenate((-array[:size], array[size : 2 * size]))

    def candidate(array: F32) -> F32:
        return array[2 * size :]

    none = np.zeros_like(biases)
    gates = _gates(writer, direction, project, "gates", logistic, biases, none)
    # What the reset gate acts on has its own biases under it.
    of_inputs = direction.biases if linear_before else biases
    under = direction.recurrent_biases if linear_before else none
    new = _gates(writer, direction, project, "new", candidate, of_inputs, under)

    def step(name: str, time: int, state: CellState) -> CellState:
        opened = writer.sigmoid(f"{name}:opened", gates.sum(writer, name, time, state.hidden))
        moved, reset = (
            writer.columns(f"{name}:{what}", opened, i * size, (i + 1) * size)
            for i, what in enumerate(("moved", "reset"))
        )
        if linear_before:
            product = new.of_hidden(writer, name, state.hidden)
            memory = writer.multiply(f"{name}:memory", reset, product)
        else:
            seen = writer.multiply(f"{name}:seen", reset, state.hidden)
            memory = new.of_hidden(writer, name, seen)
        total = writer.add(f"{name}:total", new.of_inputs(writer, name, time), memory)
        fresh = writer.tanh(f"{name}:fresh", total)
        apart = writer.subtract(f"{name}:apart", fresh, state.hidden)
        change = writer.multiply(f"{name}:change", moved, apart)
        return CellState(writer.add(f"{name}:hidden", state.hidden, change), state.cell)

    return step


def _gates(
    writer: NodeWriter,
    direction: Direction,
    project: Project,
    name: str,
    take: Take,
    biases: F32,
    recurrent_biases: F32,
) -> Gates:
    """Some of the gates: the product of all inputs, and the constants of the recurrent one."""
    name_of = f"{direction.name}:{name}"
    return Gates(
        name,
        project(name_of, take(direction.weights), take(biases)),
        writer.constant(f"{name_of}:recurrence", take(direction.recurrence)),
        writer.constant(f"{name_of}:recurrent biases", take(recurrent_biases)),
        len(take(direction.biases)),
    )

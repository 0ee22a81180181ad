"""One forward pass of a fake-quant network: integers between layers, as on the device."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from edge_agent.bundle.affine import Affine
from quantization.qat.kernels import apply
from quantization.qat.registry import GridRule
from quantization.qat.rounding import NO_BOUNDS, Cut, Rounding, saturated
from quantization.qat.scaling import ratio, short
from quantization.qat.steps import LayerStep
from quantization.qat.weights import on_grid


@dataclass(frozen=True)
class Value:
    """A value on the int8 grid.

    Args:
        data: ``q - zero_point``, integers held in float32.
        affine: what makes them real numbers.
    """

    data: Tensor
    affine: Affine

    @property
    def real(self) -> Tensor:
        """The real numbers."""
        return self.data * self.affine.scale


@dataclass(frozen=True)
class Target:
    """The int8 scale of a value.

    Args:
        affine: the scale.
        low, high: the parameters of its range's ends, as in `TrainedRanges`, if they are
            trained.
    """

    affine: Affine
    low: Tensor | None = None
    high: Tensor | None = None

    def quantize(
        self,
        quanta: Tensor,
        bounds: tuple[float, float] = NO_BOUNDS,
        rounding: Rounding = Rounding.EVEN,
    ) -> Value:
        """What is in quanta of this scale, rounded; cut off by an activation as well."""
        data = saturated(quanta, Cut.of(self.affine, bounds), self.low, self.high, rounding)
        return Value(data.float(), self.affine)


class Forward:
    """The values of one forward pass, as it goes on.

    Args:
        targets: the scale of each quantised value, by name.
        constants: weights, biases and constant operands, by name.
        operands: the scales of the constant operands, by name.
        exact: whether to compute every bit as the device does, which takes longer.
        keep: whether values are kept that no step reads any more.
    """

    def __init__(
        self,
        targets: Mapping[str, Target],
        constants: Mapping[str, Tensor],
        operands: Mapping[str, Affine],
        *,
        exact: bool,
        keep: bool = False,
    ) -> None:
        self._targets, self._constants, self._operands = targets, constants, operands
        self._exact, self._keep = exact, keep
        self._reals: dict[str, Tensor] = {}  # what layers in float computed
        self.values: dict[str, Value] = {}

    def run(self, source: str, x: Tensor, steps: Iterable[LayerStep]) -> None:
        """Compute steps from the network's input (N, ...)."""
        self._quantize(source, x)
        for step in steps:
            if step.real:
                self._reals[step.output] = self._real(step)
                if step.output in self._targets:
                    self._quantize(step.output, self._reals[step.output])
            else:
                self.values[step.output] = self._on_grid(step, self._targets[step.output])
            for name in () if self._keep else step.finished:
                self._reals.pop(name, None)
                self.values.pop(name, None)

    def _quantize(self, name: str, x: Tensor) -> None:
        target = self._targets[name]
        self.values[name] = target.quantize(x / target.affine.scale)

    def _real(self, step: LayerStep) -> Tensor:
        """A layer that stays in float; of another such layer it reads what was not rounded."""
        inputs = [self._real_input(name) for name in (*step.inputs, *(step.layer or ()))]
        y = step.operator.compute(step.call, *inputs)
        return y if step.call.bounds == NO_BOUNDS else y.clamp(*step.call.bounds)

    def _real_input(self, name: str) -> Tensor:
        if name in self._constants:
            return self._constants[name]
        return self._reals[name] if name in self._reals else self.values[name].real

    def _on_grid(self, step: LayerStep, target: Target) -> Value:
        inputs = [self._input(name, target if step.shared else None) for name in step.inputs]
        grid = step.operator.grid
        if grid is GridRule.MOVED and step.shared:
            data = step.operator.compute(step.call, *(i.data for i in inputs))
            return Value(data, target.affine)
        scale = target.affine.scale
        if grid is GridRule.REAL:
            quanta = step.operator.compute(step.call, *(i.real for i in inputs)) / scale
        elif grid is GridRule.PRODUCT:
            quanta = self._product(step, inputs, scale)
        elif grid is GridRule.SCALED:
            quanta = self._scaled(step, inputs, scale)
        else:
            data = step.operator.compute(step.call, *(i.data for i in inputs))
            quanta = data * ratio(inputs[0].affine.scale, scale)
        value = target.quantize(quanta, step.call.bounds, step.operator.rounding)
        if self._exact and step.operator.kernel is not None:
            return _corrected(value, inputs, step.operator.kernel)
        return value

    def _input(self, name: str, wanted: Target | None) -> Value:
        """A value or a constant operand, at the scale that is wanted."""
        if name in self._constants:
            target = wanted or Target(self._operands[name])
            return target.quantize(self._constants[name] / target.affine.scale)
        value = self.values[name]
        if wanted is None or value.affine == wanted.affine:
            return value
        factor = short(ratio(value.affine.scale, wanted.affine.scale))
        return wanted.quantize(value.data * factor, rounding=Rounding.UP)

    def _scaled(self, step: LayerStep, inputs: list[Value], scale: float) -> Tensor:
        """What a fixed-point kernel computes, in quanta of a scale."""
        # In evaluation wide enough for its every bit; in training a result in some 10,000
        # may round the other way.
        data = [i.data.double() if self._exact else i.data for i in inputs]
        ratios = tuple(ratio(i.affine.scale, scale) for i in inputs)
        return step.operator.compute(step.call, *data, ratios=ratios)

    def _product(self, step: LayerStep, inputs: list[Value], scale: float) -> Tensor:
        """An exact product of integers, in quanta of a scale."""
        x = inputs[0]
        if step.layer is None or step.weights is None:
            y = step.operator.compute(step.call, *(i.data for i in inputs))
            return y.mul_(x.affine.scale * inputs[1].affine.scale / scale)
        weight, bias = (self._constants[name] for name in step.layer)
        q_weight, q_bias, scales = on_grid(weight, bias, x.affine.scale, step.weights)
        y = step.operator.compute(step.call, x.data, q_weight, q_bias)
        # In float32 and in this order, as XNNPACK; channels are the second axis.
        factors = scales * x.affine.scale / scale
        return y.mul_(factors.reshape(-1, *(1,) * (y.ndim - 2)))


def _corrected(value: Value, inputs: list[Value], kernel: str) -> Value:
    """A value as a kernel computes it from its inputs; the gradient is that of `value`."""
    found = apply(kernel, [(i.data, i.affine) for i in inputs], value.affine)
    if found is None:
        return value
    # A difference of integers: exact.
    return Value(value.data + (found - value.data).detach(), value.affine)

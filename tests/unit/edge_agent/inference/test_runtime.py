"""The interpreter: one that truly runs, or an error that says what to install."""

import importlib
import platform
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from support.bright import DATA

from edge_agent.common.errors import BundleError, RuntimeUnavailableError
from edge_agent.inference import runtime
from edge_agent.inference.runtime import (
    CHOICE_VARIABLE,
    RUNTIMES,
    Interpreter,
    machine_name,
    runtime_name,
)


class Native:
    """A native interpreter as the runtimes have it, that only keeps what it was told."""

    made: list[dict[str, Any]] = []  # noqa: RUF012

    def __init__(self, **options: Any) -> None:
        self.made.append(options)

    def allocate_tensors(self) -> None: ...

    def get_input_details(self) -> list[dict[str, Any]]:
        return [{"shape": (1, 2), "dtype": np.int8, "quantization": (0.5, 3), "index": 0}]

    def get_output_details(self) -> list[dict[str, Any]]:
        return [{"shape": (1, 2), "dtype": np.int8, "quantization": (0.5, 3), "index": 1}]


def test_the_output_is_a_copy() -> None:
    """A result must not change under its owner when the interpreter runs again."""
    with Interpreter((DATA / "bright.tflite").read_bytes()) as interpreter:
        (dark,) = interpreter.infer(np.full((1, 8, 8, 3), -128, np.int8))
        kept = dark.copy()
        interpreter.infer(np.full((1, 8, 8, 3), 127, np.int8))
    np.testing.assert_array_equal(dark, kept)


def test_the_ports_are_the_files_own() -> None:
    """Shape, type and scale are read from the model, not assumed."""
    with Interpreter((DATA / "bright.tflite").read_bytes()) as interpreter:
        assert interpreter.input.shape == (1, 8, 8, 3)
        assert interpreter.input.dtype == "int8"
        assert interpreter.input.affine is not None
        assert interpreter.input.affine.zero_point == -128
        assert [port.shape for port in interpreter.outputs] == [(1, 2)]


def test_the_name_has_the_version() -> None:
    """What a latency was measured with is said in full."""
    name, version = runtime_name().split(" ")
    assert name in RUNTIMES
    assert version[0].isdigit()


def test_an_unknown_choice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt EDGEWARD_RUNTIME is an error, not a fall-back."""
    monkeypatch.setenv(CHOICE_VARIABLE, "tensorflow")
    with pytest.raises(RuntimeUnavailableError) as caught:
        runtime_name()
    expected = "expected one of ai-edge-litert, tflite-runtime, found 'tensorflow'"
    assert str(caught.value) == f"EDGEWARD_RUNTIME: {expected}"


def test_no_runtime_at_all_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both names, both reasons and the command are in the message."""

    def refuse(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.delenv(CHOICE_VARIABLE, raising=False)
    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(RuntimeUnavailableError, match="pip install ai-edge-litert") as caught:
        runtime_name()
    assert "tflite-runtime: No module named 'tflite_runtime.interpreter'" in str(caught.value)


def test_tflite_runtime_with_numpy_2_is_refused_before_it_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would import and then fail with an unrelated error: the remedy is named instead."""
    monkeypatch.setenv(CHOICE_VARIABLE, "tflite-runtime")
    monkeypatch.setattr(importlib, "import_module", lambda name: SimpleNamespace(__name__=name))
    monkeypatch.setattr(np, "__version__", "2.1.0")
    with pytest.raises(RuntimeUnavailableError, match=r"needs numpy below 2, found 2\.1\.0"):
        runtime_name()


def test_the_threads_are_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as were asked for: the agent's configuration and the bench rely on it."""
    monkeypatch.setattr(
        runtime, "_runtime", lambda: ("fake 1", SimpleNamespace(Interpreter=Native))
    )
    model = (DATA / "bright.tflite").read_bytes()
    Interpreter(model, threads=3)
    assert Native.made[-1] == {"model_content": model, "num_threads": 3}


def test_a_network_with_two_inputs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one image at a time: nothing would feed the other."""

    class TwoInputs(Native):
        def get_input_details(self) -> list[dict[str, Any]]:
            return super().get_input_details() * 2

    monkeypatch.setattr(
        runtime, "_runtime", lambda: ("fake 1", SimpleNamespace(Interpreter=TwoInputs))
    )
    with pytest.raises(BundleError, match=r"^gate: expected one input, found 2$"):
        Interpreter((DATA / "bright.tflite").read_bytes(), place="gate")


def test_a_model_that_is_not_sound_never_reaches_the_runtime(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The runtimes believe what they are given: a file cut short is refused before."""
    monkeypatch.setattr(
        runtime, "_runtime", lambda: ("fake 1", SimpleNamespace(Interpreter=Native))
    )
    made = len(Native.made)
    with pytest.raises(BundleError, match=r"^gate: Model\..*: expected it within 600 bytes"):
        Interpreter((DATA / "bright.tflite").read_bytes()[:600], place="gate")
    assert len(Native.made) == made


def test_every_output_of_a_network_is_read() -> None:
    """Each of its own shape and type, in the file's order: scores, and the best one's place."""
    random = np.random.default_rng(0)
    with Interpreter((DATA / "scores_and_best.tflite").read_bytes()) as interpreter:
        scores, best = interpreter.outputs
        assert (scores.shape, scores.dtype) == ((1, 4), "int8")
        assert (best.shape, best.dtype, best.affine) == ((1, 1), "int32", None)
        assert scores.affine is not None
        kept = []
        for _ in range(20):
            found = interpreter.infer(random.integers(-128, 128, (1, 5), np.int8))
            assert [(array.shape, array.dtype.name) for array in found] == [
                (port.shape, port.dtype) for port in interpreter.outputs
            ]
            assert found[1].item() == found[0].argmax()
            kept.append((found, [array.copy() for array in found]))
    assert len({found[1].item() for found, _ in kept}) > 1
    for found, copies in kept:  # none has changed under its owner since
        for array, copy in zip(found, copies, strict=True):
            np.testing.assert_array_equal(array, copy)


def test_leaving_frees_the_native_interpreter() -> None:
    """A bundle that is exchanged must not leave its memory behind."""
    with Interpreter((DATA / "bright.tflite").read_bytes()) as interpreter:
        native = weakref.ref(interpreter._native)
        assert native() is not None
    assert native() is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (
            "processor\t: 0\nmodel name\t: ARMv7 Processor rev 3\nHardware\t: BCM2711\n"
            "Model\t\t: Raspberry Pi 4 Model B Rev 1.4\n",
            "Raspberry Pi 4 Model B Rev 1.4",
        ),
        ("model\t: 85\nmodel name\t: Some CPU @ 2: 0 GHz\n", "Some CPU @ 2: 0 GHz"),
    ],
    ids=["pi", "pc"],
)
def test_the_machine_is_named_as_its_maker_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, name: str
) -> None:
    """The board where it says so, else the processor."""
    (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(runtime, "CPU_INFO", tmp_path / "cpuinfo")
    assert machine_name() == f"{name} ({platform.machine()})"


def test_a_machine_that_tells_nothing_is_named_by_its_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A latency is never without the place it was measured at."""
    monkeypatch.setattr(runtime, "CPU_INFO", tmp_path / "none")
    assert machine_name() == (platform.processor() or platform.machine())

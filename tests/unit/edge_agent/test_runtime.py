"""The interpreter: one that truly runs, or an error that says what to install."""

import importlib
from types import SimpleNamespace

import numpy as np
import pytest
from bright import DATA

from edge_agent.errors import RuntimeUnavailableError
from edge_agent.runtime import CHOICE_VARIABLE, RUNTIMES, Interpreter, runtime_name


def test_the_output_is_a_copy() -> None:
    """A result must not change under its owner when the interpreter runs again."""
    with Interpreter((DATA / "bright.tflite").read_bytes()) as interpreter:
        dark = interpreter.infer(np.full((1, 8, 8, 3), -128, np.int8))
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
        assert interpreter.output.shape == (1, 2)


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

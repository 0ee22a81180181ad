"""`edgeward`: what it prints, and an exit status for every kind of failure."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import edge_agent
import pipeline.common.errors
from edge_agent.client import Delivery
from edge_agent.common.errors import BrokerError
from edge_agent.common.exit_codes import ExitCode
from edge_agent.contract.messages import StatusMessage
from edge_agent.mqtt.endpoint import Broker
from pipeline import cli
from pipeline.catalogue.folder import recipe_folder
from pipeline.common.errors import PipelineError
from pipeline.demo.demo import Outcome
from quantization.errors import QuantizationError, UnsupportedOperatorError


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit status of `edgeward arguments`."""
    monkeypatch.setattr(sys, "argv", ["edgeward", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def kinds() -> Iterator[type[PipelineError]]:
    for kind in vars(pipeline.common.errors).values():
        if isinstance(kind, type) and issubclass(kind, PipelineError) and kind is not PipelineError:
            yield kind


def test_every_kind_of_error_has_a_status_of_its_own() -> None:
    """No two kinds share one, and none passes for something unexpected."""
    codes = [cli.exit_code(kind("x")) for kind in (*kinds(), QuantizationError)]
    assert len(set(codes)) == len(codes)
    assert all(20 <= code <= 29 for code in codes)


def test_the_status_of_an_error_is_that_of_its_base() -> None:
    """A more special error counts as its kind; the device's errors keep the device's."""
    assert cli.exit_code(UnsupportedOperatorError("x")) == ExitCode.QUANTIZATION
    assert cli.exit_code(BrokerError("x")) == ExitCode.BROKER
    assert cli.exit_code(PipelineError("x")) == ExitCode.UNEXPECTED


def test_an_error_is_one_line_and_its_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """No traceback for a recipe that is not there."""
    assert run(monkeypatch, "build", str(tmp_path / "no.toml")) == ExitCode.RECIPE
    said = capsys.readouterr().err
    assert said.startswith(f"edgeward: {tmp_path}/no.toml: expected a recipe file, found none")
    assert said.count("\n") == 1


@pytest.mark.parametrize("command", ["watch", "demo"])
def test_an_address_that_is_none_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    command: str,
) -> None:
    """A mistyped broker costs no training, and is one line."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "edgeward-agent").touch()
    demo = ["--device-python", str(tmp_path / "python")] if command == "demo" else []
    assert run(monkeypatch, command, "--broker", "localhost", *demo) == ExitCode.BROKER
    assert capsys.readouterr().err == (
        "edgeward: broker url: expected mqtt://HOST[:PORT] or mqtts://HOST[:PORT], "
        "found 'localhost'\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["edgeward-agent"]


def test_ctrl_c_says_that_the_run_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The shell's status of an interrupted command, and what to do next."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipeline.run.start.open_recipe", interrupted)
    assert run(monkeypatch, "build", str(recipe_folder() / "digits.toml")) == ExitCode.INTERRUPTED
    assert "edgeward: interrupted; the same command goes on from here\n" in capsys.readouterr().err


def test_a_build_ends_with_its_bundle_and_its_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], built_copy: Path
) -> None:
    """The two paths a user wants next, on standard output."""
    recipe = built_copy / "recipe.toml"
    assert run(monkeypatch, "build", str(recipe), "--out", str(built_copy)) == ExitCode.OK
    bundle, report = built_copy / "verify" / "tiny.edgeward", built_copy / "report" / "report.html"
    assert capsys.readouterr().out == f"bundle {bundle}\nreport {report}\n"
    assert bundle.is_file()
    assert report.is_file()


def test_the_version_is_the_packages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One version for both commands."""
    assert run(monkeypatch, "--version") == ExitCode.OK
    assert capsys.readouterr().out == f"edgeward {edge_agent.__version__}\n"


@pytest.mark.parametrize(
    ("lost", "duplicated", "status"), [(0, 0, 0), (1, 0, ExitCode.DEMO), (0, 1, ExitCode.DEMO)]
)
def test_a_demo_that_lost_or_repeated_a_result_has_failed(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    lost: int,
    duplicated: int,
    status: int,
) -> None:
    """The line is printed all the same, and its own status tells a script."""
    outcome = Outcome(
        frames=9,
        received=9 - lost,
        lost=lost,
        duplicated=duplicated,
        right=8,
        trained_accuracy=0.9,
        int8_accuracy=0.9,
        report=Path("report.html"),
    )
    monkeypatch.setattr("pipeline.demo.demo.demo", lambda *_: outcome)
    assert run(monkeypatch, "demo") == status
    assert capsys.readouterr().out == f"scenes: 8 of 9 read rightly\n{outcome.line()}\n"


@pytest.mark.parametrize(
    ("options", "first"), [([], "door: online\n"), (["--json"], '{"schema":"edgeward.status/1"')]
)
def test_watch_shows_what_comes_until_ctrl_c_and_ends_with_the_account(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    first: str,
) -> None:
    """Of the device asked for; being stopped is how it ends, not a failure."""
    asked: list[object] = []

    @contextmanager
    def subscriber(broker: Broker, device: str | None) -> Iterator[Iterator[Delivery]]:
        asked.extend((str(broker.endpoint), device))
        yield deliveries()

    def deliveries() -> Iterator[Delivery]:
        yield Delivery(
            "topic",
            StatusMessage(device="door", boot="a", state="online", version="1", streams=()),
        )
        raise KeyboardInterrupt

    monkeypatch.setattr("edge_agent.client.Subscriber", subscriber)
    assert run(monkeypatch, "watch", "--device", "door", *options) == ExitCode.OK
    said = capsys.readouterr()
    assert said.out.startswith(first)
    assert said.err == "0 received, 0 lost, 0 duplicated\n"
    assert asked == ["mqtt://localhost:1883", "door"]


def test_a_file_that_cannot_be_read_shows_in_the_status_of_predict(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    bright_path: Path,
    tmp_path: Path,
) -> None:
    """The others are answered all the same; where all can be read, the status is 0."""
    (tmp_path / "a.pgm").write_bytes(b"P5 2 2 255\n" + bytes(4))
    assert run(monkeypatch, "predict", str(bright_path), str(tmp_path)) == ExitCode.OK
    (tmp_path / "b.pgm").write_bytes(b"")
    assert run(monkeypatch, "predict", str(bright_path), str(tmp_path)) == ExitCode.DATA
    said = capsys.readouterr()
    assert said.out.count("a.pgm") == 2
    assert "b.pgm: expected an image, found an empty file\n" in said.err
    assert said.err.endswith("edgeward: files that could not be read: 1\n")


def test_too_few_right_answers_are_a_gate_of_evaluate(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    bright_path: Path,
    tmp_path: Path,
) -> None:
    """The figures are printed, then the status says that the gate does not hold."""
    (tmp_path / "bright").mkdir()
    (tmp_path / "bright" / "a.pgm").write_bytes(b"P5 2 2 255\n" + bytes(4))
    arguments = ("evaluate", str(bright_path), str(tmp_path))
    assert run(monkeypatch, *arguments) == ExitCode.OK
    assert run(monkeypatch, *arguments, "--min-accuracy", "0.5") == ExitCode.GATE
    assert "accuracy            0.0 %" in capsys.readouterr().out

"""The demo: the agent as a process of its own, every frame accounted for, failures named."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.progress import recorded

from edge_agent.client.ledger import Ledger
from edge_agent.config import load_config
from edge_agent.contract.messages import BundleRef, ResultMessage
from edge_agent.outbox.outbox import Outbox
from edge_agent.sources.config import VideoConfig
from edge_agent.tasks.classify.answer import Classification
from edge_agent.tasks.classify.options import ClassifyOptions
from pipeline.common.errors import DemoError
from pipeline.demo import demo as module
from pipeline.demo.demo import (
    FILM,
    Outcome,
    agent_command,
    agent_config,
    default_device_python,
    demo,
)
from pipeline.demo.scenes import REGION, Scene
from pipeline.run.run import Run
from pipeline.run.stages.verify import bundle_path


def script(folder: Path, text: str) -> Path:
    """A device environment whose agent is the shell script `text`; its Python."""
    agent = folder / "bin" / "edgeward-agent"
    agent.parent.mkdir()
    agent.write_text(f"#!/bin/sh\n{text}\n")
    agent.chmod(0o755)
    return agent.with_name("python")


def test_every_frame_comes_back_as_a_result(
    built_copy: Path, open_tiny: Callable[..., Run]
) -> None:
    """Five scenes, five results, none lost or twice; and again with a fresh outbox."""
    run = open_tiny(built_copy)
    for _ in range(2):
        outcome = demo(run, None, Path(sys.executable), frames=5)
        assert (outcome.frames, outcome.received, outcome.lost, outcome.duplicated) == (5, 5, 0, 0)
    assert outcome.right >= 3  # of a network that learnt for three epochs
    assert outcome.report == built_copy / "report" / "report.html"
    said = "\n".join(recorded(run.progress).lines)
    assert "demo/panel #5" in said
    assert "demo: offline (done)" in said
    with Outbox(built_copy / "device" / "outbox.sqlite") as outbox:
        assert outbox.state().depth == 0


def test_the_last_line_is_for_people_and_scripts() -> None:
    """Word for word what scripts look for."""
    outcome = Outcome(
        frames=100,
        received=98,
        lost=2,
        duplicated=1,
        right=97,
        trained_accuracy=0.99111,
        int8_accuracy=0.98889,
        report=Path("runs/demo/report/report.html"),
    )
    assert outcome.line() == (
        "demo: 100 frames, 98 results received, 2 lost, 1 duplicated; "
        "trained 99.1 %, int8 98.9 % on held-out; report runs/demo/report/report.html"
    )


def test_without_an_agent_nothing_is_begun(tmp_path: Path, open_tiny: Callable[..., Run]) -> None:
    """The error says what makes the environment, before anything is trained."""
    run = open_tiny(tmp_path / "run")
    with pytest.raises(DemoError) as caught:
        demo(run, None, tmp_path / "python", 5)
    assert str(caught.value) == (
        f"{tmp_path}/edgeward-agent: expected the agent of the device environment, "
        "found nothing; `make demo` makes that environment"
    )
    assert not run.folder.exists()


def test_an_environments_python_is_not_followed_to_the_systems(tmp_path: Path) -> None:
    """A virtual environment's python is a link; the agent is beside the link."""
    python = script(tmp_path, "exit 0")
    python.symlink_to(sys.executable)
    assert agent_command(python) == tmp_path / "bin" / "edgeward-agent"


def test_the_agent_that_fails_is_quoted(built_copy: Path, open_tiny: Callable[..., Run]) -> None:
    """Its status, its last line, and where the rest is."""
    python = script(built_copy, "echo first; echo the camera is on fire >&2; exit 14")
    with pytest.raises(DemoError) as caught:
        demo(open_tiny(built_copy), None, python, 2)
    log = built_copy / "device" / "agent.log"
    assert str(caught.value) == (
        f"agent: expected exit status 0, found 14: the camera is on fire (log: {log})"
    )


def test_an_agent_that_falls_silent_is_ended(
    built_copy: Path, open_tiny: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not waited for without end, and does not outlive the demo."""
    monkeypatch.setattr(module, "PATIENCE_S", 0.1)
    monkeypatch.setattr(module, "LINGER_S", 0.1)
    python = script(built_copy, "echo $$ > pid; exec sleep 600")
    monkeypatch.chdir(built_copy)
    with pytest.raises(DemoError, match=r"^agent: expected results, found none for 0 s$"):
        demo(open_tiny(built_copy), None, python, 2)
    with pytest.raises(ProcessLookupError):
        os.kill(int((built_copy / "pid").read_text()), 0)


def test_the_agent_sees_nothing_of_the_host(
    built_copy: Path, open_tiny: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The device environment is proven by its own packages, whatever the host's variables."""
    monkeypatch.setenv("PYTHONPATH", "/host")
    monkeypatch.setenv("EDGEWARD_KEPT", "yes")
    python = script(built_copy, 'echo "path=$PYTHONPATH kept=$EDGEWARD_KEPT"; exit 1')
    with pytest.raises(DemoError, match="path= kept=yes"):
        demo(open_tiny(built_copy), None, python, 1)


def test_the_configuration_is_one_the_agent_takes(
    built: Path, tmp_path: Path, open_tiny: Callable[..., Run]
) -> None:
    """One stream that looks at the film's region, with the run's bundle, wherever it lies."""
    folder = tmp_path / 'a "quoted" folder' / "device"
    folder.mkdir(parents=True)
    run = open_tiny(built)
    (folder / "agent.toml").write_text(agent_config("mqtt://127.0.0.1:1", folder, run))
    config = load_config(folder / "agent.toml")
    (stream,) = config.streams
    assert stream.bundle.resolve() == bundle_path(run).resolve()
    assert stream.source == VideoConfig(path=folder / FILM)
    assert isinstance(stream.options, ClassifyOptions)
    assert stream.options.region == REGION
    assert config.outbox.path == folder / "outbox.sqlite"


def test_the_device_environment_is_the_one_make_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else this very environment, which has an agent too."""
    monkeypatch.chdir(tmp_path)
    assert default_device_python() == Path(sys.executable)
    python = tmp_path / ".venv-device" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert default_device_python() == Path(".venv-device/bin/python")


def test_an_agent_that_stays_after_the_film_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had nothing more to do: staying is an error, and it does not outlive the demo."""
    monkeypatch.setattr(module, "PATIENCE_S", 0.1)
    agent = script(tmp_path, "exec sleep 600").with_name("edgeward-agent")
    kept: list[subprocess.Popen[str]] = []

    def use() -> None:
        with module._agent(agent, tmp_path / "agent.toml") as process:
            kept.append(process)

    with pytest.raises(DemoError, match="expected it to end after the film, found it running"):
        use()
    assert kept[0].returncode == -15


def test_the_outcome_counts_what_is_missing_repeated_and_right(
    built: Path, open_tiny: Callable[..., Run]
) -> None:
    """Of three scenes one result is lost, one came twice, and one of two names the digit."""
    run = open_tiny(built)
    test = run.dataset.test
    scenes = tuple(
        Scene(number, test.ids[number], int(test.labels[number]), REGION) for number in range(3)
    )
    ledger = Ledger()
    seen = {}
    right, other = str(test.labels[0]), str((test.labels[2] + 1) % 10)
    for seq, (frame, label) in enumerate([(0, right), (2, other)], start=1):
        seen[frame] = ResultMessage(
            device="demo",
            stream="panel",
            boot="a",
            seq=seq,
            frame=frame,
            captured_at=datetime.now(UTC),
            latency_ms=1.0,
            bundle=BundleRef(name="tiny", id="0"),
            result=Classification(label=label, index=0, confidence=1.0, sure=True, top=()),
        )
        ledger.record(seen[frame])
    ledger.record(seen[2])
    outcome = module._outcome(run, scenes, ledger, seen)
    assert (outcome.frames, outcome.received, outcome.lost, outcome.duplicated) == (3, 2, 1, 1)
    assert outcome.right == 1

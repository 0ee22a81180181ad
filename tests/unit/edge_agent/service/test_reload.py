"""Reloading: what is proven before it takes over, and what is refused."""

import dataclasses
import queue
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias, cast

import pytest
from support.agents import write_config

from edge_agent.common.errors import BundleError, ConfigError, SourceError
from edge_agent.config import AgentConfig, load_config
from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.inference.threads import MEMORY_FILE
from edge_agent.service.manager import Manager
from edge_agent.service.notify import Notifier
from edge_agent.service.plan import AgentPlan, prepare
from edge_agent.service.reload import Reloader

Done: TypeAlias = "queue.SimpleQueue[tuple[AgentPlan | None, Exception | None]]"
IMAGES = '{ kind = "images", path = "." }'


@pytest.fixture(name="file")
def _file(tmp_path: Path, bright_path: Path) -> Path:
    (tmp_path / "0.png").touch()
    return write_config(tmp_path, "mqtt://127.0.0.1:1", bright_path, IMAGES, stream="threads = 1")


@pytest.fixture(name="plan")
def _plan(file: Path) -> Iterator[AgentPlan]:
    plan = prepare(load_config(file))
    yield plan
    plan.close()


@pytest.fixture(name="done")
def _done() -> Done:
    return queue.SimpleQueue()


@pytest.fixture(name="reloader")
def _reloader(file: Path, done: Done) -> Reloader:
    return reloader_of(lambda: load_config(file), done)


def reloader_of(load: Callable[[], AgentConfig] | None, done: Done) -> Reloader:
    manager = Manager(Notifier())
    return Reloader(load, TfliteRecognizer, manager, lambda *found: done.put(found))


def test_the_same_configuration_changes_nothing(
    reloader: Reloader, plan: AgentPlan, done: Done
) -> None:
    """Streams go on: no camera is opened anew because somebody saved a file."""
    reloader.begin()
    assert reloader.finish(plan, *done.get(timeout=60)) is None


def test_another_one_takes_over(
    file: Path, reloader: Reloader, plan: AgentPlan, done: Done
) -> None:
    """Its models are open by then."""
    file.write_text(file.read_text().replace('"front"', '"back"'))
    reloader.begin()
    following = reloader.finish(plan, *done.get(timeout=60))
    assert following is not None
    assert [part.config.name for part in following.parts] == ["back"]
    following.close()


def test_another_bundle_under_the_same_name_takes_over(plan: AgentPlan, file: Path) -> None:
    """The configuration's file is the same, what it names is not."""
    again = prepare(load_config(file))
    again.close()
    assert again.same_as(plan)
    (part,) = again.parts
    newer = dataclasses.replace(part, bundle=dataclasses.replace(part.bundle, id="1" * 64))
    assert not dataclasses.replace(again, parts=(newer,)).same_as(plan)


def test_a_wrong_one_is_refused_and_said(
    file: Path, plan: AgentPlan, done: Done, caplog: pytest.LogCaptureFixture
) -> None:
    """The error with its file and key, in the log; nothing takes over."""
    reloader = reloader_of(lambda: load_config(file), done)
    file.write_text(file.read_text().replace("keepalive_s", "keepalive"))
    reloader.begin()
    found = done.get(timeout=60)
    assert isinstance(found[1], ConfigError)
    assert reloader.finish(plan, *found) is None
    assert f"new configuration refused: {file}: unknown key 'keepalive'" in caplog.text


def test_a_source_of_files_that_are_not_there_is_refused(
    file: Path, reloader: Reloader, plan: AgentPlan, done: Done, tmp_path: Path
) -> None:
    """Found while the old streams run; a camera that is not there may come."""
    (tmp_path / "0.png").unlink()
    reloader.begin()
    found = done.get(timeout=60)
    assert isinstance(found[1], SourceError)
    assert reloader.finish(plan, *found) is None
    nobody = '{ kind = "camera", url = "http://127.0.0.1:1/" }'
    file.write_text(file.read_text().replace(IMAGES, nobody))
    reloader.begin()
    following = reloader.finish(plan, *done.get(timeout=60))
    assert following is not None
    following.close()


def test_an_error_nobody_thought_of_is_refused_too(plan: AgentPlan, done: Done) -> None:
    """Whatever is wrong with a file, the agent that runs is not."""

    def broken() -> AgentConfig:
        raise ZeroDivisionError

    reloader = reloader_of(broken, done)
    reloader.begin()
    assert reloader.finish(plan, *done.get(timeout=60)) is None


def test_asked_twice_it_looks_twice(
    file: Path, reloader: Reloader, plan: AgentPlan, done: Done
) -> None:
    """A file that changed while it was read counts as it is at last."""
    reloader.begin()
    reloader.begin()
    first = done.get(timeout=60)
    file.write_text(file.read_text().replace('"front"', '"back"'))
    assert reloader.finish(plan, *first) is None
    following = reloader.finish(plan, *done.get(timeout=60))
    assert following is not None
    following.close()
    assert done.empty()


def test_threads_are_remembered_from_the_start_alone(
    tmp_path: Path, file: Path, done: Done
) -> None:
    """Beside running streams a measurement says little of the machine."""
    file.write_text(file.read_text().replace("threads = 1", 'threads = "auto"'))
    reloader, memory = reloader_of(lambda: load_config(file), done), tmp_path / MEMORY_FILE

    def prepared() -> None:
        plan, error = done.get(timeout=60)
        assert plan is not None, error
        plan.close()

    reloader.begin()
    prepared()
    assert not memory.exists()
    reloader.first(load_config(file))
    prepared()
    assert memory.exists()


def test_without_a_file_there_is_nothing_to_reload(
    done: Done, caplog: pytest.LogCaptureFixture
) -> None:
    """Said, not raised."""
    reloader_of(None, done).begin()
    assert "SIGHUP: there is no configuration file to read again" in caplog.text
    assert done.empty()


def test_a_plan_that_fails_half_way_frees_what_it_opened(
    tmp_path: Path, bright_path: Path, file: Path
) -> None:
    """The first stream's model is closed again when the second one's bundle is missing."""
    closed: list[str] = []

    class Model:
        def __enter__(self) -> "Model":
            return self

        def __exit__(self, *exc: object) -> None:
            closed.append("model")

    text = file.read_text()
    second = text[text.index("[[stream]]") :].replace('"front"', '"back"')
    file.write_text(text + second.replace(str(bright_path), "none"))
    model = cast("TfliteRecognizer", Model())  # which nobody asks anything
    with pytest.raises(BundleError, match="none: expected a bundle"):
        prepare(load_config(file), lambda bundle, threads: model)
    assert closed == ["model"]

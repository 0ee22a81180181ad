"""The thread count: measured once, remembered, and more only where more is worth it."""

import logging
from pathlib import Path

import msgspec
import pytest

from edge_agent.bundle.archive import Bundle
from edge_agent.common import memory_file
from edge_agent.inference import threads
from edge_agent.inference.threads import (
    MAX_REMEMBERED,
    MEMORY_FILE,
    ThreadChoice,
    chosen_threads,
    fewest_worth_it,
    measure,
    usable_cores,
)


@pytest.fixture(autouse=True)
def _heard(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever level a command of another test has set."""
    caplog.set_level(logging.INFO, "edge_agent")


@pytest.fixture(name="measured")
def _measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which bundles were measured; each is said to want three threads."""
    found: list[str] = []

    def pretend(bundle: Bundle) -> ThreadChoice:
        found.append(bundle.id)
        return msgspec.structs.replace(measure(bundle), threads=3)

    monkeypatch.setattr(threads, "measure", pretend)
    return found


@pytest.mark.parametrize(
    ("medians", "expected"),
    [
        ({1: 4.0, 2: 16.0}, 1),  # what a machine of shared cores was seen to do
        ({1: 10.0, 2: 9.5, 3: 9.2, 4: 9.1}, 1),
        ({1: 10.0, 2: 6.0, 3: 5.5, 4: 5.8}, 2),
        ({1: 10.0, 2: 6.0, 3: 4.0, 4: 3.0}, 4),
        ({1: 5.0}, 1),
    ],
)
def test_more_threads_have_to_be_worth_it(medians: dict[int, float], expected: int) -> None:
    """The fewest that no other count beats by more than a tenth."""
    assert fewest_worth_it(medians) == expected


def test_a_number_in_the_configuration_is_that_number(
    bright_bundle: Bundle, tmp_path: Path, measured: list[str]
) -> None:
    """Nothing is measured or written for it."""
    assert chosen_threads(2, bright_bundle, tmp_path) == 2
    assert measured == []
    assert list(tmp_path.iterdir()) == []


def test_auto_measures_once_and_remembers(
    bright_bundle: Bundle, tmp_path: Path, measured: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """The second start reads; the first says what it found."""
    assert chosen_threads("auto", bright_bundle, tmp_path) == 3
    assert f"{bright_bundle.short_id}: 3 thread(s), the median inference in ms" in caplog.text
    assert chosen_threads("auto", bright_bundle, tmp_path) == 3
    assert measured == [bright_bundle.id]


def test_a_measurement_beside_running_streams_is_made_again_at_the_next_start(
    bright_bundle: Bundle, tmp_path: Path, measured: list[str]
) -> None:
    """It holds for now; but one that is remembered is taken at once, then too."""
    assert chosen_threads("auto", bright_bundle, tmp_path, quiet=False) == 3
    assert list(tmp_path.iterdir()) == []
    assert chosen_threads("auto", bright_bundle, tmp_path) == 3
    assert len(measured) == 2
    assert chosen_threads("auto", bright_bundle, tmp_path, quiet=False) == 3
    assert len(measured) == 2


@pytest.mark.parametrize("what", ["machine_name", "runtime_name", "usable_cores"])
def test_another_machine_or_runtime_is_measured_anew(
    what: str,
    bright_bundle: Bundle,
    tmp_path: Path,
    measured: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A card that moves into another board, a new runtime, fewer cores; both are remembered."""
    chosen_threads("auto", bright_bundle, tmp_path)
    monkeypatch.setattr(threads, what, lambda: 1 if what == "usable_cores" else "another")
    chosen_threads("auto", bright_bundle, tmp_path)
    assert len(measured) == 2
    monkeypatch.undo()
    chosen_threads("auto", bright_bundle, tmp_path)
    assert len(measured) == 2
    assert len(msgspec.json.decode((tmp_path / MEMORY_FILE).read_bytes())) == 2


def test_a_damaged_memory_costs_a_measurement(
    bright_bundle: Bundle, tmp_path: Path, measured: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Said, written anew, and read the next time."""
    (tmp_path / MEMORY_FILE).write_text('[{"threads": 99}]')
    assert chosen_threads("auto", bright_bundle, tmp_path) == 3
    assert f"{tmp_path / MEMORY_FILE}: expected remembered thread counts, found: " in caplog.text
    assert chosen_threads("auto", bright_bundle, tmp_path) == 3
    assert len(measured) == 1


def test_a_folder_that_cannot_be_written_costs_only_time(
    bright_bundle: Bundle,
    tmp_path: Path,
    measured: list[str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is measured again each time, and said."""

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(memory_file, "write_whole", full)
    assert chosen_threads("auto", bright_bundle, tmp_path) == 3
    assert "measured again at the next start" in caplog.text
    assert chosen_threads("auto", bright_bundle, tmp_path / "none") == 3
    assert not (tmp_path / "none").exists()
    assert len(measured) == 2


def test_the_memory_is_bounded(bright_bundle: Bundle, tmp_path: Path, measured: list[str]) -> None:
    """Bundles come and go; the oldest measurements go with them."""
    old = measure(bright_bundle)
    many = [msgspec.structs.replace(old, bundle=f"{n:064x}") for n in range(MAX_REMEMBERED)]
    (tmp_path / MEMORY_FILE).write_bytes(msgspec.json.encode(many))
    chosen_threads("auto", bright_bundle, tmp_path)
    kept = msgspec.json.decode((tmp_path / MEMORY_FILE).read_bytes(), type=list[ThreadChoice])
    assert len(kept) == MAX_REMEMBERED
    assert kept[0].bundle == f"{1:064x}"
    assert kept[-1].bundle == bright_bundle.id


def test_every_count_is_measured_and_the_best_is_chosen(bright_bundle: Bundle) -> None:
    """Real inferences, one thread up to the cores there are."""
    choice = measure(bright_bundle)
    assert list(choice.median_ms) == list(range(1, min(usable_cores(), 8) + 1))
    assert all(median > 0 for median in choice.median_ms.values())
    assert choice.threads == fewest_worth_it(choice.median_ms)


def test_a_slow_network_is_not_waited_for(
    bright_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second is gone after the first inference: one count is all that is measured."""
    monkeypatch.setattr(threads, "usable_cores", lambda: 4)
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 1.0
        return now

    choice = measure(bright_bundle, clock)
    assert list(choice.median_ms) == [1]
    assert choice.threads == 1

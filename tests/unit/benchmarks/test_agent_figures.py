"""The arithmetic behind benchmarks/agent.py and soak.py: ratios, verdicts and trends."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("daemon.figures")


@pytest.fixture
def soaking(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("daemon.soaking")


def test_each_run_is_compared_with_its_neighbours(figures: ModuleType) -> None:
    """A machine that becomes slower half-way changes both sides of each ratio."""
    assert figures.in_turns([100, 100, 50], [90, 60]) == [0.9, 0.8]


def test_a_run_without_a_neighbour_is_refused(figures: ModuleType) -> None:
    """As many bare runs as others would leave the last one with none after it."""
    with pytest.raises(ValueError, match="shorter"):
        figures.in_turns([100, 100], [90, 60])


@pytest.mark.parametrize(
    ("value", "bounds", "met"),
    [
        (0.5, {"at_least": 0.5}, True),
        (0.499, {"at_least": 0.5}, False),
        (1.8, {"at_most": 1.8}, True),
        (1.801, {"at_most": 1.8}, False),
        (1.0, {}, None),
    ],
)
def test_a_target_is_met_or_not(
    figures: ModuleType, value: float, bounds: dict[str, float], met: bool | None
) -> None:
    """The bound itself meets it; what is only told is neither."""
    figure = figures.Figure("x", value, **bounds)
    assert figure.met is met
    assert ("NOT MET" in str(figure)) == (met is False)


def samples(soaking: ModuleType, rss_mb: list[float], fds: list[int] | None = None) -> list[object]:
    """One sample every ten seconds."""
    return [
        soaking.Sample(10.0 * number, soaking.Memory(rss, rss / 2, rss / 4), files, 6)
        for number, (rss, files) in enumerate(zip(rss_mb, fds or [9] * len(rss_mb), strict=True))
    ]


def test_a_process_that_stays_holds(soaking: ModuleType) -> None:
    """Must not fire: noise, a peak in the middle, a file that is open for a moment."""
    rss = [80.0 + 0.1 * (n % 3) for n in range(100)]
    rss[50] = 90.0
    fds = [9] * 100
    fds[95] = 10
    found = soaking.trend(samples(soaking, rss, fds))
    assert found.memory_holds
    assert found.files_hold
    assert found.fds == (9, 9, 9, 10)
    assert abs(found.growth_mb) < 0.2


def test_a_leak_is_seen(soaking: ModuleType) -> None:
    """Must fire: 3 MB in a quarter of an hour, as growth and as a slope."""
    found = soaking.trend(samples(soaking, [80.0 + 0.03 * n for n in range(100)]))
    assert not found.memory_holds
    assert found.growth_mb == pytest.approx(2.7, abs=0.01)
    assert found.slope_mb_per_h == pytest.approx(10.8, abs=0.01)


def test_files_left_open_are_seen(soaking: ModuleType) -> None:
    """Must fire: one more than in the beginning."""
    found = soaking.trend(samples(soaking, [80.0] * 100, [9] * 50 + [10] * 50))
    assert not found.files_hold


def test_too_short_a_soak_says_nothing(soaking: ModuleType) -> None:
    """A tenth of nine samples is none."""
    with pytest.raises(ValueError, match="expected 10 samples after the warm-up, found 9"):
        soaking.trend(samples(soaking, [80.0] * 9))

"""`edgeward models`: a row for each architecture, what was measured here, and what was not."""

from io import StringIO
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from pipeline.architectures.int8_costs import Int8Cost, int8_costs, int8_sizes
from pipeline.architectures.measurements import (
    LEAST,
    MOST,
    Measurement,
    keep,
    kept,
    measure,
    median_within,
    place_name,
)
from pipeline.architectures.rows import ModelRow, model_rows
from pipeline.architectures.terminal import SAME, legend, show
from pipeline.catalogue.folder import recipe_folder
from pipeline.models.zoo import ZOO, entry
from pipeline.weights.known import known


def measurement(arch: str, side: int, place: str) -> Measurement:
    """A measurement of that architecture there."""
    return Measurement(
        arch=arch,
        side=side,
        size_bytes=158_000,
        latency_ms=0.325,
        runs=200,
        measured_on=place,
        date="2026-12-01",
    )


@pytest.fixture(name="rows", scope="module")
def _rows() -> list[ModelRow]:
    """The zoo with one measurement, in a place without weights."""
    made = {"resnet8": measurement("resnet8", 32, place_name())}
    return list(model_rows(made, Path("nowhere"), Path("nowhere")))


def test_every_architecture_has_a_row_with_its_costs(rows: list[ModelRow]) -> None:
    """In the order of the zoo; what nobody published or measured is None."""
    assert [row.name for row in rows] == [known.name for known in ZOO]
    by_name = {row.name: row for row in rows}
    assert by_name["resnet8"].macs == entry("resnet8").macs > 12_000_000
    assert by_name["resnet8"].measured is not None
    assert by_name["resnet8"].size_bytes == 158_000
    assert by_name["vgg_tiny"].measured is None
    assert by_name["vgg_tiny"].size_bytes is None
    assert by_name["vgg_tiny"].top1 is None
    assert by_name["mobilenet_v2"].top1 == entry("mobilenet_v2").top1


def test_weights_are_shown_where_they_are_known_and_whether_they_are_here(
    rows: list[ModelRow],
) -> None:
    """An architecture without known ones has none."""
    by_name = {row.name: row for row in rows}
    assert [one.name for one in by_name["mobilenet_v2"].weights] == ["imagenet"]
    assert by_name["resnet8"].weights == ()
    assert known("imagenet", "resnet8") is None


def test_measurements_are_those_of_this_machine_and_side(tmp_path: Path) -> None:
    """One of another place or an earlier resolution is not shown, and none is lost by keeping."""
    path = tmp_path / "models.json"
    assert kept(path) == {}
    here = measurement("resnet8", 32, place_name())
    for made in (
        measurement("resnet8", 32, "another machine"),
        measurement("vgg_tiny", 48, place_name()),
        measurement("resnet8", 32, place_name()),
        here,
    ):
        keep(made, path)
    assert kept(path) == {"resnet8": here}
    assert len(msgspec.json.decode(path.read_bytes())) == 3
    path.write_text("{")
    assert kept(path) == {}


def test_a_measurement_is_of_the_int8_file() -> None:
    """A quarter of the parameters' four bytes and a little, and a time."""
    made = measure(entry("vgg_tiny"))
    assert entry("vgg_tiny").parameters < made.size_bytes < 2 * entry("vgg_tiny").parameters
    assert made.latency_ms > 0
    assert (made.side, made.measured_on) == (32, place_name())


def test_a_slow_network_is_run_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the time is up, but never fewer times than a median needs."""
    clock = iter(range(10**6))
    monkeypatch.setattr("time.process_time", lambda: next(clock))
    assert median_within(lambda: None) == (1000.0, LEAST)
    ticks = iter(n / 1000 for n in range(10**6))
    monkeypatch.setattr("time.process_time", lambda: next(ticks))
    latency, runs = median_within(lambda: None)
    assert (round(latency, 6), runs) == (1.0, MOST)


def test_what_int8_changes_is_read_beside_the_recipes(tmp_path: Path) -> None:
    """What ships can be read; so can the sizes, about a byte a weight."""
    for name, size in int8_sizes(recipe_folder()).items():
        assert entry(name).parameters * 0.97 < size.size_bytes < entry(name).parameters * 1.5
        assert size.side == entry(name).side
    assert int8_sizes(tmp_path) == {}
    assert int8_costs(tmp_path) == {}
    for name, cost in int8_costs(recipe_folder()).items():
        assert cost.side >= entry(name).side / 2
        assert 0 <= cost.low <= cost.same <= cost.high <= 1


def test_the_table_fits_a_terminal_and_says_what_is_missing(rows: list[ModelRow]) -> None:
    """80 cells, a dash for what is not known, and the command that would measure it."""
    stream = StringIO()
    show(rows, "a processor", Console(file=stream, highlight=False, width=80))
    text = stream.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    (line,) = [line for line in text.splitlines() if line.split()[:1] == ["resnet8"]]
    assert "0.325\u202fms" in line
    assert "\u2026" not in text.partition("top-1:")[0]
    assert "edgeward models --measure" in text
    wide = StringIO()
    show(rows, "a processor", Console(file=wide, highlight=False, width=140))
    assert "family" in wide.getvalue()
    assert "family" not in text


def test_the_legend_says_of_what_int8_was_measured(rows: list[ModelRow]) -> None:
    """Which photographs and how many; nothing where nobody measured."""
    cost = Int8Cost(
        weights="imagenet", side=224, images=200, same=0.95, low=0.91, high=0.97,
        data="cats-dogs", method="minmax", date="2026-12-01",
    )  # fmt: skip
    row = msgspec.structs.replace(rows[0], int8_cost=cost)
    assert any("200" in line and "cats-dogs" in line for line in legend([row], "here", [SAME]))
    assert not any("photographs" in line for line in legend(rows[:1], "here", [SAME]))
    # A narrow terminal has no room for the column, so none for what it means.
    assert not any("photographs" in line for line in legend([row], "here", []))

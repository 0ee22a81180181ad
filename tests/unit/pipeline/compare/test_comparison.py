"""What is said of runs side by side: groups, the best, the smallest as good, the front."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.bundle.metrics import Score
from pipeline.common.errors import RunError
from pipeline.compare import wording
from pipeline.compare.comparison import (
    Comparison,
    Group,
    compare,
    differences,
    grouped,
    run_folders,
    run_names,
)
from pipeline.compare.figures import ComparedRun, TestIdentity

PHOTOS = TestIdentity("classify", "photos", "cats, dogs", ("a", "b", "c"))

MakeRun = Callable[..., ComparedRun]


def group(*runs: ComparedRun) -> Group:
    """The only group of these runs."""
    (found,) = grouped(runs)
    return found


def test_the_smallest_whose_interval_overlaps_the_best_is_named(make_run: MakeRun) -> None:
    """Not the smallest of all, and not one that a gate refused."""
    runs = (
        make_run("big", 0.95, 400_000),
        make_run("slim", 0.93, 100_000),
        make_run("tiny", 0.85, 10_000),
        make_run("refused", 0.94, 20_000, state="refused"),
    )
    found = group(*runs)
    assert found.best is runs[0].figures
    assert [run.name for run in found.as_good] == ["big", "slim"]
    assert found.smallest is runs[1].figures
    assert list(wording.verdict(found)) == [
        "Best: big, 95.0 % [93.0, 97.0].",
        "Smallest whose interval overlaps it: slim, 100\u202fkB, 4.0\u00d7 smaller.",
    ]


def test_a_best_run_that_is_the_smallest_too_is_said_to_be(make_run: MakeRun) -> None:
    """And of a run that none comes near nothing more is said."""
    both = group(make_run("best", 0.95, 10_000), make_run("other", 0.94, 20_000))
    assert list(wording.verdict(both))[1:] == [
        "No smaller one has an interval that overlaps it; one that does is larger."
    ]
    alone = group(make_run("best", 0.95), make_run("far", 0.5))
    assert len(list(wording.verdict(alone))) == 1


def test_a_refused_run_is_the_best_only_where_all_are(make_run: MakeRun) -> None:
    """A better one that may not ship is no advice, and if there is nothing else it is said."""
    refused = make_run("refused", 0.99, state="refused")
    assert group(refused, make_run("proven", 0.9)).best is not refused.figures
    assert next(wording.verdict(group(refused))).endswith("(refused).")
    assert list(wording.verdict(group(make_run("begun", None, state="unfinished")))) == []


def test_an_error_is_better_the_less_there_is(make_run: MakeRun) -> None:
    """Runs of numbers are sorted the other way round."""
    errors = {"far": 0.5, "near": 0.2}
    runs = [
        make_run(name, int8=Score(metric="mean absolute error", value=value, samples=9, unit="bar"))
        for name, value in errors.items()
    ]
    found = group(*runs)
    assert [run.name for run in found.figures] == ["near", "far"]
    assert next(wording.verdict(found)).startswith("Least error: near, 0.2 bar")


def test_the_front_holds_what_none_beats_at_both(make_run: MakeRun) -> None:
    """One that is worse and larger is not on it; one that is only worse, or only larger, is."""
    found = group(
        make_run("best", 0.95, 400_000),
        make_run("between", 0.9, 200_000),
        make_run("beaten", 0.89, 300_000),
        make_run("smallest", 0.8, 10_000),
    )
    front = found.front(lambda run: run.size_bytes)
    assert [run.name for run in front] == ["best", "between", "smallest"]


def test_two_that_are_alike_are_both_on_the_front(make_run: MakeRun) -> None:
    """Neither beats the other."""
    found = group(make_run("a", 0.9, 100), make_run("b", 0.9, 100))
    assert len(found.front(lambda run: run.size_bytes)) == 2


def test_runs_of_other_pictures_or_questions_are_apart(make_run: MakeRun) -> None:
    """With a word that says which; must not fire: runs of the same test images."""
    other = replace(PHOTOS, images=("a", "d"))
    texts = TestIdentity("ocr", "lines", "ABC", ("a",))
    runs = [make_run("one"), make_run("two"), make_run("apart", identity=other)]
    apart = Comparison(tuple(grouped(runs)))
    assert [[run.name for run in found.figures] for found in apart.groups] == [
        ["one", "two"],
        ["apart"],
    ]
    assert "tested on different pictures" in str(wording.apart(apart))
    mixed = Comparison(tuple(grouped([*runs, make_run("text", identity=texts)])))
    assert "answer different questions" in str(wording.apart(mixed))
    assert wording.apart(Comparison(tuple(grouped(runs[:2])))) is None


def test_a_run_whose_data_are_not_divided_stays_with_its_like(make_run: MakeRun) -> None:
    """It has no score that could be mistaken; beside other data it is a group of its own."""
    begun = make_run("begun", None, identity=replace(PHOTOS, labels="", images=()))
    (found,) = grouped([begun, make_run("one")])
    assert [run.name for run in found.figures] == ["one", "begun"]
    strange = make_run("strange", None, identity=TestIdentity("classify", "others", "", ()))
    assert len(list(grouped([strange, make_run("one")]))) == 2


def test_the_keys_that_differ_are_listed_with_what_each_says(make_run: MakeRun) -> None:
    """A key that one recipe lacks is a dash; what a run is called is no difference."""
    found = group(
        make_run("one", recipe={"train.lr": 0.1, "input.mean": [0.5], "seed": 1}),
        make_run("two", 0.8, recipe={"train.lr": 0.05, "prune.macs": 0.5, "seed": 1}),
    )
    assert [(one.key, one.values) for one in found.differences] == [
        ("train.lr", ("0.1", "0.05")),
        ("input.mean", ("[0.5]", "-")),
        ("prune.macs", ("-", "0.5")),
    ]
    assert differences([{"seed": 1}, {"seed": 1}]) == ()


def test_runs_are_called_by_the_shortest_end_that_tells_them_apart() -> None:
    """The folder's name; where two have the same one, the folder above it, too."""
    assert run_names([Path("runs/a"), Path("runs/b")]) == ["a", "b"]
    assert run_names([Path("new/a"), Path("old/a"), Path("b")])[:2] == ["new/a", "old/a"]


def test_a_folder_of_runs_stands_for_them(tmp_path: Path) -> None:
    """Those within it, by name; what is no run there is passed over, and nothing is refused."""
    for name in ("two", "one"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "recipe.toml").touch()
    (tmp_path / "runs" / "notes.txt").touch()
    one, two = tmp_path / "runs" / "one", tmp_path / "runs" / "two"
    assert run_folders([tmp_path / "runs"]) == [one, two]
    assert run_folders([two]) == [two]
    for wrong in (tmp_path, tmp_path / "gone", tmp_path / "runs" / "notes.txt"):
        with pytest.raises(RunError, match="expected a run folder or a folder of them, found none"):
            run_folders([wrong])


def test_the_same_run_twice_is_refused(tmp_path: Path) -> None:
    """However it is written."""
    with pytest.raises(RunError, match="expected each run once, found it twice"):
        compare([tmp_path / "a", tmp_path / "b" / ".." / "a"])

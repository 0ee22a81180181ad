"""What an older bundle could, a candidate must: on its golden frames, and on labelled crops."""

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from support.stripes import CHARSET, stripes, write_stripes

from edge_agent.bundle.archive import Bundle, open_bundle
from edge_agent.bundle.golden import GoldenFrame
from edge_agent.common.arrays import U8
from edge_agent.common.errors import BundleError
from edge_agent.tasks.classify.spec import ClassifySpec
from edge_agent.tasks.kinds import task_name
from pipeline.common.errors import RecipeError
from pipeline.measure import kept_answers as measured
from pipeline.measure.kept_answers import KeptAnswers, LostAnswer
from pipeline.tasks import task_named
from pipeline.tasks.ocr.data.dataset import TextSplit
from pipeline.tasks.ocr.kept_readings import kept_readings

# Takes a 2 for a 3 and the other way round, and is as sure of it.
CONFUSED = (*CHARSET[:2], "3", "2", ".")


def kept_answers(candidate: Bundle, old: Bundle) -> KeptAnswers:
    """How `candidate` answers for the golden frames of `old`, by its own task's rules."""
    lacks = task_named(task_name(candidate.manifest.output)).lacks
    return measured.kept_answers(candidate, old, lacks)


@pytest.fixture(name="confused", scope="module")
def _confused(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    path = tmp_path_factory.mktemp("bundles") / "confused.edgeward"
    write_stripes(path, charset=CONFUSED)
    return open_bundle(path)


def classes(bundle: Bundle, *labels: str) -> Bundle:
    """`bundle`, its outputs called `labels`."""
    output = ClassifySpec(labels=labels)
    return replace(bundle, manifest=msgspec.structs.replace(bundle.manifest, output=output))


def test_the_same_answers_are_all_kept(stripes_bundle: Bundle, bright_bundle: Bundle) -> None:
    """Must not fire: of texts and of classes."""
    for bundle in (stripes_bundle, bright_bundle):
        kept = kept_answers(bundle, bundle)
        assert (kept.kept, kept.total, kept.lost) == (2, 2, ())
        gate = kept.gate()
        assert (gate.name, gate.measured, gate.holds) == ("golden", "2", True)
        assert gate.demanded == f"all 2 golden answers of {bundle.short_id}"


def test_a_text_that_is_read_otherwise_is_lost(stripes_bundle: Bundle, confused: Bundle) -> None:
    """Must fire, with the frame, the old text and the new one; one frame has no 2 and no 3."""
    three = replace(
        stripes_bundle, golden=(stripes_bundle.golden[0], golden(stripes_bundle, "1.0"))
    )
    kept = kept_answers(confused, three)
    assert (kept.kept, kept.total) == (1, 2)
    assert kept.lost == (LostAnswer("frame 0", "012", "013"),)
    assert kept.gate().measured == "1: frame 0 was '012', is '013'"
    assert not kept.gate().holds


def golden(bundle: Bundle, text: str) -> GoldenFrame:
    """A frame of `text` with the raw output that the network of stripes gives for it."""
    best = np.full((16, 6), -127, np.int8)
    for step in range(16):
        place = step // 2
        written = step % 2 == 0 and place < len(text)
        best[step, CHARSET.index(text[place]) if written else 5] = 127
    assert bundle.manifest.output.shape == (1, 16, 6)
    return GoldenFrame(stripes(text), (best[np.newaxis],))


def test_many_lost_answers_are_counted(stripes_bundle: Bundle, confused: Bundle) -> None:
    """The gate names three."""
    frames = tuple(golden(stripes_bundle, f"2{digit}") for digit in "01.23")
    gate = kept_answers(confused, replace(stripes_bundle, golden=frames)).gate()
    assert gate.measured == (
        "0: frame 0 was '20', is '30'; frame 1 was '21', is '31'; frame 2 was '2.', is '3.'; "
        "and 2 more"
    )


def test_classes_are_compared_by_name(bright_bundle: Bundle) -> None:
    """Another order of the outputs is no change; another name for the same output is one."""
    other_order = replace(
        classes(bright_bundle, "bright", "dark"),
        golden=tuple(
            GoldenFrame(frame.image, (np.flip(frame.outputs[0]),)) for frame in bright_bundle.golden
        ),
    )
    assert kept_answers(bright_bundle, other_order).lost == ()
    swapped = classes(bright_bundle, "bright", "dark")
    assert kept_answers(swapped, bright_bundle).lost == (
        LostAnswer("frame 0", "dark", "bright"),
        LostAnswer("frame 1", "bright", "dark"),
    )


def test_a_class_that_is_gone_is_an_error(bright_bundle: Bundle) -> None:
    """Both bundles are named, and the class; one more than before is none."""
    with pytest.raises(RecipeError) as caught:
        kept_answers(classes(bright_bundle, "dark", "light"), bright_bundle)
    name = bright_bundle.short_id
    assert str(caught.value) == (
        f"{bright_bundle.path}: expected every class of {name} in {name}, found no 'bright' there"
    )


def test_a_character_that_is_gone_is_an_error(stripes_bundle: Bundle, tmp_path: Path) -> None:
    """Where a golden text has it; a character that none has is not missed."""
    write_stripes(tmp_path / "a", charset=("a", *CHARSET[1:]))
    with pytest.raises(RecipeError, match=r"expected every character of .* found no '0' there"):
        kept_answers(open_bundle(tmp_path / "a"), stripes_bundle)
    only = replace(stripes_bundle, golden=(golden(stripes_bundle, "11"),))
    assert kept_answers(open_bundle(tmp_path / "a"), only).lost == ()


def test_another_task_is_an_error(stripes_bundle: Bundle, bright_bundle: Bundle) -> None:
    """Both are named with their tasks."""
    with pytest.raises(RecipeError) as caught:
        kept_answers(stripes_bundle, bright_bundle)
    assert str(caught.value) == (
        f"{bright_bundle.path}: expected a bundle for the task ocr, as {stripes_bundle.short_id} "
        f"is, found {bright_bundle.short_id} for classify"
    )
    with pytest.raises(RecipeError, match=r"found bright@.* for classify"):
        kept_readings(stripes_bundle, bright_bundle, crops({}))


def test_a_candidate_that_does_not_run_is_an_error(stripes_bundle: Bundle) -> None:
    """It is opened as a device opens it."""
    wrong = replace(stripes_bundle, golden=(golden(stripes_bundle, "333"),) * 2)
    with pytest.raises(BundleError, match="golden frame 0 on"):
        kept_answers(wrong, stripes_bundle)


def crops(texts: dict[str, str]) -> TextSplit:
    """Pictures of the keys, labelled as the values say."""
    images: list[U8] = [stripes(shown) for shown in texts]
    ids = tuple(f"{number}.png" for number in range(len(texts)))
    return TextSplit(images, tuple(texts.values()), ids, ids)


def test_crops_are_scored_for_both(stripes_bundle: Bundle, confused: Bundle) -> None:
    """What each reads rightly; what was right and is wrong now; an empty one is right empty."""
    labelled = crops({"12": "12", "31": "21", "10": "10", "": ""})
    compared = kept_readings(confused, stripes_bundle, labelled)
    assert (compared.total, compared.old_right, compared.new_right) == (4, 3, 3)
    assert compared.lost == (LostAnswer("0.png", "12", "13"),)
    assert (compared.old_misled, compared.new_misled) == (1, 1)
    gate = compared.gate()
    assert gate.holds  # one was lost, one was won
    assert gate.demanded == f"at least 3 of 4 right, as {stripes_bundle.short_id}"
    assert gate.measured == "3: 0.png was '12', is '13'"


def test_fewer_right_readings_do_not_hold(stripes_bundle: Bundle, confused: Bundle) -> None:
    """Must fire; and the other way round it must not."""
    labelled = crops({"12": "12", "10": "10"})
    gate = kept_readings(confused, stripes_bundle, labelled).gate()
    assert (gate.name, gate.holds) == ("crops", False)
    assert gate.demanded.endswith(", and at most 0 wrong but accepted")
    assert gate.measured == "1: 0.png was '12', is '13'; 1 wrong but accepted"
    assert kept_readings(stripes_bundle, confused, labelled).gate().holds


def test_a_wrong_reading_that_would_be_accepted_weighs_more(
    stripes_bundle: Bundle, confused: Bundle, tmp_path: Path
) -> None:
    """As many are right, but what was held before is now believed: must fire."""
    write_stripes(tmp_path / "careful", min_confidence=0.999999)
    careful = open_bundle(tmp_path / "careful")
    labelled = crops({"31": "22"})
    assert kept_readings(careful, careful, labelled).gate().holds
    gate = kept_readings(stripes_bundle, careful, labelled).gate()
    assert not gate.holds
    assert gate.measured == "0; 1 wrong but accepted"


def test_a_crop_that_shows_nothing_is_rejected_before_the_network(stripes_bundle: Bundle) -> None:
    """The device's gates are asked: grey of a single level would be read as characters."""
    grey = np.full((16, 64), 96, np.uint8)
    split = TextSplit([grey], ("",), ("a",), ("a",))
    compared = kept_readings(stripes_bundle, stripes_bundle, split)
    assert (compared.old_right, compared.new_right) == (1, 1)

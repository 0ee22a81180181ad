"""Groups in `pipeline.data`: near copies and what the recipe groups stay on one side."""

from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.near_pictures import cropped, encoded, scene

from edge_agent.common.arrays import U8
from pipeline.common.errors import DataError, RecipeError
from pipeline.data.base import SPLIT_NAMES, SplitName
from pipeline.data.classes import ClassDataset
from pipeline.data.deal import Deck, SplitWish, check_calibrated
from pipeline.data.sources import read_groups, taken_at
from pipeline.recipe import DataRecipe
from pipeline.tasks.classify.begin.folder import inspect, summary_lines
from pipeline.tasks.classify.load import load
from pipeline.tasks.recipes import decode_recipe

SCENES = 12


def _write(path: Path, image: U8) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


def _versions(image: U8) -> list[U8]:
    return [image, cropped(image, 0.05, 0.05, 0.05, 0.05), np.ascontiguousarray(image[:, ::-1])]


@pytest.fixture(name="leaky", scope="module")
def _leaky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve scenes a class, each in three versions: thirty-six files a class."""
    root = tmp_path_factory.mktemp("data") / "leaky"
    for number in range(2 * SCENES):
        label = ("cat", "dog")[number % 2]
        for version, image in enumerate(_versions(scene(number, 60, 72))):
            _write(root / label / f"{number:02d}_{version}.jpg", image)
    return root


def _load(path: Path, **changes: object) -> ClassDataset:
    values = {"kind": "image-folder", "path": str(path), "calibration": 6, **changes}
    recipe = msgspec.convert(values, DataRecipe)
    return load(recipe, root=path.parent, recipe_folder=path.parent, seed=0)


def _scenes(dataset: ClassDataset, name: SplitName) -> set[str]:
    return {id_.split("/")[-1].split("_")[0] for id_ in dataset.split(name).ids}


def test_near_copies_stay_on_one_side(leaky: Path) -> None:
    """No scene is in two splits, each is in one, and both classes keep their shares."""
    dataset = _load(leaky)
    seen = [_scenes(dataset, name) for name in SPLIT_NAMES]
    assert sum(map(len, seen)) == len(set().union(*seen)) == 2 * SCENES
    sizes = {
        name: np.bincount(dataset.split(name).labels, minlength=2).tolist() for name in SPLIT_NAMES
    }
    # A fifth and a tenth of 36 are 7 and 4: two scenes, of which one version is measured, and one.
    assert sizes == {"train": [24, 24], "val": [3, 3], "calibration": [3, 3], "test": [2, 2]}
    assert len(dataset.groups) == 2 * SCENES - 4
    assert {len(group) for group in dataset.groups} == {3}


def test_near_copies_are_told(leaky: Path) -> None:
    """By the data set's notes, by `init`, and with pictures to look at."""
    dataset = _load(leaky)
    told = next(note for note in dataset.notes if note.startswith("near copies"))
    assert told.startswith(
        "near copies: 72 of 72 images make only 24 groups, each kept on one side of the split, "
        "such as "
    )
    assert dataset.notes[-1] == (
        "test: of near copies one is measured: 4 of 12 images; its interval is that of independent "
        "pictures"
    )
    assert len(dataset.pairs) == 12
    first = dataset.pairs[0]
    assert not first.clash
    assert first.images.ids[0][:6] == first.images.ids[1][:6]
    assert first.images.images[0].ndim == 3
    assert told in summary_lines(inspect(leaky))


def test_the_seed_decides_the_groups(leaky: Path) -> None:
    """The same seed gives the same split."""
    assert _load(leaky).sha256 == _load(leaky).sha256


def test_near_copies_can_be_taken_for_pictures_of_their_own(leaky: Path) -> None:
    """Where a user knows that each is: the draw is then the one without groups."""
    dataset = _load(leaky, near_copies="keep")
    assert not dataset.groups
    assert not dataset.notes
    assert _scenes(dataset, "train") & _scenes(dataset, "test")


def test_near_copies_in_two_classes_may_be_wrong_labels(leaky: Path, tmp_path: Path) -> None:
    """They are told by name, and come first among the pictures to look at."""
    root = tmp_path / "clash"
    for path in leaky.rglob("*_0.jpg"):
        (root / path.parent.name).mkdir(parents=True, exist_ok=True)
        (root / path.parent.name / path.name).write_bytes(path.read_bytes())
    _write(root / "dog" / "wrong.jpg", encoded(scene(4, 60, 72), 50))
    dataset = _load(root)
    assert (
        "near copies in two classes, which may be wrong labels: 1, such as cat/04_0.jpg and "
        "dog/wrong.jpg" in dataset.notes
    )
    assert dataset.pairs[0].clash
    assert dataset.pairs[0].images.ids == ("cat/04_0.jpg", "dog/wrong.jpg")


def test_near_copies_of_a_test_split_that_is_there_leave_train(leaky: Path, tmp_path: Path) -> None:
    """As copies do; and a split that shows mostly what is learnt from is told."""
    root = tmp_path / "parts"
    for number, path in enumerate(sorted(leaky.rglob("*.jpg"))):
        part = "test" if path.stem.endswith("_2") and number % 36 < 9 else "train"
        (root / part / path.parent.name).mkdir(parents=True, exist_ok=True)
        (root / part / path.parent.name / path.name).write_bytes(path.read_bytes())
    dataset = _load(root, calibration=3)
    assert len(dataset.test) == 6
    assert not _scenes(dataset, "test") & (_scenes(dataset, "train") | _scenes(dataset, "val"))
    told = "train: near copies or groups of held-out images, left out: 12 of 66"
    assert told in dataset.notes


def test_too_few_groups_are_an_error_that_says_what_to_do(leaky: Path, tmp_path: Path) -> None:
    """One scene of a class cannot be learnt from and held out."""
    root = tmp_path / "few"
    for path in leaky.rglob("*.jpg"):
        if path.parent.name == "cat" or path.name.startswith("01"):
            (root / path.parent.name).mkdir(parents=True, exist_ok=True)
            (root / path.parent.name / path.name).write_bytes(path.read_bytes())
    with pytest.raises(DataError) as error:
        _load(root)
    assert str(error.value) == (
        "few: class 'dog': expected at least 3 groups of pictures to split, found 1: near copies, "
        "and pictures of one data.group, stay together; take pictures of other days or places, or "
        'say data.near_copies = "keep" if each of them is one of its own'
    )
    assert summary_lines(inspect(root))[-1] == f"cannot be built yet: {error.value}"


@pytest.fixture(name="plain", scope="module")
def _plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty unlike pictures a class; the names say which of five visits each is from."""
    root = tmp_path_factory.mktemp("data") / "plain"
    for number in range(40):
        label = ("cat", "dog")[number % 2]
        _write(root / label / f"visit{number // 4:02d}_{number}.jpg", scene(number, 48, 48))
    return root


def test_without_groups_the_split_is_what_it_was(plain: Path) -> None:
    """Nothing is near: the same images are drawn as with `keep`, and nothing more is recorded."""
    grouped, kept = _load(plain), _load(plain, near_copies="keep")
    assert [grouped.split(name).ids for name in SPLIT_NAMES] == [
        kept.split(name).ids for name in SPLIT_NAMES
    ]
    assert (grouped.sha256, grouped.notes, grouped.groups) == (kept.sha256, (), ())


def _visits(dataset: ClassDataset) -> list[set[str]]:
    return [
        {Path(id_).name.split("_")[0] for id_ in dataset.split(name).ids} for name in SPLIT_NAMES
    ]


def _apart(sets: list[set[str]]) -> bool:
    return sum(map(len, sets)) == len(set().union(*sets))


def test_a_pattern_of_the_path_groups(plain: Path) -> None:
    """Its first parenthesis names the group, across classes."""
    dataset = _load(plain, group={"pattern": r"/(visit\d+)_"})
    assert _apart(_visits(dataset))
    assert "data.group.pattern: 10 groups of 40 images" in dataset.notes
    # Those of one visit are pictures of their own: all are measured, and that is told.
    assert dataset.notes[-1] == (
        "test: 8 images in 2 groups; an interval over images is too narrow where a group is "
        "answered alike"
    )


def test_a_table_groups(plain: Path) -> None:
    """With or without a header; what it does not name stands alone."""
    table = plain.parent / "groups.csv"
    rows = [
        f"{path.relative_to(plain).as_posix()},{path.name[:7]}"
        for path in sorted(plain.rglob("*.jpg"))
        if "visit09" not in path.name
    ]
    notes = []
    for head in ([], ["file,group"]):
        table.write_text("\n".join([*head, *rows]), encoding="utf-8-sig")
        dataset = _load(plain, group={"csv": "groups.csv"})
        assert _apart([{v for v in visits if v != "visit09"} for visits in _visits(dataset)])
        notes.append(dataset.notes[0])
    assert notes == 2 * ["data.group.csv: 9 groups of 36 images; 4 images without one stand alone"]
    table.write_text("\n".join([*rows, "cat/none.jpg,visit01"]))
    with pytest.raises(DataError, match=r"row 37: expected an image below the data's folder"):
        _load(plain, group={"csv": "groups.csv"})
    table.write_text("cat\ndog\n")
    with pytest.raises(DataError, match="row 2: expected the columns file and group, found"):
        _load(plain, group={"csv": "groups.csv"})


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("before", ["", "./", ".\\"])
def test_a_table_may_come_from_a_spreadsheet(delimiter: str, before: str) -> None:
    """With semicolons or tabulators, and paths as another system writes them."""
    name = "cat/a.jpg" if before != ".\\" else "cat\\a.jpg"
    table = f"file{delimiter}group\n{before}{name}{delimiter}monday\n"
    assert read_groups(table, Path("g.csv"), ["cat/a.jpg", "cat/b.jpg"]) == {"cat/a.jpg": "monday"}


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("cat/typo.jpg,a\ncat/a.jpg,a\n", "row 1: expected an image below the data's folder"),
        ("file,group\n\ncat/typo.jpg,a\n", "row 3: expected an image below the data's folder"),
        ("cat/a.jpg,a\ncat/a.jpg,b\n", "row 2: expected one group of 'cat/a.jpg', found 'a' and"),
        ("file,group\ncat/a.jpg\n", "row 2: expected the columns file and group, found"),
    ],
)
def test_a_wrong_table_is_told_by_its_line(table: str, told: str) -> None:
    """The line as an editor numbers it; a mistyped first one is no header."""
    with pytest.raises(DataError) as error:
        read_groups(table, Path("g.csv"), ["cat/a.jpg"])
    assert str(error.value).startswith(f"g.csv: {told}")


def test_a_file_may_be_named_twice_with_one_group() -> None:
    """Must not fire: nothing is contradicted."""
    table = "cat/a.jpg,a\ncat/a.jpg,a\n"
    assert read_groups(table, Path("g.csv"), ["cat/a.jpg"]) == {"cat/a.jpg": "a"}


def test_large_groups_leave_something_to_calibrate_with() -> None:
    """Three days of a hundred pictures each: the smallest one that training can miss."""
    labels = np.tile([0, 1], 150).astype(np.int64)
    groups = np.repeat([0, 1, 2], [90, 100, 110]).astype(np.int64)
    deck = Deck(labels, groups, seed=0)
    dealt = deck.deal(SplitWish(np.array([4, 4]), after=1, needs_all=False))
    assert set(groups[dealt].tolist()) == {0}
    last = deck.deal(SplitWish(np.array([4, 4]), after=2, needs_all=False))
    assert not len(last)
    with pytest.raises(DataError, match=r"x: expected a group of pictures to calibrate with"):
        check_calibrated("x", last)


def test_days_without_a_spare_one_are_refused_before_training(plain: Path) -> None:
    """Of three days one is trained on, and none is left to calibrate with; a fourth is."""
    for days, told in ((3, "expected a group of pictures to calibrate with"), (4, None)):
        rows = [
            f"{path.relative_to(plain).as_posix()},{int(path.stem.split('_')[1]) // 2 % days}"
            for path in sorted(plain.rglob("*.jpg"))
        ]
        (plain.parent / "days.csv").write_text("\n".join(rows))
        if told is None:
            dataset = _load(plain, group={"csv": "days.csv"}, calibration=1)
            assert len(dataset.calibration) == 10
            continue
        with pytest.raises(DataError, match=told):
            _load(plain, group={"csv": "days.csv"}, calibration=1)


def _dated(path: Path, moment: str) -> None:
    """Write EXIF's DateTimeOriginal into the JPEG at `path`."""
    from PIL import Image

    with Image.open(path) as image:
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9003] = moment
        image.save(path, exif=exif, quality=95)


def test_the_time_of_the_shot_groups(plain: Path, tmp_path: Path) -> None:
    """Photographs of one minute are one group, by the date that the camera wrote."""
    root = tmp_path / "dated"
    for path in plain.rglob("*.jpg"):
        copy = root / path.parent.name / path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
        visit, number = int(path.name[5:7]), int(path.stem.split("_")[1])
        _dated(copy, f"2026:11:{visit + 1:02d} 10:00:{10 * (number % 4):02d}")
    dataset = _load(root, group={"exif_s": 10})
    assert _apart(_visits(dataset))
    assert "data.group.exif_s: 10 groups of 40 images" in dataset.notes
    assert taken_at(plain / "cat" / "visit00_0.jpg") is None
    with pytest.raises(DataError, match=r"data\.group\.exif_s: expected it to name the group of"):
        _load(plain, group={"exif_s": 10})


@pytest.mark.parametrize(
    ("group", "told"),
    [
        ("{}", "group: expected one of pattern, csv and exif_s, found none"),
        (
            '{ pattern = "a", exif_s = 3 }',
            "group: expected one of pattern, csv and exif_s, found pattern and exif_s",
        ),
        ('{ pattern = "(" }', "group.pattern: expected a regular expression, found '('"),
    ],
)
def test_a_group_that_says_nothing_is_refused(group: str, told: str) -> None:
    """Before any image is read."""
    text = f'name = "x"\n[data]\nkind = "image-folder"\npath = "x"\ngroup = {group}\n'
    with pytest.raises(RecipeError) as error:
        decode_recipe(text.encode(), "r")
    assert told in str(error.value)


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9)), min_size=12, max_size=60),
    seed=st.integers(0, 2**32),
)
def test_dealt_groups_are_whole_and_near_their_shares(
    sizes: list[tuple[int, int]], seed: int
) -> None:
    """Whatever the groups: none is cut, none is lost, and no hand has twice its share."""
    sizes = [*sizes, *((label, 1) for label in range(3) for _ in range(3))]
    labels = np.repeat([label for label, _ in sizes], [n for _, n in sizes]).astype(np.int64)
    groups = np.repeat(np.arange(len(sizes)), [n for _, n in sizes]).astype(np.int64)
    deck = Deck(labels, groups, seed)
    counts = np.bincount(labels, minlength=3)
    wanted = np.maximum(1, np.rint(counts * 0.2)).astype(np.int64)
    hands = [
        deck.deal(SplitWish(wanted, after=2)),
        deck.deal(SplitWish(wanted, after=1)),
        deck.places,
    ]
    assert sorted(np.concatenate(hands)) == list(range(len(labels)))
    owners = [set(groups[hand].tolist()) for hand in hands]
    assert sum(map(len, owners)) == len(sizes)
    for hand in hands[:2]:
        got = np.bincount(labels[hand], minlength=3)
        assert (got >= 1).all()
        # A single group may be larger: where none is smaller, one has to be had.
        single = [len(set(groups[hand[labels[hand] == label]].tolist())) == 1 for label in range(3)]
        assert ((got < 2 * wanted) | single).all()
    assert (np.bincount(labels[hands[2]], minlength=3) >= 1).all()

"""Properties of `divide` for any class sizes, shares and copies."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.common.errors import DataError
from pipeline.data.base import SPLIT_NAMES, Split
from pipeline.data.classes import ClassSource, ClassSplit
from pipeline.data.pool import Pool, digest
from pipeline.data.split import divide
from pipeline.recipe import DataRecipe

SHARES = st.floats(0.01, 0.49)


@st.composite
def sources(draw: st.DrawFn) -> ClassSource:
    """Classes of 1 to 30 images, drawn from few enough pictures that copies occur."""
    counts = draw(st.lists(st.integers(1, 30), min_size=2, max_size=4))
    labels = np.repeat(np.arange(len(counts)), counts).astype(np.int64)
    pictures = draw(st.integers(1, 200))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = rng.integers(0, pictures, len(labels))
    images = np.stack([values // 256, values % 256], axis=1).astype(np.uint8).reshape(-1, 1, 2)
    ids = tuple(str(number) for number in range(len(labels)))
    names = tuple(f"class{number}" for number in range(len(counts)))
    return ClassSource(
        "any", Pool(Split(images, labels, ids), tuple(map(digest, images))), labels=names
    )


def digests(split: ClassSplit) -> set[str]:
    return {digest(split.images[number]) for number in range(len(split.images))}


@settings(max_examples=200, deadline=None)
@given(sources(), SHARES, SHARES, st.integers(1, 40), st.integers(0, 40), st.integers(0, 99))
def test_splits_share_no_picture_and_lose_no_class(
    source: ClassSource, val: float, test: float, calibration: int, limit: int, seed: int
) -> None:
    """Either a clear error, or four splits without a common picture and every class in three."""
    recipe = DataRecipe(
        kind="digits", val=val, test=test, calibration=calibration, train_limit=limit
    )
    try:
        dataset = divide(source, recipe, seed)
    except DataError as error:
        assert str(error).startswith("any: ")  # noqa: PT017 - one of the two outcomes
        return
    pictures = {name: digests(dataset.split(name)) for name in SPLIT_NAMES}
    assert sum(map(len, pictures.values())) == len(set.union(*pictures.values()))
    for name in ("train", "val", "test"):
        assert set(dataset.split(name).labels) == set(range(len(source.labels)))
    assert len(dataset.calibration) == calibration
    assert not limit or len(dataset.train) <= limit

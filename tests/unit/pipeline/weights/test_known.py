"""The table of known weights: names, hashes and what is derived from them."""

import re
from typing import get_args

import pytest

from pipeline.models.zoo import entry
from pipeline.recipe import Arch
from pipeline.weights.known import KNOWN, KnownWeights, known

HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,})\.pth$")


@pytest.mark.parametrize("row", KNOWN, ids=lambda row: row.file)
def test_a_row_has_the_hash_that_its_file_is_named_by(row: KnownWeights) -> None:
    """Digits of a hash are in each name; a row has these, or all 64 that begin so."""
    match = HASH_IN_NAME.search(row.file)
    assert match is not None
    assert row.sha256 == match[1] or (len(row.sha256) == 64 and row.sha256.startswith(match[1]))
    assert len(row.mean) == len(row.std) == 3


@pytest.mark.parametrize("row", KNOWN, ids=lambda row: row.file)
def test_a_row_is_of_a_network_of_the_zoo(row: KnownWeights) -> None:
    """It can be built, and where both have a published accuracy it is the same weights'."""
    assert row.arch in get_args(Arch)
    assert known(row.name, row.arch) is row
    top1 = entry(row.arch).top1
    assert None in (top1, row.top1) or top1 == row.top1


def test_no_name_is_there_twice() -> None:
    """A recipe's word means one file."""
    assert len({(row.name, row.arch) for row in KNOWN}) == len(KNOWN)
    assert len({row.file for row in KNOWN}) == len(KNOWN)
    assert known("imagenet", "ds_cnn") is None

"""`TextDataset`: pictures of texts in four disjoint splits, divided by where they come from."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from pipeline.data.base import Dataset, Split
from pipeline.data.by_source import Meaning, Shares, divide_by_source, learn_all
from pipeline.data.distinct import write_record
from pipeline.data.pool import Pool, Source
from pipeline.tasks.ocr.charset import Charset

Texts: TypeAlias = tuple[str, ...]
"""What each image says; it may be nothing."""
TextSplit: TypeAlias = Split[Texts]
TextPool: TypeAlias = Pool[Texts]
TextSource: TypeAlias = Source[Texts]


@dataclass(frozen=True, eq=False)
class TextDataset(Dataset[Texts]):
    """See `Dataset`; no source is in two splits.

    Args:
        charset: the characters that all of its texts are written in.
    """

    charset: Charset = field(kw_only=True)


def check_texts(source: TextSource, charset: Charset) -> None:
    """Raise unless `charset` has every character of every text of `source`.

    Raises:
        DataError: names the image, the character and the charset.
    """
    for pool in (source.train, source.val, source.test):
        if pool is not None:
            for text, name in zip(pool.split.labels, pool.split.ids, strict=True):
                charset.encode(text, name)


def divide_texts(
    source: TextSource, charset: Charset, shares: Shares | None, seed: int
) -> TextDataset:
    """`source` as a data set of four splits; see `divide_by_source`.

    Args:
        source: the pictures.
        charset: what they may say.
        shares: how they are divided; None learns from all but the splits that it brings.
        seed: of the order in which sources are dealt.

    Raises:
        DataError: a text with a character outside `charset`, or too few sources.
    """
    check_texts(source, charset)
    meaning = Meaning(charset.characters, "of another text")
    if shares is None:
        parts = learn_all(source, meaning)
    else:
        parts = divide_by_source(source, meaning, shares, seed)
    return TextDataset(**parts, charset=charset)


def record_texts(dataset: TextDataset, path: Path) -> None:
    """Write which image is in which split to `path`; see `write_record`."""
    write_record(dataset, path, {"charset": dataset.charset.characters})

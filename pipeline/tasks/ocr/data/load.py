"""`load_texts`: the recipe's pictures of texts, read, checked and split."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from pipeline.common.progress import SILENT, Progress
from pipeline.data.base import SPLIT_NAMES, ImageChain
from pipeline.data.by_source import Shares, limited
from pipeline.recipe import DataRecipe
from pipeline.tasks.ocr.charset import Charset
from pipeline.tasks.ocr.data.dataset import (
    TextDataset,
    TextPool,
    TextSource,
    TextSplit,
    divide_texts,
)
from pipeline.tasks.ocr.data.folder import read_text_folder
from pipeline.tasks.ocr.data.sets import read_set
from pipeline.tasks.ocr.recipe import TextRecipe


def load_texts(
    data: DataRecipe,
    text: TextRecipe,
    *,
    root: Path,
    folder: Path | None,
    drawn: TextSource | None = None,
    seed: int,
    progress: Progress = SILENT,
) -> TextDataset:
    """The texts that a recipe asks for; the same seed gives the same split.

    Each set is divided by itself, so that every split has its share of all. A folder alone is
    divided as well; beside sets, or pictures that are drawn, it is for learning, but for the splits
    that it brings.

    Args:
        data: which sets, and how they are split.
        text: what may be read.
        root: the data root, which has the sets.
        folder: the text folder or archive, where the recipe names one.
        drawn: pictures that were drawn, where the recipe asks for them.
        seed: of the split.
        progress: sees a task for each table of images.

    Raises:
        DataError: missing, damaged, too small for the splits, or with a character outside the
            charset.
    """
    charset = Charset(text.charset)
    sources = [read_set(name, root, progress) for name in data.sets]
    sources += [] if drawn is None else [drawn]
    measured = bool(sources)
    own = None
    if folder is not None:
        own = read_text_folder(folder, text.case, data.on_unreadable, progress)
        sources = sources or [own]
    if text.case == "upper":
        sources = [_upper(source) for source in sources]
    total = sum(len(source.train) for source in sources)
    parts = [
        divide_texts(
            source,
            charset,
            Shares(data.val, data.test, round(data.calibration * len(source.train) / total)),
            seed,
        )
        for source in sources
    ]
    if own is not None and measured:
        parts.append(divide_texts(own, charset, None, seed))
    return limited(parts[0] if len(parts) == 1 else joined(parts), data.train_limit)


def joined(parts: Sequence[TextDataset]) -> TextDataset:
    """Data sets of one charset as one; ids and sources are led by the name of their set."""
    train, val, calibration, test = (
        _concatenated([(part.name, part.split(name)) for part in parts]) for name in SPLIT_NAMES
    )
    content = msgspec.json.encode([(part.name, part.sha256) for part in parts])
    return TextDataset(
        name="+".join(part.name for part in parts),
        train=train,
        val=val,
        calibration=calibration,
        test=test,
        charset=parts[0].charset,
        sha256=hashlib.sha256(content).hexdigest(),
        notes=tuple(f"{part.name}: {note}" for part in parts for note in part.notes),
        skipped=tuple(f"{part.name}/{name}" for part in parts for name in part.skipped),
    )


def _concatenated(parts: Sequence[tuple[str, TextSplit]]) -> TextSplit:
    return TextSplit(
        ImageChain(tuple(split.images for _, split in parts)),
        tuple(text for _, split in parts for text in split.labels),
        tuple(f"{name}/{id_}" for name, split in parts for id_ in split.ids),
        tuple(f"{name}/{source}" for name, split in parts for source in split.sources),
    )


def _upper(source: TextSource) -> TextSource:
    """`source` with every text in capitals."""

    def upper(pool: TextPool) -> TextPool:
        texts = tuple(text.upper() for text in pool.split.labels)
        return replace(pool, split=replace(pool.split, labels=texts))

    return replace(
        source,
        train=upper(source.train),
        val=None if source.val is None else upper(source.val),
        test=None if source.test is None else upper(source.test),
    )

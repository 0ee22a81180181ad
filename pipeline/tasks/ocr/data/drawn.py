"""`text-drawn`: pictures that are drawn once and held, where nobody has real ones yet.

What is measured on them holds for drawn pictures; the first real ones of one's own, added by
`data.path`, are the better measure.
"""

from pipeline.common.progress import SILENT, Progress
from pipeline.data.base import ImageSequence
from pipeline.data.pool import digest
from pipeline.tasks.ocr.data.dataset import TextPool, TextSource, TextSplit
from pipeline.tasks.ocr.drawing.render import Renderer, Synthetic


def draw_texts(synthetic: Synthetic, count: int, progress: Progress = SILENT) -> TextSource:
    """`count` pictures of `synthetic`, each a source of its own, to be divided into splits.

    Args:
        synthetic: what they show. Its seed has to be another than that of the pictures drawn
            while the network learns: `held_seed` gives one.
        count: how many.
        progress: sees one task, which counts them.
    """
    renderer = Renderer(synthetic)
    with progress.task(f"draw {count} pictures of {synthetic.kind}", count) as task:
        samples = []
        for number in range(count):
            samples.append(renderer(number))
            task.advance()
    # In memory: some thousands of lines are tens of megabytes.
    images: ImageSequence = tuple(sample.image for sample in samples)
    names = tuple(f"{number:06}" for number in range(count))
    texts = tuple(sample.text for sample in samples)
    split = TextSplit(images, texts, names, names)
    pool = TextPool(split, tuple(digest(sample.image) for sample in samples))
    return TextSource(f"drawn-{synthetic.kind}", pool)


def held_seed(seed: int) -> int:
    """A seed of pictures that no training with `seed`, which is at least 0, ever draws."""
    return -1 - seed

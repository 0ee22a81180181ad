"""A first recipe whose network starts from trained weights: for photographs, few or many."""

from pipeline.models.zoo import entry
from pipeline.tasks.classify.begin.folder import FolderSummary
from pipeline.tasks.classify.begin.scratch import SIDES as SCRATCH_SIDES
from pipeline.tasks.classify.begin.scratch import input_side
from pipeline.tasks.classify.begin.tables import (
    InputChoice,
    balance_line,
    flip_choice,
    input_table,
    resize_rule,
)
from pipeline.weights.known import KnownWeights, known

# What a photograph's network starts from; docs/log/transfer.md has what was compared.
ARCH, WEIGHTS = "efficientnet_lite0", "imagenet"
# Multiples of 32, as the network halves its maps five times; the last is half of the cost at 224.
SIDES = (96, 128, 160)
# With fewer images to learn from than this the classifier alone is learnt, and nothing pruned.
ENOUGH = 300
# A few show the quantiser all it needs, since ReLU6 bounds what the layers give.
CALIBRATION, LEAST_CALIBRATION = 96, 4


def backbone_for(summary: FolderSummary) -> KnownWeights | None:
    """The trained weights that suit the pictures; None where they are no photographs.

    Photographs have colour, and most of them fill the smallest side that such a network sees
    enough at; what was drawn, scanned or made small is another world than ImageNet's.
    """
    if summary.grey or not summary.images or input_side(summary) < SCRATCH_SIDES[-1]:
        return None
    return known(WEIGHTS, ARCH)


def photo_calibration(summary: FolderSummary) -> int:
    """How many images are set aside for the quantiser, where a picture is worth more learnt."""
    wanted = max(LEAST_CALIBRATION, min(CALIBRATION, summary.trainable // 10))
    return max(1, min(wanted, summary.calibration))


def few_tests(summary: FolderSummary) -> str:
    """The line of the budget where a class has too few test images to prove anything, or none."""
    if not summary.untested:
        return ""
    return (
        f"# Some class has fewer than the {summary.tests_needed} test images that could show it is "
        "known better\n# than by chance: nothing is demanded of single classes until it has them.\n"
        "min_class_recall = 0\n"
    )


def photo_tables(summary: FolderSummary, weights: KnownWeights) -> tuple[str, ...]:
    """`[input]`, `[model]`, `[train]` and, with enough pictures, `[prune]`."""
    most = min(spread.median for spread in (summary.height, summary.width) if spread is not None)
    side = max((side for side in SIDES if side <= most), default=SIDES[0])
    seen = InputChoice(side, "rgb", resize_rule(summary), weights.mean, weights.std)
    why = "# As the pictures were normalised that the weights were trained on.\n"
    tables = (input_table(summary, seen, why), _model(weights, side))
    if summary.trainable < ENOUGH:
        return (*tables, _head_alone(summary))
    return (*tables, _whole(summary), _prune(summary))


def _model(weights: KnownWeights, side: int) -> str:
    row = entry(ARCH)
    share = round(100 * (side / row.side) ** 2)
    return (
        "# The pictures are photographs: what a network learnt to see in a million others need\n"
        f"# not be learnt from these. {ARCH}, trained on ImageNet (published\n"
        f"# for this network: {row.top1} %): of the small networks whose accuracy int8 "
        "keeps it\n"
        f"# gave the best start, and it may be shipped ({weights.licence}). {side} pixels need "
        f"{share} %\n"
        f"# of what {row.side} do. `edgeward models` lists others; `edgeward init --from-scratch`\n"
        "# writes a recipe that starts from nothing.\n"
        f'[model]\narch = "{ARCH}"\nweights = "{weights.name}"\n'
    )


_HEAD = (
    "[train]\n"
    "# The classifier alone first, on what the trained network sees in each picture, which is\n"
    "# calculated once.\n"
    "head_epochs = 100\n"
)


def _head_alone(summary: FolderSummary) -> str:
    return (
        f"{_HEAD}"
        "# And on what it sees in so many changed views of each.\n"
        "head_views = 4\n"
        f"# Then nothing more: {summary.trainable} images are too few to teach it to see better. "
        f"With {ENOUGH}\n"
        "# or more, `init` writes epochs for the whole network, and prunes it.\n"
        "epochs = 0\n"
        f"{balance_line(summary)}{_augment(summary)}"
    )


def _whole(summary: FolderSummary) -> str:
    return (
        f"{_HEAD}"
        "# Then all of it, the less the nearer to the input, at rates that leave what it knows.\n"
        f"epochs = 2\nbackbone_lr = 0.5\nlayer_decay = 0.9\n{_BEST}{_common(summary)}"
    )


# Epoch 0 is the classifier alone.
_BEST = (
    '# Of these epochs and the classifier alone the best on validation is kept.\nkeep = "best"\n'
)


def _common(summary: FolderSummary) -> str:
    return (
        'optimizer = "adamw"\nlr = 0.0002\nbatch_size = 32\nweight_decay = 0.05\n'
        "warmup_epochs = 0.5\nema = 0.98\n"
        "# The statistics of a million pictures are kept: these are too few for better ones.\n"
        f"norm_momentum = 0\n{balance_line(summary)}{_augment(summary)}"
    )


def _augment(summary: FolderSummary) -> str:
    reason, flip = flip_choice(summary)
    return (
        f"{reason}\n"
        "augment = { shift = 0.1, rotate = 10, zoom = 0.2, brightness = 0.2, contrast = 0.2, "
        f"flip = {'true' if flip else 'false'} }}\n"
    )


def _prune(summary: FolderSummary) -> str:
    return (
        "# A tenth of the multiply-accumulates is pruned away, of the channels that vary least\n"
        "# between pictures; the rest learns again what the whole network answers.\n"
        "# Without this section the network stays as it is.\n"
        '[prune]\nmacs = 0.9\nimportance = "variation"\ngroups = "inner"\n'
        "correct_norms = true\ndistill = 0.7\n\n"
        "[prune.train]\nhead_epochs = 100\nepochs = 1\nbackbone_lr = 0.5\n"
        f"{_BEST}{_common(summary)}"
    )

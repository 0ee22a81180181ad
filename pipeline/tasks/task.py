"""`HostTask`: one kind of question that networks are built for.

A task is a folder beside this file and an entry in the list of `pipeline.tasks`. It knows what
its labels are, how a network learns from them and is marked, and what the device makes of the
answers; whatever else the host does is the same for all of them. The values of the list load
neither torch nor a data set: what needs them is imported when it is asked for.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO, TypeAlias

from pipeline.common.progress import Progress
from pipeline.data_recipe import DataKind, RecipeValue
from pipeline.recipe import Recipe
from pipeline.tasks.job import Job

if TYPE_CHECKING:
    from pipeline.evaluation.evaluation import Judge
    from pipeline.tasks.run_task import RunTask


# Keys of every training that not every task has a use for.
OF_TRAININGS = ("balance", "mixup", "cutmix")


def _accept(_recipe: Recipe) -> None:
    """Any recipe is right."""


@dataclass(frozen=True)
class FirstRecipe:
    """How a first recipe comes about for a folder of a user's.

    Args:
        claims: whether a folder is plainly laid out for this task.
        inspect: looks at it; what is wrong with some of its files is told, not raised.
        lines: what was seen, for a person.
        draft: the text of a recipe for what was seen, that is to lie in a folder; and whether
            its network is to start from nothing, where trained weights would suit.
    """

    claims: Callable[[Path], bool]
    inspect: Callable[[Path, Progress], Any]
    lines: Callable[[Any], Sequence[str]]
    draft: Callable[[Any, Path, bool], str]


@dataclass(frozen=True)
class LabelWishes:
    """What is to be done with the crops.

    Args:
        texts: the file that answers; None asks in the terminal.
        sheet: the folder for a contact sheet; None makes none.
        state: only crops that were `held`, or `rejected`; None takes both.
        listing: only show what there is.
        json: show it as lines of JSON.
    """

    texts: Path | None = None
    sheet: Path | None = None
    state: str | None = None
    listing: bool = False
    json: bool = False


Labeller: TypeAlias = Callable[[Path, Path | None, LabelWishes, TextIO], None]
"""Labels an agent's crops: their folder, the folder of labels, what to do, and where to say it."""


@dataclass(frozen=True)
class HostTask:
    """What the host can do for one kind of question.

    Args:
        name: as the device's task of the same networks is called.
        labels: what there are to learn from, in the plural, for errors: `classes`.
        kinds: the kinds of data that it reads.
        arches: the architectures that can answer it.
        own_networks: whether a network of a user's own can answer it, by its outputs (N, K).
        tables: the recipe's tables that are this task's own, by their names.
        keys: those of `Recipe.keys_of_some` that it has a use for; `train.balance`,
            `train.mixup` and `train.cutmix` are keys of every training.
        judge: what it knows of answers, and of pictures that a user has labelled.
        begin: makes first recipes; None where the task has no folders of its own.
        labeller: labels what an agent could not answer; None where nothing of it is kept.
        lacks: see `pipeline.measure.kept_answers.Lacks`: what an answer of an older bundle
            takes and a newer one lacks; given their specs and the older one's golden answers.
        outputs: what of a network's outputs has to be kept: the `softmax` of scores, or `values`.
        check: raises `ValueError` where a recipe's keys contradict each other.
        open: the task in a run, its data not yet loaded.
    """

    name: str
    labels: str
    kinds: tuple[DataKind, ...]
    arches: tuple[str, ...]
    open: Callable[[Job], "RunTask"]
    judge: Callable[[], "Judge"]
    lacks: Callable[[Any, Any, Sequence[str]], tuple[str, list[str]]]
    own_networks: bool = True
    begin: Callable[[], FirstRecipe] | None = None
    labeller: Callable[[], Labeller] | None = None
    tables: Mapping[str, type[RecipeValue]] = field(default_factory=dict)
    keys: frozenset[str] = frozenset()
    outputs: Literal["values", "softmax"] = "softmax"
    check: Callable[[Recipe], None] = _accept

    def takes(self, key: str) -> bool:
        """Whether it has a use for a key that not every task has."""
        name = key.rsplit(".", 1)[-1]
        return (f"train.{name}" if name in OF_TRAININGS else key) in self.keys

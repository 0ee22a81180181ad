"""A module's session: which bugs were tried and what came of it, in cosmic-ray's own database."""

import difflib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from cosmic_ray.mutating import mutate_code
from cosmic_ray.work_db import WorkDB
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkItem, WorkResult

from mutants.candidates import Candidate
from mutants.forks import Ending, run_tests
from mutants.operators import chosen

ROOT = Path(__file__).parents[2]
SURVIVED, KILLED, ABSURD = TestOutcome.SURVIVED, TestOutcome.KILLED, TestOutcome.INCOMPETENT
# A bug may make a loop longer than it was; on a busy machine all takes longer than it did.
TIMES, LEAST_S = 5.0, 30.0


@dataclass(frozen=True)
class Trial:
    """A bug and what came of it.

    Args:
        function: whose line it is; "" of the module.
        operator: its kind.
        was, becomes: the line before and after, without its indentation.
        outcome: "survived", "failed", "timeout", "signal N" or "no program" (it does not compile).
    """

    function: str
    operator: str
    was: str
    becomes: str
    outcome: str


class Session:
    """The bugs of one module that a seed draws; a context manager.

    Args:
        folder: where the database is kept, and beside it the copy of the tree, `tree`.
        path: the module, from the root of the tree.
        found: all bugs that there are for it: what came of them before is kept.
        drawn: those that are to be tried.
        only_read: whether the database stays as it is, which a run may be writing to.
    """

    def __init__(
        self,
        folder: Path,
        path: str,
        found: Sequence[Candidate],
        drawn: Sequence[Candidate],
        *,
        only_read: bool = False,
    ) -> None:
        self._tree, self._path = folder / "tree", path
        self._source = (ROOT / path).read_text(encoding="utf-8")
        self._found = {candidate.key: candidate for candidate in found}
        self._drawn = [candidate.key for candidate in drawn]
        file = folder / "sessions" / (path.replace("/", ".") + ".sqlite")
        file.parent.mkdir(parents=True, exist_ok=True)
        self._db = WorkDB(file, WorkDB.Mode.create)
        # Results last as long as their line does, wherever it moves.
        results = {key: result for key, result in self._db.results if key in self._found}
        self._done = results
        if not only_read:
            self._db.clear()
            self._db.add_work_items(
                WorkItem.single(key, self._found[key].spec)
                for key in dict.fromkeys((*self._drawn, *results))
            )
            for key, result in results.items():
                self._db.set_result(key, result)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()

    def open(self, *, again: bool) -> list[str]:
        """The keys that are to be tried: those that were not, and `again` those that survived."""
        return [
            key
            for key in dict.fromkeys((*self._drawn, *self._done))
            if key not in self._done or (again and self._done[key].test_outcome is SURVIVED)
        ]

    def test(self, key: str, tests: Sequence[str], usual_s: float) -> Ending:
        """Put this bug in, run `tests`, take it out, and remember what came of it."""
        spec = self._found[key].spec
        changed = mutate_code(self._source, chosen()[spec.operator_name], spec.occurrence) or ""
        module = self._tree / self._path
        try:
            compile(changed, self._path, "exec")
        except SyntaxError:
            ending = Ending("no program", 0.0, "")
        else:
            Path(importlib.util.cache_from_source(str(module))).unlink(missing_ok=True)
            try:
                module.write_text(changed, encoding="utf-8")
                ending = run_tests(self._tree, tests, max(LEAST_S, usual_s * TIMES), compiled=False)
            finally:
                module.write_text(self._source, encoding="utf-8")
        outcome = {"passed": SURVIVED, "no program": ABSURD}.get(ending.how, KILLED)
        diff = "\n".join(
            line
            for line in difflib.unified_diff(
                self._source.splitlines(), changed.splitlines(), lineterm="", n=0
            )
            if line[:1] in "+-" and line[:3] not in ("+++", "---")
        )
        output = f"{ending.how}\n{ending.output}"
        result = WorkResult(WorkerOutcome.NORMAL, output, outcome, diff)
        self._db.set_result(key, result)
        self._done[key] = result
        return ending

    def trials(self) -> list[Trial]:
        """What came of all that was tried."""
        found = []
        for key, result in self._done.items():
            spec = self._found[key].spec
            lines = (result.diff or "").splitlines()
            how = (result.output or "").split("\n", 1)[0]
            found.append(
                Trial(
                    spec.definition_name or "",
                    spec.operator_name.rsplit("/", 1)[1],
                    " ".join(line[1:].strip() for line in lines if line.startswith("-")),
                    " ".join(line[1:].strip() for line in lines if line.startswith("+")),
                    "survived" if how == "passed" else how,
                )
            )
        return found

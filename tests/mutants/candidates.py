"""Which bugs there are to put in a module, and which of them a seed draws."""

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.ast.ast_query import ASTQuery
from cosmic_ray.work_item import MutationSpec

from mutants.operators import Position, chosen

# A `*` or `**` in there multiplies nothing.
SIGNS_OF_LISTS = ("parameters", "dictorsetmaker", "testlist_star_expr")


@dataclass(frozen=True)
class Candidate:
    """A bug that could be put in.

    Args:
        key: the same as long as its line and its function's name stay, wherever they move.
        spec: where it is now, for cosmic-ray.
        place: where it is and what kind of bug it is; of each place one is drawn.
    """

    key: str
    spec: MutationSpec
    place: tuple[Position, Position, str]


def candidates(root: Path, path: str) -> list[Candidate]:
    """All bugs of the module at `root`/`path`, in the order in which the seed-free keys fall."""
    source = (root / path).read_text(encoding="utf-8")
    tree, lines, said = get_ast(source), source.splitlines(), _beside_the_point(source)
    found: dict[str, Candidate] = {}
    for name, operator in chosen().items():
        positions = (
            (node, start, end)
            for node in ast_nodes(tree)
            for start, end in operator.mutation_positions(node)
        )
        for occurrence, (node, start, end) in enumerate(positions):
            if any(first <= start and end <= last for first, last in said):
                continue
            if node.type == "operator" and node.parent.type in SIGNS_OF_LISTS:
                continue
            function = ASTQuery(node).get_definition_name() or ""
            line = lines[start[0] - 1]
            column = start[1] - (len(line) - len(line.lstrip()))
            key, again = "", 0
            while not key or key in found:
                key = _hash(path, function, name, line.strip(), str(column), str(again))
                again += 1
            spec = MutationSpec(
                module_path=Path(path),
                operator_name=name,
                occurrence=occurrence,
                start_pos=start,
                end_pos=end,
                definition_name=function,
            )
            kind = name.rsplit("/", 1)[1].split("_")[0]
            found[key] = Candidate(key, spec, (start, end, kind))
    return list(found.values())


def sample(found: list[Candidate], seed: int, size: int) -> list[Candidate]:
    """At most `size` of them, of each place and kind of bug one; with a `size` of 0 all."""
    if size == 0:
        return found
    ranked = sorted(found, key=lambda candidate: _hash(str(seed), candidate.key))
    by_place: dict[object, Candidate] = {}
    for candidate in ranked:
        by_place.setdefault(candidate.place, candidate)
    return list(by_place.values())[:size]


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _beside_the_point(source: str) -> list[tuple[Position, Position]]:
    """What is no behaviour: annotations, aliases of types, `frozen=True`, lines of a debug log."""
    return [
        ((node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0))
        for node in _skipped(ast.parse(source))
    ]


def _skipped(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        match node:
            case ast.arg(annotation=ast.expr() as annotation):
                yield annotation
            case ast.FunctionDef(returns=ast.expr() as returns):
                yield returns
            case ast.AnnAssign(annotation=annotation, value=value):
                yield annotation
                if value is not None and ast.unparse(annotation) == "TypeAlias":
                    yield value
            case ast.ClassDef(decorator_list=decorators, keywords=keywords):
                yield from decorators
                yield from (keyword.value for keyword in keywords)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="log"), attr="debug" | "info")):
                yield node
            case ast.Call(func=ast.Name(id="TypeVar" | "cast" | "NewType")):
                yield node
            case ast.Call(func=ast.Name(id="zip"), keywords=keywords):
                yield from (keyword.value for keyword in keywords)
            case _:
                pass

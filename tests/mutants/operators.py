"""The bugs that are put in: those of cosmic-ray that a person might write, and a few more.

Cosmic-ray's own change operators, numbers, loops and conditions. What it has not is what a
careful engineer forgets: a check, a statement, one side of an `and`, an optional argument.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import parso
from cosmic_ray.operators.operator import Operator
from cosmic_ray.plugins import OPERATOR_PROVIDERS, get_operator

Position: TypeAlias = tuple[int, int]
# parso has no types of its own for the nodes of a tree.
Node: TypeAlias = Any

OWN = "forgotten"
# Of the replacements of one operator by each of the others those that are mistaken for each other:
# `a << b` for `a + b` is found by anything.
COMPARISONS = {
    "Eq": ("NotEq",),
    "NotEq": ("Eq",),
    "Lt": ("LtE", "GtE"),
    "LtE": ("Lt", "Gt"),
    "Gt": ("GtE", "LtE"),
    "GtE": ("Gt", "Lt"),
    "Is": ("IsNot",),
    "IsNot": ("Is",),
}
ARITHMETIC = {
    "Add": ("Sub",),
    "Sub": ("Add",),
    "Mul": ("Div", "FloorDiv"),
    "Div": ("Mul", "FloorDiv"),
    "FloorDiv": ("Mul", "Div"),
    "Mod": ("FloorDiv",),
    "Pow": ("Mul",),
    "RShift": ("LShift",),
    "LShift": ("RShift",),
    "BitOr": ("BitAnd",),
    "BitAnd": ("BitOr",),
    "BitXor": ("BitOr",),
}
OTHERS = (
    "AddNot",
    "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue",
    "ReplaceAndWithOr",
    "ReplaceOrWithAnd",
    "ReplaceBreakWithContinue",
    "ReplaceContinueWithBreak",
    "ExceptionReplacer",
    "NumberReplacer",
    "ZeroIterationForLoop",
    "ReplaceUnaryOperator_USub_UAdd",
    "ReplaceUnaryOperator_Delete_Not",
)
EXCHANGED = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "floor": "ceil",
    "ceil": "floor",
}


class Rewriting(Operator):  # type: ignore[misc]  # cosmic-ray ships no types
    """A mutation by text: each of `rewritings` says what a node becomes."""

    def rewritings(self, node: Node) -> Iterator[str]:
        """The texts that `node` may become."""
        raise NotImplementedError

    def mutation_positions(self, node: Node) -> Iterator[tuple[Position, Position]]:
        """Once for each text, as cosmic-ray counts them."""
        for _ in self.rewritings(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Node, index: int) -> Node:
        """`node` as the text of this index."""
        text = [*self.rewritings(node)][index]
        return parso.parse(node.get_first_leaf().prefix + text)

    @classmethod
    def examples(cls) -> Sequence[object]:
        """None: cosmic-ray's own tests want them."""
        return ()


class ForgetStatement(Rewriting):
    """A statement that is not there: a call, or a change of what is kept."""

    def rewritings(self, node: Node) -> Iterator[str]:
        """`pass` in the place of what has an effect."""
        if node.type == "expr_stmt":
            target, sign = node.children[0], node.children[1]
            kept = target.type in ("atom_expr", "power")
            if kept or getattr(sign, "value", "") in ("+=", "-=", "*=", "|=", "&="):
                yield "pass"
        elif node.type == "atom_expr" and _is_statement(node):
            yield "pass"


class ForgetOperand(Rewriting):
    """One of several conditions left out."""

    def rewritings(self, node: Node) -> Iterator[str]:
        """Without each of its operands in turn."""
        if node.type in ("and_test", "or_test"):
            word = f" {node.children[1].value} "
            codes = [_code(child) for child in node.children[::2]]
            for left_out in range(len(codes)):
                rest = codes[:left_out] + codes[left_out + 1 :]
                yield f"({word.join(rest)})"


class ForgetCall(Rewriting):
    """`f(x, y)` that is only `x`."""

    def rewritings(self, node: Node) -> Iterator[str]:
        """The first argument, where it is a plain one."""
        if node.type == "atom_expr" and not _is_statement(node) and len(node.children) == 2:
            first = _arguments(node.children[1])[:1]
            if first and first[0].type not in ("argument", "comp_for"):
                yield f"({_code(first[0])})"


class ForgetKeyword(Rewriting):
    """A named argument left to its default."""

    def rewritings(self, node: Node) -> Iterator[str]:
        """The call without each of its named arguments in turn."""
        if node.type == "trailer" and node.children[0].value == "(":
            arguments = _arguments(node)
            for left_out in arguments:
                if _name_of(left_out) not in ("", "strict"):  # the latter is `zip`'s
                    rest = [_code(one) for one in arguments if one is not left_out]
                    yield f"({', '.join(rest)})"

    def mutate(self, node: Node, index: int) -> Node:
        """The trailer of a call, which alone is no expression: parsed behind a name."""
        text = [*self.rewritings(node)][index]
        return parso.parse("f" + text).children[0].children[1]


class AlwaysTrue(Rewriting):
    """A condition that always holds."""

    constant = "True"

    def rewritings(self, node: Node) -> Iterator[str]:
        """The constant in the place of a condition."""
        if _is_condition(node):
            yield self.constant


class AlwaysFalse(AlwaysTrue):
    """A condition that never holds: a check that is not made."""

    constant = "False"


class Exchange(Rewriting):
    """`min` for `max`, and the like."""

    def rewritings(self, node: Node) -> Iterator[str]:
        """The other of its pair."""
        if node.type == "name" and node.value in EXCHANGED and node.parent.type != "param":
            yield EXCHANGED[node.value]


OWN_OPERATORS = {
    operator.__name__: operator
    for operator in (
        ForgetStatement,
        ForgetOperand,
        ForgetCall,
        ForgetKeyword,
        AlwaysTrue,
        AlwaysFalse,
        Exchange,
    )
}
OPERATOR_PROVIDERS[OWN] = OWN_OPERATORS


def chosen() -> dict[str, Operator]:
    """Every operator that is used, by its name in a session."""
    pairs = [("ReplaceComparisonOperator", COMPARISONS), ("ReplaceBinaryOperator", ARITHMETIC)]
    names = [
        f"core/{prefix}_{old}_{new}"
        for prefix, table in pairs
        for old, others in table.items()
        for new in others
    ]
    names += [f"core/{name}" for name in OTHERS] + [f"{OWN}/{name}" for name in OWN_OPERATORS]
    return {name: get_operator(name)() for name in names}


def _code(node: Node) -> str:
    return str(node.get_code(include_prefix=False))


def _arguments(trailer: Node) -> list[Node]:
    """The arguments of a call's brackets; none for those of an index or an attribute."""
    if trailer.type != "trailer" or trailer.children[0].value != "(" or len(trailer.children) != 3:
        return []
    inner = trailer.children[1]
    return inner.children[::2] if inner.type == "arglist" else [inner]


def _name_of(argument: Node) -> str:
    """The name of a named argument; "" of one by its place."""
    if argument.type != "argument" or argument.children[0].type != "name":
        return ""
    return str(argument.children[0].value) if argument.children[1].type == "operator" else ""


def _is_statement(node: Node) -> bool:
    return node.parent.type in ("simple_stmt", "suite", "file_input")


def _is_condition(node: Node) -> bool:
    """Whether `node` decides: of an `if`, an `elif`, a ternary or a comprehension."""
    parent = node.parent
    if parent is None:
        return False
    if parent.type == "if_stmt":
        place = parent.children.index(node)
        return place > 0 and getattr(parent.children[place - 1], "value", "") in ("if", "elif")
    if parent.type in ("ternary", "test"):
        return len(parent.children) > 2 and parent.children[2] is node
    return parent.type == "comp_if" and parent.children[1] is node

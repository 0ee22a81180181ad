"""How well texts are read: the character error rate, and the share read without any error."""

from collections.abc import Sequence

from edge_agent.bundle.metrics import Proportion
from pipeline.measure.evaluate import wilson


def edit_distance(a: str, b: str) -> int:
    """Fewest insertions, deletions and substitutions that turn `a` into `b` (Levenshtein 1966)."""
    row = list(range(len(b) + 1))  # distances of the part of `a` seen so far to each part of `b`
    for i, character in enumerate(a, start=1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(b, start=1):
            diagonal, row[j] = (
                row[j],
                min(row[j] + 1, row[j - 1] + 1, diagonal + (character != other)),
            )
    return row[-1]


def character_error_rate(
    found: Sequence[str], wanted: Sequence[str], *, ignore_case: bool = False
) -> float:
    """Edits from `found` to `wanted` over all texts, as a share of the characters of `wanted`.

    Over 1 where much is read that is not there. Spaces count as characters.

    Raises:
        ValueError: not as many found as wanted, or nothing wanted at all.
    """
    pairs = _pairs(found, wanted, ignore_case)
    characters = sum(len(b) for _, b in pairs)
    if characters == 0:
        raise ValueError("texts: expected at least one character to be read, found none")
    return sum(edit_distance(a, b) for a, b in pairs) / characters


def exact_match(
    found: Sequence[str], wanted: Sequence[str], *, ignore_case: bool = False
) -> Proportion:
    """The share of texts read without any error, with its 95 % interval.

    Raises:
        ValueError: not as many found as wanted, or none.
    """
    pairs = _pairs(found, wanted, ignore_case)
    return wilson(sum(a == b for a, b in pairs), len(pairs))


def _pairs(found: Sequence[str], wanted: Sequence[str], ignore_case: bool) -> list[tuple[str, str]]:
    if len(found) != len(wanted):
        raise ValueError(f"texts: expected {len(wanted)} readings, found {len(found)}")
    pairs = zip(found, wanted, strict=True)
    if ignore_case:
        return [(a.casefold(), b.casefold()) for a, b in pairs]
    return list(pairs)

"""Which characters of a reading stand for which of the truth: the edits, one by one."""

from typing import TypeAlias

Edit: TypeAlias = tuple[str, str]
"""What was read and what is there: each one character, or nothing."""


def align(found: str, wanted: str) -> tuple[Edit, ...]:
    """The pairs of characters of a shortest way to turn `found` into `wanted`, in order.

    Of several shortest ways it is the one that takes characters for others before it takes
    one for missing and one for made up, seen from the end (Wagner and Fischer 1974).
    """
    if found == wanted:
        return tuple(zip(found, wanted, strict=True))
    table = _distances(found, wanted)
    edits: list[Edit] = []
    i, j = len(found), len(wanted)
    while i or j:
        here = table[i][j]
        if i and j and here == table[i - 1][j - 1] + (found[i - 1] != wanted[j - 1]):
            i, j = i - 1, j - 1
            edits.append((found[i], wanted[j]))
        elif j and here == table[i][j - 1] + 1:
            j -= 1
            edits.append(("", wanted[j]))
        else:
            i -= 1
            edits.append((found[i], ""))
    return tuple(reversed(edits))


def _distances(a: str, b: str) -> list[list[int]]:
    """The edit distance of each beginning of `a` to each beginning of `b`."""
    table = [list(range(len(b) + 1))]
    for i, character in enumerate(a, start=1):
        last, row = table[-1], [i]
        for j, other in enumerate(b, start=1):
            row.append(min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (character != other)))
        table.append(row)
    return table

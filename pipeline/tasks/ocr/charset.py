"""`Charset`: the characters a network can read, and the numbers its outputs stand for.

Output k of the network is character k; the last output, K - 1, is the blank of CTC
(Graves et al. 2006, "Connectionist temporal classification"), which stands for no character.
"""

import string
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from edge_agent.tasks.ocr.decode.ctc import collapse
from pipeline.common.errors import DataError

# What stands in a reading where a meter's wheel shows the halves of two digits.
BETWEEN = "?"

DIGITS = string.digits
ALPHANUMERIC = string.digits + string.ascii_uppercase + string.ascii_lowercase
# Every character of ASCII that leaves ink, and the space.
PRINTED = " " + string.digits + string.ascii_letters + string.punctuation
# The same without the small letters, for sets whose labels are upper-cased.
PRINTED_UPPER = "".join(c for c in PRINTED if not c.islower())
METER = string.digits + ".-" + BETWEEN


@dataclass(frozen=True)
class Charset:
    """The characters of a network, in the order of its outputs.

    Args:
        characters: distinct printable characters.

    Raises:
        DataError: none, one twice, or one that cannot be printed.
    """

    characters: str

    def __post_init__(self) -> None:
        if not self.characters:
            raise DataError("charset: expected at least one character, found none")
        seen: set[str] = set()
        for character in self.characters:
            if character in seen or not character.isprintable():
                what = "twice" if character in seen else "which cannot be printed"
                raise DataError(
                    f"charset: expected distinct printable characters, found {character!r} {what}"
                )
            seen.add(character)

    @property
    def blank(self) -> int:
        """The number of the output that stands for no character: the last one."""
        return len(self.characters)

    @property
    def outputs(self) -> int:
        """K, how many outputs a network for these characters has."""
        return len(self.characters) + 1

    def encode(self, text: str, place: str) -> NDArray[np.int64]:
        """The numbers of the characters of `text`, (L,).

        Raises:
            DataError: a character outside the charset; names `place`, the character and the
                charset.
        """
        numbers = {character: number for number, character in enumerate(self.characters)}
        missing = next((c for c in text if c not in numbers), None)
        if missing is not None:
            raise DataError(
                f"{place}: expected a text of the characters {self.characters!r}, "
                f"found {missing!r} in {text!r}"
            )
        return np.fromiter((numbers[c] for c in text), np.int64, len(text))

    def collapse(self, best: NDArray[np.int64]) -> str:
        """The text of the best output at each time step, (T,): runs merged, blanks dropped."""
        return "".join(self.characters[k] for k in collapse(best, self.blank))


def steps_needed(text: str) -> int:
    """Time steps that CTC needs for `text`: one a character, and a blank between equal ones."""
    return len(text) + sum(a == b for a, b in pairwise(text))


def check_lengths(texts: Sequence[str], ids: Sequence[str], steps: int, width: int) -> None:
    """Raise unless every one of `texts` can be written in `steps` time steps.

    Raises:
        DataError: names the first that cannot, and the network's width in pixels.
    """
    for text, name in zip(texts, ids, strict=True):
        needed = steps_needed(text)
        if needed > steps:
            raise DataError(
                f"{name}: expected a text that fits the {steps} time steps of an input "
                f"{width} pixels wide, found one that needs {needed}: {text!r}"
            )

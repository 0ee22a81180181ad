"""Class names that a mirror image would make wrong: left and right, digits, letters, turns."""

import re
from collections.abc import Sequence

# Whole words of a name, in the languages that our users' folders are likeliest in.
_SIDED = frozenset(
    {"left", "right", "lefthand", "righthand", "leftward", "rightward", "lh", "rh"}
    | {"links", "rechts", "linke", "rechte", "linker", "rechter", "gauche", "droite", "droit"}
    | {"izquierda", "izquierdo", "derecha", "derecho", "sinistra", "sinistro", "destra", "destro"}
    | {"esquerda", "esquerdo", "direita", "direito", "rechtsom", "linksom"}
    | {"clockwise", "counterclockwise", "anticlockwise", "ccw", "cw", "uhrzeigersinn"}
    | {"east", "west", "zero", "one", "two", "three", "four", "five", "six", "seven", "eight"}
    | {"nine", "ten", "text", "digit", "digits", "letter", "letters"}
)
_ALPHABET = 5  # fewer single letters may be grades, or anything


def sided_name(labels: Sequence[str]) -> str | None:
    """The first of the class names that says that left and right matter, or None.

    That is one with a word for a side or a sense of turning, a number, or one of an alphabet:
    several classes of a single letter each are letters that are shown or signed.
    """
    letters = [label for label in labels if len(label.strip()) == 1 and label.strip().isalpha()]
    if len(letters) >= _ALPHABET and len(letters) == len(labels):
        return letters[0]
    for label in labels:
        words = re.findall(r"[^\W\d_]+", label.casefold())
        if label.strip().isdigit() or _SIDED & set(words):
            return label
    return None

"""Class names that a mirror image would make wrong: left and right, digits, letters, turns."""

import re
import unicodedata
from collections.abc import Sequence

# Whole words of a name, in the languages that our users' folders are likeliest in; without marks.
_SIDED = frozenset(
    {"left", "right", "lefthand", "righthand", "leftward", "rightward", "leftwards", "rightwards"}
    | {"lefthanded", "righthanded", "leftturn", "rightturn", "turnleft", "turnright", "lh", "rh"}
    | {"links", "rechts", "linke", "rechte", "linker", "rechter", "linkes", "rechtes", "linken"}
    | {"rechten", "gauche", "droite", "droit", "linksaf", "rechtsaf", "linksom", "rechtsom"}
    | {"izquierda", "izquierdo", "derecha", "derecho", "sinistra", "sinistro", "destra", "destro"}
    | {"esquerda", "esquerdo", "direita", "direito", "esquerra", "stanga", "dreapta"}
    | {"лево", "право", "левый", "правый", "левая", "правая", "левое", "правое", "налево"}
    | {"направо", "влево", "вправо", "слева", "справа", "ліво", "лівий", "правии", "ліворуч"}
    | {"праворуч", "левыи", "правыи", "lewo", "prawo", "lewy", "prawy", "lewa", "prawa"}
    | {"vlevo", "vpravo", "levy", "pravy", "leva", "prava", "doleva", "doprava", "vľavo", "vlavo"}
    | {"hoger", "vanster", "hogre", "vanstra", "hojre", "venstre", "hoyre", "høyre", "højre"}
    | {"oikea", "vasen", "balra", "jobbra", "kiri"}
    | {"kanan", "trai", "phai", "αριστερα", "δεξια", "يسار", "يمين", "שמאל", "ימין"}
    | {"clockwise", "counterclockwise", "anticlockwise", "ccw", "cw", "uhrzeigersinn"}
    | {"east", "west", "eastbound", "westbound", "northeast", "northwest", "southeast"}
    | {"southwest", "osten", "westen", "nordost", "nordwest", "sudost", "sudwest"}
    | {"starboard", "larboard", "backbord", "steuerbord", "babord", "tribord"}
    | {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
    | {"text", "digit", "digits", "letter", "letters", "number", "numbers", "kmh", "kph", "mph"}
)
# Written without blanks between words, so that a part of a name is enough.
_CHARACTERS = frozenset("左右")
# Sides only as two of them: with the other in another class, all else alike.
_PAIRS = (
    *(("l", "r"), ("lt", "rt"), ("li", "re"), ("g", "d"), ("izq", "der"), ("izda", "dcha")),
    *(("esq", "dir"), ("sx", "dx"), ("lft", "rgt"), ("od", "os"), ("e", "w"), ("e", "o")),
    *(("ne", "nw"), ("se", "sw"), ("no", "nw"), ("so", "sw"), ("port", "starboard")),
    *(
        ("b", "d"),
        ("p", "q"),
        ("s", "z"),
        ("sin", "dex"),
        ("sag", "sol"),
        ("jobb", "bal"),
        ("ost", "west"),
    ),
)
_UNITS = r"(?:km/?h|kph|mph|kmph|km|m|cm|mm|kg|g|t|l|ml|v|w|a|hz|eur|euro|ct|cent|cents|usd|c|f)"
_NUMBER = re.compile(rf"[-+]?\d+(?:[.,]\d+)?\s*(?:{_UNITS}|%|°|€|\$)?", re.IGNORECASE)
# Words beside which a number is what the picture shows.
_SHOWN = frozenset(
    {"speed", "limit", "max", "min", "tempo", "sign", "no", "nr", "num", "zone", "km", "value"}
    | {"schild", "zahl", "ziffer", "vitesse", "velocidad", "dice", "die", "card", "key", "page"}
)
_ROMAN = re.compile(r"(?=.)x{0,3}(?:ix|iv|v?i{0,3})", re.IGNORECASE)
_ALPHABET = 3  # fewer single letters may be grades, or anything


def sided_name(labels: Sequence[str]) -> str | None:
    """The first of the class names that says that left and right matter, or None.

    That is one with a word for a side or a sense of turning; one of two that differ in the two
    sides of a pair alone, as `hand_L` and `hand_R`; a number, alone, with a unit or beside such a
    word as `speed`; or one of an alphabet: several classes of a single letter, or of a Roman
    numeral, each. `model 3` and `type2` are names: a number alone at the end says nothing.
    """
    if _all_letters(labels) or _all_roman(labels):
        return labels[0]
    words = {label: _words(label) for label in labels}
    paired = _paired(words)
    for label in labels:
        if _NUMBER.fullmatch(label.strip()) or _CHARACTERS & set(label):
            return label
        if _SIDED & set(words[label]) or label in paired or _shows_number(words[label]):
            return label
    return None


def _words(label: str) -> tuple[str, ...]:
    """The words of a name, small and without marks: at blanks, signs, digits and inner capitals."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", label) if not unicodedata.combining(c))
    parted = re.sub(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", plain)
    return tuple(word.casefold() for word in re.findall(r"[^\W\d_]+|\d+", parted))


def _paired(words: dict[str, tuple[str, ...]]) -> set[str]:
    """The names that differ from another one in the two sides of a pair alone."""
    sides: dict[str, set[str]] = {}
    for pair in _PAIRS:
        for side, other in (pair, pair[::-1]):
            sides.setdefault(side, set()).add(other)
    known = set(words.values())
    found: set[str] = set()
    for label, parts in words.items():
        for place, word in enumerate(parts):
            for other in sides.get(word, ()):
                if (*parts[:place], other, *parts[place + 1 :]) in known:
                    found.add(label)
    return found


def _shows_number(words: tuple[str, ...]) -> bool:
    numbers = [word for word in words if word.isdigit()]
    return bool(numbers) and (
        bool(_SHOWN & set(words)) or any(re.fullmatch(_UNITS, word) for word in words[1:])
    )


def _all_letters(labels: Sequence[str]) -> bool:
    return len(labels) >= _ALPHABET and all(
        len(label.strip()) == 1 and label.strip().isalpha() for label in labels
    )


def _all_roman(labels: Sequence[str]) -> bool:
    return len(labels) >= 2 and all(_ROMAN.fullmatch(label.strip()) for label in labels)

"""What coders print on packages: dates in the ways of several countries, lots and times."""

from random import Random

from pipeline.tasks.ocr.drawing.says import MONTHS

_BEST_BEFORE = (
    "EXP", "EXP.", "EXP:", "EXP DATE", "BB", "BBE", "BEST BEFORE", "BEST BY", "USE BY", "SELL BY",
    "MHD", "DLC", "DDM", "A CONSOMMER AVANT", "CAD", "VAL", "SCAD", "THT", "E", "BEST BEFORE END",
)  # fmt: skip
_MADE = ("PROD", "PRD", "MFG", "MFD", "PKD", "P", "MFG DATE", "PACKED")
_LOT = ("LOT", "LOT:", "L", "L:", "BATCH", "B.NO", "CH.-B.", "C")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def package_print(rng: Random) -> str:
    """One line of a coder, in capitals: mostly a date, with what stands before and behind it."""
    draw = rng.random()
    if draw < 0.15:
        return _lot(rng)
    text = _date(rng)
    if draw < 0.6:
        return text
    if draw < 0.85:
        mark = rng.choice((" ", " ", ": "))
        words = rng.choice(_BEST_BEFORE if rng.random() < 0.75 else _MADE)
        return f"{words.rstrip(':') if mark == ': ' else words}{mark}{text}"
    return f"{text} {_time(rng) if rng.random() < 0.6 else _lot(rng)}"


def _date(rng: Random) -> str:
    day, month, year = rng.randint(1, 31), rng.randint(1, 12), rng.randint(2000, 2049)
    mark = rng.choice((".", ".", "/", "/", "-", " "))
    short = f"{year % 100:02}"
    name = MONTHS[month - 1].upper()
    return rng.choice(
        (
            f"{day:02}{mark}{month:02}{mark}{year}",
            f"{day:02}{mark}{month:02}{mark}{year}",
            f"{day:02}{mark}{month:02}{mark}{short}",
            f"{day:02}{mark}{month:02}{mark}{short}",
            f"{year}{mark}{month:02}{mark}{day:02}",
            f"{month:02}{mark}{year}",
            f"{month:02}{mark}{short}",
            f"{day:02}{name}{short}",
            f"{day:02} {name} {year}",
            f"{name} {year}",
            f"{year}{month:02}{day:02}",
            f"{day:02}{month:02}{short}",
        )
    )


def _time(rng: Random) -> str:
    return f"{rng.randrange(24):02}:{rng.randrange(60):02}"


def _lot(rng: Random) -> str:
    digits = "".join(rng.choices("0123456789", k=rng.randint(2, 7)))
    letters = "".join(rng.choices(_LETTERS, k=rng.choice((0, 0, 1, 2))))
    code = rng.choice((f"{letters}{digits}", f"{digits}{letters}", f"{letters} {digits}")).strip()
    return f"{rng.choice(_LOT)}{rng.choice(('', ' '))}{code}" if rng.random() < 0.7 else code

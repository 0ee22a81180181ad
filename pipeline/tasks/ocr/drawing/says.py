"""What synthetic texts say: words of signs, printed lines, readings of displays.

Each function draws from the generator it is given and from nothing else. What it says can be
written in the charset and read in the time steps it is given: where its first ideas cannot,
it shortens, and leaves characters out.
"""

from collections.abc import Callable
from random import Random

from pipeline.tasks.ocr.charset import Charset, steps_needed
from pipeline.tasks.ocr.drawing.vocabulary import RECEIPTS, SIGNS, word

Say = Callable[[Random], str]

# Characters at random, so that none is read by its neighbours alone, and none is never seen.
_RANDOM_SHARE = 0.12
_UNITS = ("kWh", "m3", "L", "l", "kg", "g", "%", "C", "F", "V", "A", "W", "bar", "USD", "$", "EUR")
# Printed beside displays.
LABELS = (
    "THIS SALE $", "GALLONS", "LITRES", "TOTAL", "PRICE", "kWh", "VOLUME", "AMOUNT", "PER GALLON",
    "TEMP", "PRESSURE", "SET", "FLOW", "ENERGY", "POWER", "HOURS", "WEIGHT", "UNLEADED",
)  # fmt: skip
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def fitted(text: str, charset: Charset, steps: int) -> str:
    """`text` without the characters that `charset` lacks, cut to what `steps` can hold."""
    kept = "".join(c for c in text if c in charset.characters)
    # How many spaces stand between two words cannot be seen.
    kept = " ".join(kept.split())
    while steps_needed(kept) > steps:
        kept = kept[:-1]
    return kept.strip()


def scene_word(rng: Random, charset: Charset) -> str:
    """One word of a sign or a cover: cased like one, sometimes a number, seldom mere characters."""
    draw = rng.random()
    if draw < _RANDOM_SHARE:
        return _characters(rng, charset, rng.randint(1, 9))
    if draw < 0.22:
        return str(rng.randrange(10 ** rng.randint(1, 6)))
    return _cased(rng, word(rng, SIGNS))


def printed_line(rng: Random, charset: Charset) -> str:
    """A line of a receipt, a form or a letter."""
    if rng.random() < _RANDOM_SHARE:
        return _characters(rng, charset, rng.randint(1, 20))
    return rng.choice(_LINES)(rng)


def display_number(rng: Random) -> str:
    """What a seven-segment display shows: digits, mostly with decimals, seldom a minus."""
    # Up to seven, and most have few.
    digits = min(rng.randint(1, 7), rng.randint(1, 7))
    decimals = rng.choice((0, 1, 2, 2, 3, 3))
    number = rng.randrange(10**digits)
    # Displays pad with zeros, or not at all.
    whole = str(number) if rng.random() < 0.7 else str(number).zfill(digits)
    sign = "-" if rng.random() < 0.05 else ""
    if not decimals:
        return sign + whole
    return f"{sign}{whole}.{rng.randrange(10**decimals):0{decimals}}"


def reading_with_unit(rng: Random) -> str:
    """A printed or shown measurement: `-12.5 C`, `00431 kWh`."""
    return f"{display_number(rng)}{rng.choice(('', ' '))}{rng.choice(_UNITS)}"


def _characters(rng: Random, charset: Charset, count: int) -> str:
    return "".join(rng.choices(charset.characters, k=count))


def _cased(rng: Random, text: str) -> str:
    draw = rng.random()
    if draw < 0.4:
        return text.upper()
    return text.capitalize() if draw < 0.7 else text


def _digits(rng: Random, low: int, high: int) -> str:
    return "".join(rng.choices("0123456789", k=rng.randint(low, high)))


def _price(rng: Random) -> str:
    whole = rng.randrange(10 ** rng.randint(1, 4))
    sign = rng.choice(("", "", "", "", "-", "RM", "RM ", "$", "$ "))
    shown = f"{whole:,}" if rng.random() < 0.3 else str(whole)
    return f"{sign}{shown}.{rng.randrange(100):02}"


def _date(rng: Random) -> str:
    day, month, year = rng.randint(1, 31), rng.randint(1, 12), rng.randint(1990, 2039)
    mark = rng.choice("/-. ")
    written = rng.choice(
        (
            f"{day:02}{mark}{month:02}{mark}{year}",
            f"{day:02}{mark}{month:02}{mark}{year % 100:02}",
            f"{year}-{month:02}-{day:02}",
            f"{day} {rng.choice(MONTHS)} {year}",
        )
    )
    return written if rng.random() < 0.5 else f"{written} {_time(rng)}"


def _time(rng: Random) -> str:
    hour, minute = rng.randrange(24), rng.randrange(60)
    shown = f"{hour:02}:{minute:02}"
    seconds = f":{rng.randrange(60):02}" if rng.random() < 0.4 else ""
    half = rng.choice((" AM", " PM", "am", "pm")) if rng.random() < 0.2 else ""
    return shown + seconds + half


def _words(rng: Random) -> str:
    known = RECEIPTS if rng.random() < 0.6 else SIGNS
    casing = rng.choice((str.upper, str.upper, str.title, str.capitalize, str.lower))
    return casing(" ".join(word(rng, known) for _ in range(rng.choice((1, 1, 2, 2, 3, 4, 5)))))


def _code(rng: Random) -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    prefix = "".join(rng.choices(letters, k=rng.randint(0, 4)))
    mark = rng.choice(("", "", "-", "/", "#", ":", "."))
    return f"{prefix}{mark}{_digits(rng, 1, 12)}{rng.choice(('', '', '-' + rng.choice(letters)))}"


def _marked(rng: Random) -> str:
    """Words with the punctuation that stands on receipts."""
    inner = _words(rng)
    return rng.choice(
        (
            f"{inner}:",
            f"({inner})",
            f"** {inner} **",
            f"{inner}, {_words(rng)}",
            f"{inner} & {_words(rng)}",
            f"{inner}!",
            f"{inner} @ {_price(rng)}",
            f"[{_code(rng)}]",
            f"{inner} {rng.randint(0, 100)}%",
            f"{inner}'S {_words(rng)}",
            f"{_words(rng)}.{rng.choice(('COM', 'com', 'MY', 'net'))}",
        )
    )


def _labelled(rng: Random) -> str:
    mark = rng.choice((":", " :", ": ", " : ", " ", "="))
    value = rng.choice((_price, _date, _time, _code, _phone))(rng)
    return f"{_words(rng)}{mark}{value}"


def _phone(rng: Random) -> str:
    return rng.choice(("", "+", "TEL: ", "Tel : ")) + rng.choice(
        (
            f"{_digits(rng, 2, 3)}-{_digits(rng, 7, 8)}",
            f"({_digits(rng, 3, 3)}) {_digits(rng, 7, 7)}",
        )
    )


def _item(rng: Random) -> str:
    return f"{rng.randint(1, 99)} X {_price(rng)}"


_LINES: tuple[Say, ...] = (
    _price, _price, _date, _time, _words, _words, _words, _code, _marked, _marked, _labelled,
    _phone, _item, reading_with_unit,
)  # fmt: skip

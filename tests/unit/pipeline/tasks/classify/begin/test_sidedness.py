"""`sidedness`: which class names forbid a mirror, and which do not."""

import pytest

from pipeline.tasks.classify.begin.sidedness import sided_name


@pytest.mark.parametrize(
    "names",
    [
        ("LeftArrow", "UpArrow"),
        ("turnLeft", "stop"),
        ("TURN_RIGHT", "STOP"),
        ("hand_L", "hand_R"),
        ("handL", "handR"),
        ("arrow_l", "arrow_r", "arrow_up"),
        ("左", "右"),
        ("向左转", "停"),
        ("лево", "право"),
        ("Левый", "Правый"),
        ("lewo", "prawo"),
        ("vlevo", "vpravo"),
        ("höger", "vänster"),
        ("sağ", "sol"),
        ("izquierda", "centro"),
        ("gauche", "milieu"),
        ("links", "mitte"),
        ("sinistra", "centro"),
        ("direita", "centro"),
        ("NE", "NW"),
        ("wind east", "calm"),
        ("port", "starboard"),
        ("OD", "OS"),
        ("b", "d"),
        ("p", "q"),
        ("A", "B", "C"),
        ("speed_30", "stop"),
        ("20kmh", "stop"),
        ("50 km/h", "stop"),
        ("1.5", "2,5"),
        ("I", "II", "IV"),
        ("xii", "vi"),
    ],
)
def test_a_name_with_a_side_is_found(names: tuple[str, ...]) -> None:
    """Must fire: words of many languages, pairs, letters, numbers that are shown."""
    assert sided_name(names) is not None


@pytest.mark.parametrize(
    "names",
    [
        ("cat", "dog"),
        ("bright", "dark"),
        ("clear", "cloudy"),
        ("lorry", "car"),
        ("roads", "fields"),
        ("copyright", "leftover"),
        ("model 3", "model x"),
        ("type2", "type3"),
        ("port", "wine"),
        ("A", "B"),
        ("L", "M"),
        ("size_L", "size_M"),
        ("ok", "defect"),
        ("golf_1999", "golf_2004"),
        ("horizontal", "vertical"),
        ("Siamese", "PersianCat"),
        ("mix", "civic"),
    ],
)
def test_an_ordinary_name_is_not(names: tuple[str, ...]) -> None:
    """Must not fire: words that only contain one, sizes, makes and years."""
    assert sided_name(names) is None

"""The TOML in the documents: every piece is one that the program understands."""

import re
import tomllib
from pathlib import Path

import pytest

from edge_agent.common.errors import ConfigError
from edge_agent.config import AgentConfig, load_config
from edge_agent.tasks.ocr.options import TextOptions
from edge_agent.tasks.ocr.regions import allowed_texts
from edge_agent.tasks.ocr.spec import TextSpec
from pipeline.common.errors import RecipeError
from pipeline.recipe import Recipe
from pipeline.tasks.ocr.charset import METER, PRINTED
from pipeline.tasks.ocr.data.folder import read_rows
from pipeline.tasks.ocr.data.store import FolderStore
from pipeline.tasks.ocr.recipe import TextRecipe
from pipeline.tasks.recipes import decode_recipe

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"(?m)^```toml\n([\s\S]*?)^```$")
BLOCKS = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, block in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")))
]

# What a piece leaves out, as somebody who has the rest already would have it.
COMMON = {
    "name": 'name = "job"',
    "input": '[input]\nheight = 32\nwidth = 128\ncolour = "gray"\nmean = [0.5]\nstd = [0.25]',
    "train": "[train]\nepochs = 1",
}
CLASSES = COMMON | {
    "data": '[data]\nkind = "digits"',
    "model": '[model]\narch = "resnet8"',
}
TEXTS = COMMON | {
    "data": '[data]\nkind = "text-folder"\npath = "texts"',
    "text": '[text]\ncharset = "0123456789"',
    "model": '[model]\narch = "ctc_small"',
}
VALUES = COMMON | {
    "data": '[data]\nkind = "gauges"',
    "values": '[values]\nquantities = [{ name = "level", low = 0, high = 1 }]',
    "model": '[model]\narch = "resnet8"',
}
# A network that is taken as it is has no training.
GIVEN = {key: text for key, text in CLASSES.items() if key != "train"}
RECIPES = [TEXTS, CLASSES, VALUES, GIVEN]
STREAM = """
[[stream]]
name = "front"
task = "ocr"
bundle = "b"
source = { kind = "camera", index = 0 }
"""
AGENT = {
    "device": '[device]\nname = "garage-pi"',
    "outbox": '[outbox]\npath = "outbox.db"',
    "stream": f'{STREAM}\nregions = [{{ name = "a", rect = {{ x = 0, y = 0, w = 9, h = 9 }} }}]',
}


def is_agents(block: str) -> bool:
    """Whether a piece is of agent.toml; else it is of a recipe."""
    keys = set(tomllib.loads(block))
    return bool(keys & {"device", "broker", "outbox", "health", "stream", "crops"})


def completed(block: str, rest: dict[str, str]) -> str:
    """`block` with the tables of `rest` that it does not have."""
    found = tomllib.loads(block)
    missing = {key: text for key, text in rest.items() if key not in found}
    # Keys of the whole stand before the first table; a stream before its regions.
    head = [text for text in missing.values() if not text.startswith("[")]
    stream = [STREAM] if isinstance(found.get("stream"), dict) else []
    tables = [text for text in missing.values() if text.startswith("[")]
    return "\n".join([*head, *stream, block, *tables])


def as_recipe(block: str) -> Recipe:
    """A piece as the recipe of some task."""
    problems = []
    for rest in RECIPES:
        try:
            return decode_recipe(completed(block, rest).encode(), "a document")
        except RecipeError as error:
            problems.append(str(error))
    raise AssertionError("; ".join(problems))


def as_agents(block: str, folder: Path) -> AgentConfig:
    path = folder / "agent.toml"
    path.write_text(completed(block, AGENT), encoding="utf-8")
    return load_config(path)


@pytest.mark.parametrize("block", BLOCKS)
def test_every_piece_of_toml_is_understood(block: str, tmp_path: Path) -> None:
    """As a recipe or as agent.toml; patterns and meters are tried on a network, too."""
    if not is_agents(block):
        as_recipe(block)
        return
    for stream in as_agents(block, tmp_path).streams:
        for region in getattr(stream.options, "regions", ()):
            charset = tuple(METER if region.meter else PRINTED)
            allowed_texts(region, TextSpec(charset=charset, steps=32), stream.name)


def test_pieces_are_found_and_mistakes_in_them_too(tmp_path: Path) -> None:
    """Must fire: on an unknown key, a wrong pattern, a key of the other file."""
    assert len(BLOCKS) >= 7
    assert any(is_agents(str(block.values[0])) for block in BLOCKS)
    assert not is_agents('name = "x"')
    for wrong in ("[train]\nepoch = 1", '[data]\nkind = "photos"', '[device]\nname = "x"'):
        with pytest.raises(AssertionError):
            as_recipe(wrong)
    regions = '[[stream.regions]]\nname = "a"\nrect = { x = 0, y = 0, w = 9, h = 9 }\n'
    options = as_agents(regions, tmp_path).streams[0].options
    assert isinstance(options, TextOptions)
    assert options.regions[0].name == "a"
    for wrong in (f"{regions}pattern = '['", "[crops]\nfolders = 'x'"):
        with pytest.raises(ConfigError):
            as_agents(wrong, tmp_path)


def test_a_piece_may_be_of_a_recipe_of_texts_or_of_classes() -> None:
    """What only one of them has is right there."""
    assert as_recipe('[verify]\nagainst = "a"\ncrops = "b"').table(TextRecipe) is not None
    assert as_recipe('[model]\narch = "resnet8"').table(TextRecipe) is None


def test_the_table_of_texts_is_one(tmp_path: Path) -> None:
    """docs/howto/read-text.md shows tabs, not blanks that look like them."""
    page = (ROOT / "docs" / "howto" / "read-text.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"(?m)^```\n(.*\t[\s\S]*?)^```$", page)
    (tmp_path / "labels.tsv").write_text(table, encoding="utf-8")
    rows = read_rows(FolderStore(tmp_path), "labels.tsv", str)
    assert [(row.text, row.source) for row in rows] == [
        ("004715", "kitchen"),
        ("004716", "kitchen"),
        ("21.5", "garage"),
    ]


def test_the_recipes_that_the_page_names_are_there() -> None:
    """And each of them is of texts."""
    page = (ROOT / "docs" / "howto" / "read-text.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`recipes/(ocr-[a-z]+)\.toml`", page))
    assert named == {path.stem for path in (ROOT / "recipes").glob("ocr-*.toml")}
    for name in named:
        data = (ROOT / "recipes" / f"{name}.toml").read_bytes()
        assert decode_recipe(data, name).table(TextRecipe) is not None

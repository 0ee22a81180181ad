"""Sphinx's configuration for `make site`: the pages of docs/ as they are, in the order below."""

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "edge_agent" / "__init__.py").read_text())

project = "Edgeward"
author = "the Edgeward authors"
project_copyright = "the Edgeward authors; Apache-2.0"
version = release = VERSION[1] if VERSION else ""
language = "en"

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
# The schemas are files to fetch, not pages; they are copied as they are.
exclude_patterns = ["schemas"]
html_extra_path = [str(ROOT / "docs" / "schemas")]
# Every heading down to the third may be linked to, by the anchors that docs/ is written for.
myst_heading_anchors = 4
myst_enable_extensions = ["tasklist"]
# JSON pieces of the pages leave out what does not matter there; TOML has inline comments.
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "pydata_sphinx_theme"
html_title = "Edgeward"
html_static_path = ["static"]
html_css_files = ["edgeward.css"]
html_show_sourcelink = False
html_copy_source = False
# These have no part of their own, hence no menu at the side.
html_sidebars: dict[str, list[str]] = {
    page: [] for page in ("index", "quickstart", "benchmarks", "glossary")
}
html_theme_options = {
    "header_links_before_dropdown": 7,
    "logo": {"text": "Edgeward"},
    "navbar_end": ["theme-switcher"],
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}

# The order of the pages in the menu. It stands here, since in a page it would be shown as code
# wherever that is read as plain Markdown. A page that is nowhere in it ends the build.
ORDER = {
    "index": "quickstart howto/index reference/index explanation/index "
    "benchmarks log/index glossary",
    "howto/index": "own-images two-hundred-photographs trained-weights own-network choose "
    "read-text meter dial camera home-assistant deploy",
    "reference/index": "recipes zoo agent mqtt bundle commands exit-statuses api",
    "explanation/index": "architecture quantisation int8-reference decisions",
    "log/index": "quantising training transfer reading cameras daemon runtimes "
    "measured-accuracy measured-reading measured-agent",
}


def setup(app: Any) -> None:
    """Called by Sphinx: put the order of the pages below those that begin a part."""
    app.connect("source-read", _add_order)


def _add_order(app: Any, name: str, source: list[str]) -> None:
    del app
    if name in ORDER:
        pages = "\n".join(ORDER[name].split())
        source[0] += f"\n\n```{{toctree}}\n:hidden:\n\n{pages}\n```\n"

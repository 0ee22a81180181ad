"""HTML pages as tests look at them: their tags and their text."""

import re
from html.parser import HTMLParser
from typing import TypeAlias

Attributes: TypeAlias = dict[str, str | None]
VOID = {"meta", "img", "link", "br", "hr", "input"}


class Page(HTMLParser):
    """A parsed page: every tag with its attributes, its text, and whether tags balance."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, Attributes]] = []
        self.open: list[str] = []
        self.parts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag; it is open until its end tag."""
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag that closes itself."""
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """The innermost open tag must be the one that ends."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep what a reader reads."""
        if self.open[-1:] not in (["style"], ["script"]):
            self.parts.append(data)

    @property
    def text(self) -> str:
        """All text, white space folded."""
        return re.sub(r"[ \n]+", " ", "".join(self.parts))

    def every(self, tag: str) -> list[Attributes]:
        """The attributes of every `tag`."""
        return [attrs for name, attrs in self.tags if name == tag]

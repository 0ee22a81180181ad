"""What tasks say of themselves to Home Assistant: the words that they have in common."""

import re


def plain(name: str) -> str:
    """A name of ours as Home Assistant allows it in a topic, and in a key."""
    # Names hold letters, digits, `_`, `-` and `.`; only the last is forbidden there.
    return re.sub(r"[^A-Za-z0-9_-]", lambda found: f"_{ord(found[0]):x}_", name)

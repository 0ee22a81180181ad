"""Descriptions in JSON Schemas, the same whichever Python made them.

They are docstrings, and Python 3.13 takes the indentation out of those when it compiles;
older ones leave it in.
"""

import inspect
from typing import Any


def with_clean_descriptions(document: Any) -> Any:
    """`document`, of lists, dicts and plain values, with every description's indentation out."""
    if isinstance(document, list):
        return [with_clean_descriptions(item) for item in document]
    if not isinstance(document, dict):
        return document
    return {
        key: inspect.cleandoc(value)
        if key == "description" and isinstance(value, str)
        else with_clean_descriptions(value)
        for key, value in document.items()
    }

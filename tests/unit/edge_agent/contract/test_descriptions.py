"""Descriptions are the same on Python 3.11, which leaves indentation in, and on 3.13."""

import json

from edge_agent.contract.descriptions import with_clean_descriptions
from edge_agent.contract.schemas import schemas


def test_indentation_goes_and_the_rest_stays() -> None:
    """At any depth; a property that is called `description` is no description."""
    written = "First.\n\n    Args:\n        a: one.\n            more."
    document = {
        "description": written,
        "list": [{"description": written}],
        "properties": {"description": {"type": "string", "default": "  kept"}},
    }
    clean = "First.\n\nArgs:\n    a: one.\n        more."
    assert with_clean_descriptions(document) == {
        "description": clean,
        "list": [{"description": clean}],
        "properties": {"description": {"type": "string", "default": "  kept"}},
    }
    assert with_clean_descriptions(with_clean_descriptions(document)) == with_clean_descriptions(
        document
    )


def test_no_schema_depends_on_the_python_that_wrote_it() -> None:
    """Every description begins its second paragraph where it begins its first."""
    text = json.dumps(schemas())
    assert "\\n\\n    Args:" not in text
    assert "\\n\\nArgs:" in text

"""What Home Assistant is told of a stream of classes: the class, and how probable it is."""

from collections.abc import Iterator

from edge_agent.contract.topics import Topics
from edge_agent.tasks.classify.options import ClassifyOptions
from edge_agent.tasks.classify.spec import ClassifySpec
from edge_agent.tasks.task import Entity

_ATTRIBUTES = (
    "{{ {'confidence': value_json.result.confidence, 'sure': value_json.result.sure, "
    "'captured_at': value_json.captured_at} | tojson }}"
)


def entities(
    _options: ClassifyOptions, _spec: ClassifySpec, stream: str, topics: Topics
) -> Iterator[Entity]:
    """The entities of a stream."""
    topic = topics.state(stream)
    state = {"p": "sensor", "state_topic": topic}
    yield (
        "answer",
        {
            **state,
            "name": stream,
            "value_template": "{{ value_json.result.label }}",
            "json_attributes_topic": topic,
            "json_attributes_template": _ATTRIBUTES,
        },
    )
    yield (
        "confidence",
        {
            **state,
            "name": f"{stream} confidence",
            "value_template": "{{ (value_json.result.confidence * 100) | round(1) }}",
            "unit_of_measurement": "%",
            "state_class": "measurement",
            "entity_category": "diagnostic",
        },
    )

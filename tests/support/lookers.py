"""Lookers of regions with text, and what they see in a frame."""

from edge_agent.inference.recognizer import TfliteRecognizer
from edge_agent.sources.base import Frame
from edge_agent.tasks.ocr.look import TextLooker
from edge_agent.tasks.ocr.options import TextOptions
from edge_agent.tasks.ocr.regions import TextRegion
from edge_agent.tasks.ocr.spec import TextSpec
from edge_agent.tasks.task import Looker, Opening, Sighting


def text_looker(network: TfliteRecognizer, *regions: TextRegion) -> TextLooker:
    """What reads `regions` as of files, whose frames come at no times; it knows nothing before."""
    manifest = network.bundle.manifest
    assert isinstance(manifest.output, TextSpec)
    options = TextOptions(regions=regions)
    return TextLooker(Opening("s", manifest.output, manifest.input, options, network, timed=False))


def look_at(looker: Looker, frame: Frame) -> list[Sighting]:
    """What `looker` sees in one frame, prepared and answered at once."""
    return list(looker.answers(frame, looker.prepare(frame)))

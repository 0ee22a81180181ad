"""`Findings` to one self-contained HTML file, in the report's style: nothing is fetched."""

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from pipeline.doctor import charts, settings
from pipeline.doctor.findings import Findings
from pipeline.report import words as report_words
from pipeline.report.svg import chart_style
from quantization.doctor import Culprit, words


@dataclass(frozen=True)
class Card:
    """A culprit with its number and its picture."""

    number: int
    culprit: Culprit
    picture: Markup | None


def render(findings: Findings) -> str:
    """The findings as HTML; the same findings give the same text."""
    with chart_style():
        pictures = {
            "snr": charts.snr_profile(findings),
            "costs": charts.costs(findings),
            "trials_chart": charts.trials(findings) if findings.trials else None,
            "cards": [
                Card(number, culprit, charts.evidence(culprit, number))
                for number, culprit in enumerate(findings.diagnosis.culprits, start=1)
            ],
        }
    script = _asset("pipeline.report", "script.js")
    style = _asset("pipeline.report", "style.css") + _asset("pipeline.doctor", "doctor.css")
    return _template().render(
        found=findings,
        diagnosis=findings.diagnosis,
        created=f"{datetime.fromisoformat(findings.created):%Y-%m-%d %H:%M %Z}".strip(),
        style=Markup(style),
        script=Markup(script),
        script_hash=b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
        words=words,
        report_words=report_words,
        settings=settings,
        decibels=_decibels,
        most=max(layer.share for layer in findings.diagnosis.layers) or 1.0,
        **pictures,
    )


def _decibels(value: float | None) -> str:
    """`13.2 dB` with a gap that does not break; `exact` where there is no error."""
    return "exact" if value is None else f"{value:.1f}\u202fdB".replace("-", "\u2212")


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("pipeline.doctor", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("template.html.j2")


def _asset(package: str, name: str) -> str:
    return resources.files(package).joinpath(name).read_text("utf-8")

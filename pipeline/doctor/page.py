"""`Findings` to one self-contained HTML file, in the report's style: nothing is fetched."""

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from pipeline.doctor import charts, settings
from pipeline.doctor.findings import Findings
from pipeline.report import words as report_words
from pipeline.report.svg import chart_style
from pipeline.report.templates import SHARED, asset, page_template
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
    script = asset(SHARED, "script.js")
    style = asset(SHARED, "style.css") + asset("pipeline.doctor", "doctor.css")
    return page_template("pipeline.doctor", "template.html.j2").render(
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

"""`TextRunTask`: runs whose network reads one line of text."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from edge_agent.bundle.archive import Bundle
from edge_agent.common.arrays import F32, U8
from edge_agent.tasks.ocr.spec import Promise, TextSpec
from pipeline.data.base import SPLIT_NAMES, SplitName
from pipeline.data.fitted import cached_pixels
from pipeline.data.root import data_root, find_data
from pipeline.measure.gates import Gate
from pipeline.models import ModelSpec
from pipeline.models.text.ctc_small import time_steps
from pipeline.report.page import ReportPage
from pipeline.tasks.job import Job
from pipeline.tasks.ocr.charset import Charset
from pipeline.tasks.ocr.data.dataset import TextDataset, TextPool, record_texts
from pipeline.tasks.ocr.data.drawn import draw_texts, held_seed
from pipeline.tasks.ocr.data.feed import Examples
from pipeline.tasks.ocr.data.fitted import FittedTexts, split_targets
from pipeline.tasks.ocr.data.folder import read_text_folder
from pipeline.tasks.ocr.data.load import load_texts
from pipeline.tasks.ocr.drawing.fonts import Font, find_fonts, load_fonts, save_fonts
from pipeline.tasks.ocr.drawing.render import Synthetic, drawn_characters
from pipeline.tasks.ocr.drawing.workers import PicturePool
from pipeline.tasks.ocr.kept_readings import kept_readings
from pipeline.tasks.ocr.measure.margin import margin
from pipeline.tasks.ocr.measure.readings import read_scores
from pipeline.tasks.ocr.measure.thresholds import coverage_curve, operating_point
from pipeline.tasks.ocr.measure.truth import TextTruth, readings
from pipeline.tasks.ocr.recipe import TextRecipe
from pipeline.tasks.ocr.report.contents import TextReport, view_texts
from pipeline.tasks.ocr.report.sections import text_page
from pipeline.tasks.run_task import SPLIT_FILE, Evidence, RunTask, spec_of

FONTS_FILE = "fonts.json"


@dataclass(frozen=True, eq=False)
class TextRunTask(RunTask):
    """See `RunTask`; `text` is the recipe's own `[text]`."""

    job: Job
    text: TextRecipe

    @cached_property
    def dataset(self) -> TextDataset:
        """See `RunTask`."""
        job, data = self.job, self.job.recipe.data
        root, folder = data_root(job.data_root), None
        if data.path is not None:
            what = "a folder or archive of texts"
            folder = find_data(data.path, "data.path", what, root, job.recipe_folder)
        seed, progress = job.recipe.seed, job.progress
        drawn = None
        if data.kind == "text-drawn":
            drawn = draw_texts(self._synthetic(held_seed(seed)), data.count, progress)
        return load_texts(
            data, self.text, root=root, folder=folder, drawn=drawn, seed=seed, progress=progress
        )

    @property
    def charset(self) -> Charset:
        """The network's characters."""
        return Charset(self.text.charset)

    @property
    def model(self) -> ModelSpec:
        """See `RunTask`."""
        recipe = self.job.recipe
        return ModelSpec(
            arch=recipe.model.arch,
            classes=self.charset.outputs,
            input=recipe.input,
            width=recipe.model.width,
        )

    def data_identity(self) -> Mapping[str, object]:
        """See `RunTask`: what is drawn goes on with the fonts that it began with."""
        synthetic = self.text.synthetic
        return {"fonts": None if synthetic is None else (synthetic.fonts, self.text.case)}

    def identity(self) -> Mapping[str, object]:
        """See `RunTask`: all of `[text]`, but not how many processes draw it."""
        if self.text.synthetic is None:
            return {"text": self.text}
        drawn = msgspec.structs.replace(self.text.synthetic, workers=0)
        return {"text": msgspec.structs.replace(self.text, synthetic=drawn)}

    def record(self, folder: Path) -> None:
        """See `RunTask`: the split, and the fonts that the synthetic pictures are drawn with."""
        for name in SPLIT_NAMES:
            self.truth(name)  # what does not fit is refused before anything is learnt
        record_texts(self.dataset, folder / SPLIT_FILE)
        if self.text.synthetic is not None:
            save_fonts(self._found_fonts(), folder / FONTS_FILE)

    def truth(self, name: SplitName) -> TextTruth:
        """See `RunTask`."""
        split = self.dataset.split(name)
        targets = split_targets(split, self.charset, self.job.recipe.input)
        return TextTruth(self.charset, split.labels, targets)

    def brief(self, name: SplitName) -> Sequence[str]:
        """See `RunTask`: the texts."""
        return self.dataset.split(name).labels

    def pixels(self, name: SplitName) -> U8:
        """See `RunTask`."""
        job, dataset = self.job, self.dataset
        images, spec = dataset.split(name).images, job.recipe.input
        return cached_pixels(images, dataset.sha256, name, spec, job.cache, job.progress)

    def output(self, scores: F32 | None = None) -> TextSpec:
        """See `RunTask`: temperature and, where an error is promised, the least confidence."""
        wanted = self.job.recipe.output
        spec = TextSpec(
            charset=tuple(self.charset.characters),
            steps=time_steps(self.job.recipe.input),
            min_confidence=wanted.min_confidence,
        )
        if scores is None:
            return spec
        truth = self.truth("val")
        spec = msgspec.structs.replace(spec, temperature=truth.temperature(scores))
        return (
            spec if wanted.max_error is None else _promising(spec, scores, truth, wanted.max_error)
        )

    def answers(self, scores: F32) -> Sequence[str]:
        """See `RunTask`: texts."""
        return readings(scores, self.charset)

    def margin(self, output: F32) -> float:
        """See `RunTask`: from there on nearly best outputs may write another text."""
        return margin(output.reshape(time_steps(self.job.recipe.input), self.charset.outputs))

    @contextmanager
    def training_data(self) -> Iterator[Examples]:
        """See `RunTask`: processes may draw pictures while the block lasts."""
        real, val = self._fitted("train"), self._fitted("val")
        recipe, text = self.text.synthetic, self.text
        if recipe is None:
            yield Examples(self.charset, val, real, epoch_images=text.epoch_images)
            return
        synthetic = self._synthetic(self.job.recipe.seed)
        with PicturePool(synthetic, self.job.recipe.input, recipe.workers) as pool:
            yield Examples(self.charset, val, real, pool, recipe.share, text.epoch_images)

    def kept_identity(self) -> object:
        """See `RunTask`: the crops that have to be read as well as before."""
        crops = self._crops
        return None if crops is None else (crops.digests, crops.split.labels)

    def kept_gates(self, candidate: Bundle, old: Bundle) -> Iterator[Gate]:
        """See `RunTask`."""
        if self._crops is not None:
            yield kept_readings(candidate, old, self._crops.split, self.job.progress).gate()

    @cached_property
    def _crops(self) -> TextPool | None:
        job, recipe = self.job, self.job.recipe
        if recipe.verify.crops is None:
            return None
        what, places = "a folder or archive of texts", (data_root(job.data_root), job.recipe_folder)
        place = find_data(recipe.verify.crops, "verify.crops", what, *places)
        unreadable = recipe.data.on_unreadable
        return read_text_folder(place, self.text.case, unreadable, job.progress).train

    def report(self, evidence: Evidence, **shared: Any) -> ReportPage:
        """See `RunTask`."""
        synthetic = self.text.synthetic
        return text_page(
            TextReport(
                spec=spec_of(evidence.bundle, TextSpec),
                test=self.dataset.test,
                scores_float=evidence.float_scores,
                scores_int8=evidence.int8_scores,
                data=view_texts(self.dataset, synthetic.share if synthetic else 0.0),
                **shared,
            )
        )

    def _synthetic(self, seed: int) -> Synthetic:
        """What the recipe has drawn, by another seed where the pictures have to be others."""
        recipe, text = self.text.synthetic, self.text
        assert recipe is not None, "the recipe is asked before"
        return Synthetic(
            kind=recipe.kind,
            charset=self.charset,
            fonts=self._fonts,
            steps=time_steps(self.job.recipe.input),
            seed=seed,
            upper=text.case == "upper",
            strength=recipe.strength,
            empty=recipe.empty,
        )

    @cached_property
    def _fonts(self) -> tuple[Font, ...]:
        """Those that the run began with, or at its beginning those that there are."""
        begun_with = self.job.folder / "data" / FONTS_FILE
        return load_fonts(begun_with) if begun_with.is_file() else self._found_fonts()

    def _found_fonts(self) -> tuple[Font, ...]:
        synthetic, place = self.text.synthetic, None
        if synthetic is not None and synthetic.fonts is not None:
            root = data_root(self.job.data_root)
            key, what = "text.synthetic.fonts", "a folder of fonts"
            place = find_data(synthetic.fonts, key, what, root, self.job.recipe_folder)
        return find_fonts(drawn_characters(self.charset, upper=self.text.case == "upper"), place)

    def _fitted(self, name: SplitName) -> FittedTexts:
        truth = self.truth(name)
        return FittedTexts(self.pixels(name), truth.targets, truth.texts)


def _promising(spec: TextSpec, scores: F32, truth: TextTruth, error: float) -> TextSpec:
    """`spec` with the least confidence that keeps the error of the validation split."""
    found = read_scores(scores, spec)
    right = found.right(truth.texts)
    point = operating_point(coverage_curve(found.confidence, right), error)
    promise = Promise(error=error, coverage=point.coverage, samples=len(truth.texts))
    return msgspec.structs.replace(spec, min_confidence=point.threshold, promise=promise)

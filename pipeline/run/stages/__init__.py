"""The stages of a run, one module each, and their order."""

from pipeline.run.run import Stage
from pipeline.run.stages.data import DATA
from pipeline.run.stages.export import EXPORT
from pipeline.run.stages.prune import PRUNE
from pipeline.run.stages.quantize import QUANTIZE
from pipeline.run.stages.report import REPORT
from pipeline.run.stages.train import TRAIN
from pipeline.run.stages.verify import VERIFY

STAGES: tuple[Stage, ...] = (DATA, TRAIN, PRUNE, QUANTIZE, EXPORT, VERIFY, REPORT)

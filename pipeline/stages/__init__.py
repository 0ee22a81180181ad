"""The stages of a run, one module each, and their order."""

from pipeline.run import Stage
from pipeline.stages.data import DATA
from pipeline.stages.export import EXPORT
from pipeline.stages.prune import PRUNE
from pipeline.stages.quantize import QUANTIZE
from pipeline.stages.report import REPORT
from pipeline.stages.train import TRAIN
from pipeline.stages.verify import VERIFY

STAGES: tuple[Stage, ...] = (DATA, TRAIN, PRUNE, QUANTIZE, EXPORT, VERIFY, REPORT)

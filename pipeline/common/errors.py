"""The exceptions of the host package; `cli.py` maps them to exit statuses."""


class PipelineError(Exception):
    """Base of every error this package raises on purpose."""


class RecipeError(PipelineError):
    """The recipe file is missing, or says something it may not say."""


class DataError(PipelineError):
    """The data set is missing, empty, damaged, or not what the recipe needs."""


class WeightsError(PipelineError):
    """Trained weights are missing, damaged, or those of another network."""


class TrainError(PipelineError):
    """Training diverged."""


class BudgetError(PipelineError):
    """The pruning target cannot be reached with this network."""


class GateError(PipelineError):
    """`verify` measured the bundle and a gate of the budget does not hold."""


class RunError(PipelineError):
    """The run folder lacks a result, or one in it is damaged or does not fit."""


class DemoError(PipelineError):
    """The demo's agent is missing, fails or falls silent."""

"""`OCR`: what a line of text says."""

from pipeline.tasks.job import Job
from pipeline.tasks.task import HostTask, RunTask


def _open(job: Job) -> RunTask:
    from pipeline.tasks.ocr.run_task import TextRunTask

    assert job.recipe.text is not None, "the recipe is asked before"
    return TextRunTask(job, job.recipe.text)


OCR = HostTask(name="ocr", open=_open)

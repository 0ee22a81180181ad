"""`CLASSIFY`: which of some classes an image is of."""

from pipeline.tasks.job import Job
from pipeline.tasks.task import HostTask, RunTask


def _open(job: Job) -> RunTask:
    from pipeline.tasks.classify.run_task import ClassRunTask

    return ClassRunTask(job)


CLASSIFY = HostTask(name="classify", open=_open)

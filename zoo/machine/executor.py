"""Where tasks run: in this process, one after the other, or wherever another executor runs them.

A task and its findings can be pickled; they refer to files by path. Work is a function at the top
level of a module, so that another process finds it by name.
"""

from collections.abc import Callable, Generator, Iterator
from typing import Protocol, TypeVar

from zoo.errors import ZooError
from zoo.progress import Progress

Task = TypeVar("Task")
Found = TypeVar("Found")
Work = Callable[[Task, Progress], Iterator[Found]]


class TaskError(ZooError):
    """The place that runs a task failed before the work was done; the message says how."""


class Executor(Protocol):
    """A place where tasks are run."""

    def run(
        self, work: Work[Task, Found], task: Task, progress: Progress
    ) -> Generator[Found, None, None]:
        """Yield each finding of the work as soon as it is available.

        Closing the iterator ends the work. `TaskError`: there will be no more findings, but other
        tasks may continue.
        """
        ...


class InThisProcess:
    """Runs a task while its findings are consumed; its exceptions are raised here."""

    def run(
        self, work: Work[Task, Found], task: Task, progress: Progress
    ) -> Generator[Found, None, None]:
        """See `Executor.run`."""
        yield from work(task, progress)

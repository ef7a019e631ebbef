"""Where tasks are run: here, one after the other, or wherever somebody's own executor runs them.

A task is a value that `pickle` can carry, and so is everything that its work finds; of files it
holds paths. Work is a function at the top of a module, so that another process finds it by name.
"""

from collections.abc import Callable, Generator, Iterator
from typing import Protocol, TypeVar

from zoo.errors import ZooError
from zoo.progress import Progress

Task = TypeVar("Task")
Found = TypeVar("Found")
Work = Callable[[Task, Progress], Iterator[Found]]


class TaskError(ZooError):
    """What runs a task ended before its work was done; the message says how."""


class Executor(Protocol):
    """A place where tasks are run."""

    def run(
        self, work: Work[Task, Found], task: Task, progress: Progress
    ) -> Generator[Found, None, None]:
        """What the work finds, each thing as soon as it is there.

        Closing it ends the work. `TaskError`: it will find no more, and others may go on.
        """
        ...


class InThisProcess:
    """Runs a task while its findings are taken, and what it raises is raised here."""

    def run(
        self, work: Work[Task, Found], task: Task, progress: Progress
    ) -> Generator[Found, None, None]:
        """See `Executor.run`."""
        yield from work(task, progress)

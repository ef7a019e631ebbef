"""An executor that runs each task in a separate process, which may die without ours."""

import base64
import pickle
from collections.abc import Generator
from typing import Any

from zoo.machine.child import Child, EndedError
from zoo.machine.executor import Found, Task, TaskError, Work
from zoo.progress import Progress

_SECONDS = 120.0  # for the next finding


class InAnotherProcess:
    """Tasks and findings go through pipes, as they might go to another machine."""

    def __init__(self) -> None:
        self.tasks: list[Any] = []  # those that were run

    def run(
        self, work: Work[Task, Found], task: Task, progress: Progress
    ) -> Generator[Found, None, None]:
        self.tasks.append(task)
        child = Child("tests.machine.task_process", keep_words=True)
        try:
            place = f"{work.__module__}:{work.__name__}"  # type: ignore[attr-defined]
            child.tell({"work": place, "task": packed(task)})
            while "ended" not in (answer := child.hear(_SECONDS)):
                if "error" in answer:
                    raise TaskError(answer["error"])
                if "said" in answer:
                    progress.say(answer["said"])
                elif "doing" in answer:
                    progress.now(answer["doing"])
                else:
                    yield unpacked(answer["found"])
        except EndedError as error:
            how = error.ending.signal or f"code {error.ending.code}"
            raise TaskError(f"the process of its task was ended by {how}") from error
        finally:
            child.end()


def packed(value: object) -> str:
    """A value as text."""
    return base64.b64encode(pickle.dumps(value)).decode()


def unpacked(text: str) -> Any:
    """The value again."""
    return pickle.loads(base64.b64decode(text))

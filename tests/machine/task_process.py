"""The other process: it runs one task, and writes what its work finds."""

import json
from importlib import import_module
from typing import Any

from tests.machine.other_process import packed, unpacked
from zoo.machine.child import own_pipes
from zoo.progress import Progress


def main() -> None:
    """Run the task that is told."""
    told, answers = own_pipes()

    def tell(**message: Any) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    class Relayed(Progress):
        """What is said here is said there."""

        def say(self, text: str) -> None:
            tell(said=text)

        def now(self, text: str) -> None:
            tell(doing=text)

    asked = json.loads(told.readline())
    module, _, name = asked["work"].partition(":")
    try:
        for found in getattr(import_module(module), name)(unpacked(asked["task"]), Relayed()):
            tell(found=packed(found))
    except Exception as error:
        tell(error=f"{type(error).__name__}: {error}")
    else:
        tell(ended=True)


if __name__ == "__main__":
    main()

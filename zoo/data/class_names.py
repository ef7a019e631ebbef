"""Match two lists of class names: are they the same classes, and in which order?

A file that names its classes in another order than a dataset outputs its values in that order.
"""

import json
import re
from collections.abc import Sequence

BY_NAME = "lists the same classes in another order, so its answers are matched by name"
_SHOWN, _LONGEST = 3, 24


def parse_names(text: str) -> tuple[str, ...] | None:
    """The class names in a file's metadata, a JSON list; None if it is not one."""
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return tuple(names)


def columns_by_name(named: Sequence[str], wanted: Sequence[str]) -> tuple[int, ...] | None:
    """For each wanted class, its index among the named ones; None if the classes differ.

    Case, spaces, underscores and hyphens are ignored, unless two classes of a list differ only in
    these.
    """
    if len(named) != len(wanted):
        return None
    for form in (str, _plain):
        ours, theirs = [form(name) for name in named], [form(name) for name in wanted]
        if len(set(ours)) < len(set(named)) or len(set(theirs)) < len(set(wanted)):
            return None
        if ours == theirs:
            return tuple(range(len(wanted)))
        places = {name: place for place, name in enumerate(ours)}
        if len(places) == len(ours) and set(ours) == set(theirs):
            return tuple(places[name] for name in theirs)
    return None


def is_in_order(columns: Sequence[int]) -> bool:
    """Whether these columns are in order already."""
    return list(columns) == list(range(len(columns)))


def other_classes(named: Sequence[str], wanted: Sequence[str], whose: str) -> str:
    """A message that a file names other classes than those of `whose`."""
    return f"names other classes ({_few(named)}) than those of {whose} ({_few(wanted)})"


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name).casefold()


def _few(names: Sequence[str]) -> str:
    shown = [name if len(name) <= _LONGEST else f"{name[:_LONGEST]}..." for name in names[:_SHOWN]]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(shown)}{more}"

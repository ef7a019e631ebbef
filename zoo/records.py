"""JSON values that anybody may have written, read into the types that are declared for them."""

import sys
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints


def read(kind: Any, value: Any, title: str) -> Any:
    """`value` as a `kind`: dataclass, str, int, float, tuple, Literal, dict or one | None.

    Lists become tuples, objects dataclasses. `ValueError` names the part of `title` that is wrong.
    """
    if kind is Any:
        return value
    if is_dataclass(kind):
        return _dataclass(kind, value, title)
    parts, form = get_args(kind), get_origin(kind)
    if form is tuple and isinstance(value, list):
        kinds = parts[:1] * len(value) if parts[-1] is ... else parts
        if len(kinds) == len(value):
            pairs = zip(kinds, value, strict=True)
            return tuple(read(part, one, f"{title}[{at}]") for at, (part, one) in enumerate(pairs))
    elif form is dict and isinstance(value, dict):
        return {name: read(parts[1], one, f"{title}.{name}") for name, one in value.items()}
    elif form is Literal:
        if value in parts:
            return value
    elif NoneType in parts:
        (inner,) = set(parts) - {NoneType}
        return None if value is None else read(inner, value, title)
    elif _is_plain(kind, value):
        return value
    raise ValueError(f"{title} is no {getattr(kind, '__name__', kind)}")


def _dataclass(kind: Any, value: Any, title: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{title} is no dict")
    hints = get_type_hints(kind)
    needed = {part.name for part in fields(kind) if part.default is part.default_factory is MISSING}
    for problem, names in (("has no", needed - set(value)), ("knows no", set(value) - set(hints))):
        if names:
            raise ValueError(f"{title} {problem} {', '.join(sorted(names))}")
    return kind(**{name: read(hints[name], one, f"{title}.{name}") for name, one in value.items()})


def _is_plain(kind: Any, value: Any) -> bool:
    if isinstance(value, bool):
        return kind is bool
    if kind is float:
        return isinstance(value, int | float) and abs(value) <= sys.float_info.max
    return isinstance(kind, type) and isinstance(value, kind)

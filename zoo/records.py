"""Read untrusted JSON values into declared types."""

import sys
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from zoo.errors import UsageError

_LARGEST = 1 << 63


def read(kind: Any, value: Any, title: str, *, lenient: bool = False) -> Any:
    """`value` as a `kind`: dataclass, str, int, float, list, tuple, Literal, dict or one | None.

    Lists become tuples, objects dataclasses. `ValueError` names the part of `title` that is wrong.
    lenient: unknown fields of a dataclass are ignored.
    """

    def inner(part: Any, one: Any, name: str) -> Any:
        return read(part, one, f"{title}{name}", lenient=lenient)

    if kind is Any:
        return value
    if is_dataclass(kind):
        return _dataclass(kind, value, title, lenient)
    parts, form = get_args(kind), get_origin(kind)
    if form is tuple and isinstance(value, list | tuple):
        kinds = parts[:1] * len(value) if parts[-1] is ... else parts
        if len(kinds) == len(value):
            pairs = enumerate(zip(kinds, value, strict=True))
            return tuple(inner(part, one, f"[{at}]") for at, (part, one) in pairs)
    elif form is list and isinstance(value, list):
        return [inner(parts[0], one, f"[{at}]") for at, one in enumerate(value)]
    elif form is dict and isinstance(value, dict):
        return {name: inner(parts[1], one, f".{name}") for name, one in value.items()}
    elif form is Literal:
        if value in parts:
            return value
    elif NoneType in parts:
        (other,) = set(parts) - {NoneType}
        return None if value is None else inner(other, value, "")
    elif _is_plain(kind, value):
        return value
    raise ValueError(f"{title} is not of type {getattr(kind, '__name__', kind)}")


def check_values(options: Any, *, but: tuple[str, ...] = ()) -> None:
    """Refuse a dataclass that was made with a value of the wrong type: `UsageError` names it.

    but: fields that are checked elsewhere, such as names with suggestions.
    """
    for name, kind in get_type_hints(type(options)).items():
        value = getattr(options, name)
        try:
            # Whether a number makes sense is checked by the code that uses it.
            name in but or read(kind, 0.0 if isinstance(value, float) else value, name)
        except ValueError:
            wanted = getattr(kind, "__name__", kind) if isinstance(kind, type) else kind
            if get_args(kind)[1:] == (...,) and type(value) is get_args(kind)[0]:
                wanted = f"a tuple, such as {(value,)!r}"
            raise UsageError(
                f"{type(options).__name__} does not take {name}={value!r}; it must be {wanted}."
            ) from None


def _dataclass(kind: Any, value: Any, title: str, lenient: bool) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{title} is not an object")
    hints = get_type_hints(kind)
    needed = {part.name for part in fields(kind) if part.default is part.default_factory is MISSING}
    known = {part.name for part in fields(kind)}
    unknown = set() if lenient else set(value) - known
    for problem, names in (("has no", needed - set(value)), ("has unknown fields:", unknown)):
        if names:
            raise ValueError(f"{title} {problem} {', '.join(sorted(names))}")
    return kind(
        **{
            name: read(hints[name], one, f"{title}.{name}", lenient=lenient)
            for name, one in value.items()
            if name in known
        }
    )


def _is_plain(kind: Any, value: Any) -> bool:
    if isinstance(value, bool):
        return kind is bool
    if kind is float:
        return isinstance(value, int | float) and abs(value) <= sys.float_info.max
    if kind is int:
        return isinstance(value, int) and abs(value) < _LARGEST
    return isinstance(kind, type) and isinstance(value, kind)

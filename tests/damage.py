"""Files as a crash, an editor or a stranger leaves them: values that a reader has to refuse."""

import copy
import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from zoo.errors import ZooError

# The same cases each time: what they find is found when a reader is changed.
many = settings(
    max_examples=500,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_DEEP: Any = []
for _ in range(400):
    _DEEP = [_DEEP]
ODD: tuple[Any, ...] = (
    *(None, True, False, "", "x", "1", "nan", "\x1b[2J\x07", "\u202e", "\ud800", "a\nb", "\0"),
    *(0, -1, 1, 2**31, 2**63, 10**30, 10**400, 0.5, -0.5, 1e308, 1e-308, 5e-324),
    *(float("nan"), float("inf"), [], {}, [[]], {"a": None}, ["x"], [1, 2, 3, 4], _DEEP),
)
odd = st.sampled_from(ODD).map(copy.deepcopy)
_CELLS = (
    *("", "x", "1", "0", "-1", "-0.5", "nan", "inf", "1e308", "1e-308", "5e-324", "1e400"),
    *("9" * 30, "9" * 5000, "True", "\0", "\x1b[2J", "\u202e", 'a"b', "a\nb", "=1+1", "1_0"),
)


@st.composite
def damaged(draw: st.DrawFn, value: Any) -> str:
    """A JSON value with one to three of its parts exchanged, left out or added; or cut short."""
    value = json.loads(json.dumps(value))
    for _ in range(draw(st.integers(1, 3))):
        value = _edited(draw, value)
    text = json.dumps(value)
    return text[: draw(st.integers(0, len(text)))] if draw(st.integers(0, 19)) == 0 else text


def _edited(draw: st.DrawFn, value: Any) -> Any:
    if not isinstance(value, dict | list) or not value or draw(st.integers(0, 9)) == 0:
        return draw(odd)
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = draw(st.sampled_from(keys))
    what = draw(st.sampled_from(["deeper", "deeper", "exchange", "remove", "add"]))
    if what == "deeper":
        value[key] = _edited(draw, value[key])
    elif what == "exchange":
        value[key] = draw(odd)
    elif what == "remove":
        del value[key]
    elif isinstance(value, dict):
        value[draw(st.sampled_from(["colour", "", "\x1b", *map(str, keys)]))] = draw(odd)
    else:
        value.insert(key, draw(odd))
    return value


@st.composite
def damaged_csv(draw: st.DrawFn, text: str) -> bytes:
    """A CSV with one to four of its cells exchanged, left out or added; or with broken bytes."""
    lines = list(csv.reader(io.StringIO(text)))
    for _ in range(draw(st.integers(1, 4))):
        # Rows are of more interest than the heading, which is one of many ways to be refused.
        line = draw(st.sampled_from(lines[1:] * 8 + lines[:1]))
        at = draw(st.integers(0, max(len(line) - 1, 0)))
        what = draw(st.sampled_from(["exchange"] * 6 + ["remove", "add"]))
        line[at : at + (what != "add")] = (
            [] if what == "remove" else [draw(st.sampled_from(_CELLS))]
        )
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(lines)
    data = out.getvalue().encode()
    kind = draw(st.integers(0, 29))
    if kind == 0:
        return data[: draw(st.integers(0, len(data)))]
    if kind == 1:
        at = draw(st.integers(0, len(data)))
        return data[:at] + draw(st.binary(min_size=1, max_size=4)) + data[at:]
    return data


def only_zoo_errors(path: Path, content: str | bytes, read: Callable[[], object]) -> bool:
    """Write the file and read it: whether that went well; any error must be for the user."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    try:
        read()
    except ZooError:
        return False
    return True

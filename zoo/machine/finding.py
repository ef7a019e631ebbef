"""One finding of `doctor`."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """One thing checked. A `note` limits what can be done here; a `problem` needs fixing."""

    what: str
    status: Status
    text: str

"""What `doctor` finds, whoever looked."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """One thing looked at. A `note` limits what can be done here; a `problem` wants mending."""

    what: str
    status: Status
    text: str

"""What the owner of a local Slack shows of itself on the chaos panel, and its own buttons there: plain values only."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

Lever: TypeAlias = Callable[[], Awaitable[str | None]]
"""Does what the button says, and may answer a sentence for the person who pressed it."""


@dataclass(frozen=True)
class Row:
    """A line of a reading's table. An instant is shown on the reader's clock; the tone says how the line fares."""

    key: str
    cells: tuple[str | datetime, ...]
    tone: Literal["", "open", "bad"] = ""


@dataclass(frozen=True)
class Reading:
    """What is seen at one moment: sentences, figures by name, and a table."""

    sentences: tuple[str, ...] = ()
    figures: tuple[tuple[str, str], ...] = ()
    headings: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()


Reader: TypeAlias = Callable[[str], Awaitable[Reading]]
"""Takes the reading for a workspace, by its id."""

"""Turns: who would draw one view again does so one after another, so that what is newest stands there in the end.

Slack keeps whatever reaches it last, and two answers to two presses may overtake each other on their way. What is
pressed before an answer is there comes with the view as it was before it.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from weakref import WeakValueDictionary


@dataclass(frozen=True)
class Turn:
    """One turn at drawing a view."""

    is_newest: bool
    """Whether nobody newer waits, who would draw it anyway."""
    pressed: Collection[str]
    """What was pressed since the view was last at rest, by the actions' names."""


class Turns:
    """The turns of all views that are being drawn in this process."""

    def __init__(self) -> None:
        """Begin without any."""
        self._lines: WeakValueDictionary[str, _Line] = WeakValueDictionary()

    def of(self, view_id: str, pressed: str) -> AbstractAsyncContextManager[Turn]:
        """Wait for those who draw this view already."""
        return self._lines.setdefault(view_id, _Line()).turn(pressed)


class _Line:
    """Those who draw one view."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._newest: object = None
        self._pressed: set[str] = set()

    @asynccontextmanager
    async def turn(self, pressed: str) -> AsyncIterator[Turn]:
        mine = self._newest = object()
        self._pressed.add(pressed)
        async with self._lock:
            yield Turn(mine is self._newest, self._pressed)

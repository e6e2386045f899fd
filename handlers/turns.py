"""Turns: who would draw one view again does so one after another, so that what is newest stands there in the end.

Slack keeps whatever reaches it last, and two answers to two presses may overtake each other on their way.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from weakref import WeakValueDictionary


class Turns:
    """The turns of all views that are being drawn in this process."""

    def __init__(self) -> None:
        """Begin without any."""
        self._lines: WeakValueDictionary[str, _Line] = WeakValueDictionary()

    def of(self, view_id: str) -> AbstractAsyncContextManager[bool]:
        """Wait for those who draw this view already; then say whether nobody newer waits, who would draw it anyway."""
        return self._lines.setdefault(view_id, _Line()).turn()


class _Line:
    """Those who draw one view."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._newest: object = None

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[bool]:
        mine = self._newest = object()
        async with self._lock:
            yield mine is self._newest

"""What the demo lends to the chaos panel: the lever that kills the worker, and the ledger in which one sees it heal."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from bot import ledger
from bot.app import Runrate
from bot.sandbox.reading import Lever, Reader, Reading

PAUSE = 5.0
"""Seconds after which another worker starts in the place of a killed one, as a supervisor would start it."""


class Chaos:
    """Kills the app's worker on demand, starts another one a little later, and reads the ledger meanwhile."""

    def __init__(self, app: Runrate, *, now: Callable[[], datetime], pause: float = PAUSE) -> None:
        """Take the running app and its clock."""
        self._app = app
        self._now = now
        self._pause = pause
        self._next_starts = 0.0
        self._starting: asyncio.Task[None] | None = None
        self.levers: Mapping[str, Lever] = {"Kill the worker": self._kill}
        self.readings: Mapping[str, Reader] = {"The ledger": self._read}

    async def stop(self) -> None:
        """Start no other worker any more."""
        if self._starting is not None:
            self._starting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._starting

    async def _kill(self) -> str:
        if self._app.worker_name is None:
            return self._worker()
        await self._app.kill_worker()
        self._next_starts = time.monotonic() + self._pause
        self._starting = asyncio.create_task(self._start_another())
        return self._worker()

    async def _start_another(self) -> None:
        await asyncio.sleep(self._pause)
        await self._app.start_worker()

    async def _read(self, workspace_id: str) -> Reading:
        name, now = self._app.worker_name, self._now()
        async with self._app.database.read() as session:
            reading = await ledger.read(session, workspace_id, worker=name, now=now)
        return replace(reading, sentences=(self._worker(), *reading.sentences))

    def _worker(self) -> str:
        if self._app.worker_name is not None:
            return f"The worker {self._app.worker_name} is running."
        seconds = max(round(self._next_starts - time.monotonic()), 1)
        return f"The worker was killed. Another one starts in {seconds} s."

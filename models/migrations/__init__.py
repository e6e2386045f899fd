"""The migrations, and how they are run: at start-up, on both engines, one process at a time."""

from enum import StrEnum
from functools import cache
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from models import tables
from models.database import Database

LOCK = 7_203_776_415
"""An arbitrary number that names our migration lock in PostgreSQL."""


class Standing(StrEnum):
    """How a database's revision stands to the one that this code needs."""

    EMPTY = "empty"
    OLDER = "older"
    NEWEST = "newest"
    NEWER = "newer"


async def standing(database: Database) -> Standing:
    """Say how the database stands. An SQLite file that isn't there counts as empty, and is not made by asking."""
    if _is_missing(database):
        return Standing.EMPTY
    async with database.read() as session:
        connection = await session.connection()
        revision = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
    if revision is None:
        return Standing.EMPTY
    newest, *older = [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()]
    if revision == newest:
        return Standing.NEWEST
    return Standing.OLDER if revision in older else Standing.NEWER


def _is_missing(database: Database) -> bool:
    return database.is_sqlite and not Path(database.url.database or "").exists()


async def upgrade(database: Database) -> None:
    """Bring the database to the newest revision, while any other process that wants the same waits.

    SQLite's writer connection holds the whole file from its `BEGIN IMMEDIATE` on, which is lock enough.
    """
    async with database.engine.begin() as connection:
        if not database.is_sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        await connection.run_sync(_upgrade)


async def differences(database: Database) -> list[str]:
    """Say how the database's tables differ from those in the code; empty when the migrations are complete."""
    async with database.engine.connect() as connection:
        found = await connection.run_sync(_compare)
    return [str(difference) for difference in found]


async def new_revision(database: Database, message: str) -> None:
    """Write a migration from the difference between the database and the code."""
    async with database.engine.begin() as connection:
        await connection.run_sync(lambda sync: _write_revision(_config(sync), message))


def _write_revision(config: Config, message: str) -> None:
    number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
    command.revision(config, message, autogenerate=True, rev_id=f"{number:04}")


def _upgrade(connection: Connection) -> None:
    if MigrationContext.configure(connection).get_current_revision() != _newest():
        command.upgrade(_config(connection), "head")


@cache
def _newest() -> str | None:
    """Name the newest revision; reading the migrations takes longer than finding out that there is nothing to do."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _compare(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
    return list(compare_metadata(context, tables.metadata))


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    return config

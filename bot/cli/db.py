"""`runrate db`: bring the database up to date; for developers, check and write the migrations."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click

from bot.cli import console
from bot.cli.console import Console
from bot.cli.options import example, json_option
from bot.cli.output import print_json
from models import migrations
from models.base import UserError
from models.database import Database


class MigrationsIncompleteError(UserError):
    """The migrations don't make the tables in the code. Write what is missing with `runrate db revision MESSAGE`."""


@click.group(epilog=example("runrate db upgrade"))
def db() -> None:
    """Bring the database up to date, and check the migrations."""


@db.command(epilog=example("runrate db upgrade"))
@json_option
def upgrade(*, as_json: bool) -> None:
    """Bring the database to the newest revision, making it where there is none.

    serve, web and worker do this when they start.
    """
    where = console.run(_place, upgrades=True, demo=False)
    if as_json:
        print_json({"database": where, "standing": migrations.Standing.NEWEST})
    else:
        click.echo(f"The database at {where} is up to date.")


@db.command(epilog=example("runrate db check"))
@json_option
def check(*, as_json: bool) -> None:
    """Check that the migrations make exactly the tables in the code, on a database that is thrown away."""
    differences = asyncio.run(_differences())
    if as_json:
        print_json({"ok": not differences, "differences": differences})
    elif not differences:
        click.echo("The migrations make exactly the tables in the code.")
    if differences:
        raise MigrationsIncompleteError("\n".join([str(MigrationsIncompleteError()), *differences]))


@db.command(epilog=example('runrate db revision "Add destination filters"'))
@click.argument("message")
def revision(message: str) -> None:
    """Write a migration called MESSAGE from the difference between the migrations and the tables in the code."""
    asyncio.run(_write(message))


async def _place(opened: Console) -> str:
    return console.place(opened.database.url)


async def _differences() -> list[str]:
    async with _throw_away() as database:
        return await migrations.differences(database)


async def _write(message: str) -> None:
    async with _throw_away() as database:
        await migrations.new_revision(database, message)


@asynccontextmanager
async def _throw_away() -> AsyncIterator[Database]:
    """Make a database by the migrations alone."""
    with tempfile.TemporaryDirectory(prefix="runrate-") as folder:
        database = Database(f"sqlite+aiosqlite:///{Path(folder) / 'check.db'}")
        try:
            await migrations.upgrade(database)
            yield database
        finally:
            await database.close()

"""What holds for every command: help, usage, refusals, and a database that isn't there."""

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from sqlalchemy import text

from bot.cli import main
from models import migrations
from models.database import Database

on_one_engine = pytest.mark.parametrize("engine_name", ["sqlite"])
"""For what does not depend on the database."""

READING = [("accounts", "list"), ("events", "list"), ("movements",), ("deliveries", "list"), ("sources", "list")]


def every_command() -> list[tuple[str, ...]]:
    context = click.Context(main)
    paths: list[tuple[str, ...]] = [()]
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        paths.append((name,))
        if isinstance(command, click.Group):
            paths += [(name, child) for child in command.commands]
    return paths


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.mark.parametrize("path", every_command(), ids=" ".join)
def test_each_command_explains_itself_with_an_example(path: tuple[str, ...]) -> None:
    command: Any = main
    for name in path:
        command = command.get_command(click.Context(command), name)
    text_of_help = command.get_help(click.Context(command, info_name=" ".join(["runrate", *path])))
    assert "Example" in text_of_help
    assert "runrate " in text_of_help.partition("Example")[2]
    for option in command.params:
        assert not isinstance(option, click.Option) or option.help, f"{option.name} has no help"


def test_asking_for_help_imports_nothing_that_is_slow() -> None:
    code = "import sys, bot.cli; print(sorted({'sqlalchemy', 'aiohttp', 'pydantic', 'slack_bolt'} & set(sys.modules)))"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]
    )
    assert found.stdout == "[]\n"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("acounts",), "Did you mean 'accounts'?"),
        (("sources", "lst"), "Did you mean 'list'?"),
        (("accounts", "list", "--statu", "lead"), "--status"),
        (("sources", "add", "--kind", "csv", "--name", "x"), "'csv' is not one of"),
        (("sources", "add", "--kind", "api"), "Missing option '--name'"),
        (("sources", "add", "--kind", "api", "--name", "x", "--account-creation", "contact"), "kind segment"),
        (("sources", "remove"), "Missing argument"),
        (("accounts", "list", "--status", "vip"), "'vip' is not one of"),
        (("accounts", "list", "--limit", "0"), "--limit"),
        (("movements", "--group-by", "week"), "'week' is none of: month, type, month,type"),
        (("movements", "--group-by", "month,month"), "is none of"),
        (("movements", "--group-by", "month", "--limit", "3"), "--limit goes without --group-by"),
        (("import", "--kind", "movements"), "Missing argument 'FILE'"),
        (("import", "--kind", "movements", "nowhere.csv"), "does not exist"),
        (("import", "--kind", "rumours", "nowhere.csv"), "'rumours' is not one of"),
        (("deliveries", "show"), "Missing argument 'ID'"),
        (("manifest",), "Missing option '--public-url'"),
        (("manifest", "--public-url", "runrate.test"), "no address of a web server"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
@on_one_engine
async def test_wrong_usage_ends_with_2_and_says_what_is_right(run: Any, args: tuple[str, ...], words: str) -> None:
    result = await run(*args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr


@pytest.mark.parametrize("args", READING, ids=" ".join)
@on_one_engine
async def test_without_a_workspace_a_command_says_what_to_do(
    run: Any, database: Database, args: tuple[str, ...]
) -> None:
    result = await run(*args, "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == ("No workspace has installed Runrate yet. Open the set-up page and press “Add to Slack”.\n")


@pytest.mark.parametrize("args", READING, ids=" ".join)
@on_one_engine
async def test_reading_makes_no_database(run: Any, folder: Path, args: tuple[str, ...]) -> None:
    result = await run(*args, DATABASE_URL="sqlite+aiosqlite:///./runrate.db")
    assert result.exit_code == 1
    assert result.stderr.startswith("There is nothing in the database at ./runrate.db yet.")
    assert "runrate db upgrade" in result.stderr
    assert not files_in(folder)


@pytest.mark.parametrize(("revision", "words"), [("0000", "made by a newer"), (None, "There is nothing")])
async def test_a_database_at_another_revision_is_refused(
    run: Any, database: Database, acme: str, revision: str | None, words: str
) -> None:
    statement = "UPDATE alembic_version SET version_num = '0000'" if revision else "DELETE FROM alembic_version"
    async with database.write() as session:
        await session.execute(text(statement))
    try:
        result = await run("accounts", "list")
        assert result.exit_code == 1
        assert words in result.stderr
        if revision:
            assert words in (await run("sources", "add", "--kind", "api", "--name", "Billing")).stderr
    finally:
        async with database.write() as session:
            await session.execute(text("DELETE FROM alembic_version"))
            await session.execute(text("INSERT INTO alembic_version VALUES ('0001')"))
    assert await migrations.standing(database) is migrations.Standing.NEWEST


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite+aiosqlite:////nowhere/at/all.db", "unable to open database file"),
        ("sqlite+aiosqlite:////etc/hostname", "file is not a database"),
        (
            "postgresql://runrate:planted-password@127.0.0.1:9/runrate",
            "The database at 127.0.0.1:9/runrate can't be used",
        ),
        ("postgresql://runrate:planted-password@127.0.0.1:nine/runrate", "DATABASE_URL is no address of a database"),
        ("planted-password", "DATABASE_URL is no address of a database"),
        ("mysql://runrate:planted-password@localhost/runrate", "DATABASE_URL is no address of a database"),
    ],
)
@on_one_engine
async def test_a_database_that_cannot_be_used_is_named_in_one_sentence(run: Any, url: str, words: str) -> None:
    result = await run("db", "upgrade", "--json", DATABASE_URL=url)
    assert (result.exit_code, result.stdout) == (1, "")
    assert words in result.stderr
    assert "planted-password" not in result.stderr
    assert "Traceback" not in result.stderr


async def test_a_role_that_postgresql_does_not_know_is_named(run: Any, postgres_url: str) -> None:
    url = postgres_url.replace("postgres:", "nobody:")
    result = await run("accounts", "list", DATABASE_URL=url)
    assert result.exit_code == 1
    assert 'role "nobody" does not exist. Check DATABASE_URL.' in result.stderr


@on_one_engine
async def test_a_setting_that_cannot_be_used_is_named_without_its_value(run: Any) -> None:
    result = await run("accounts", "list", PORT="planted")
    assert result.exit_code == 1
    assert "PORT" in result.stderr
    assert "planted" not in result.stderr


async def test_where_several_workspaces_are_installed_one_must_be_named(run: Any, install: Any) -> None:
    await install("T0ACME", "Acme")
    await install("T0GLOBEX", "Globex")
    result = await run("accounts", "list", "--json")
    assert result.exit_code == 1
    assert "--workspace: T0ACME (Acme), T0GLOBEX (Globex)" in result.stderr
    assert (await run("accounts", "list", "--json", "--workspace", "T0GLOBEX")).document == []
    assert "isn't installed here" in (await run("accounts", "list", "--workspace", "T0NOBODY")).stderr


@on_one_engine
async def test_a_command_beside_a_demo_is_about_the_demo_unless_another_database_is_meant(
    run: Any, folder: Path, settings: dict[str, str], database: Database, acme: str
) -> None:
    note = folder / ".runrate" / "demo" / "env"
    note.parent.mkdir(parents=True)
    note.write_text(f"DATABASE_URL={settings.pop('DATABASE_URL')}\n")
    assert (await run("accounts", "list", "--json")).document == []
    assert ".runrate/demo/env" in (await run("accounts", "list", "--json")).stderr

    (folder / "runrate.db").touch()
    assert (await run("accounts", "list")).exit_code == 1
    with socket.create_server(("127.0.0.1", 0)) as local_slack:
        note.write_text(f"{note.read_text()}SLACK_API_URL=http://127.0.0.1:{local_slack.getsockname()[1]}/api/\n")
        del settings["SLACK_API_URL"]
        assert (await run("accounts", "list", "--json")).document == []
        other = await run("accounts", "list", DATABASE_URL="sqlite+aiosqlite:///./runrate.db")
        assert "There is nothing in the database at ./runrate.db" in other.stderr
        assert (await run("db", "upgrade")).words == "The database at ./runrate.db is up to date.\n"


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_the_benchmark_s_page_is_not_written_where_there_is_no_place_for_it(run: Any) -> None:
    result = await run("bench", "--only", "dispatch", "--write")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("There is no folder docs here.")


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_a_row_that_the_benchmark_does_not_have_is_wrong_usage(run: Any) -> None:
    result = await run("bench", "--only", "everything")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "dispatch" in result.stderr

"""The doctor, against the local Slack."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import update

from bot import manifest
from bot.sandbox import Sandbox, SlackApp
from models import installation, scope
from models.database import Database
from models.event import Event
from tests import seeds

on_one_engine = pytest.mark.parametrize("engine_name", ["sqlite"])
"""For what does not depend on the database."""

SCOPES = [one.name for one in (*scope.REQUIRED, *scope.OPTIONAL)]


@pytest.fixture
async def sandbox(settings: dict[str, str]) -> AsyncIterator[Sandbox]:
    """Give a local Slack that the commands talk to."""
    url = settings["PUBLIC_URL"]
    app = SlackApp("1.2", "planted-client-secret", "planted-signing-secret", manifest.load(url), url)
    sandbox = Sandbox(apps=[app])
    await sandbox.start()
    settings["SLACK_API_URL"] = f"{sandbox.url}/api/"
    yield sandbox
    await sandbox.stop()


def granted(sandbox: Sandbox, scopes: list[str]) -> str:
    [app] = sandbox.state.apps.values()
    return sandbox.state.install(app, "T0ACME", "U0ADA", scopes).token


def states(document: dict[str, Any]) -> dict[str, str]:
    return {check["check"]: check["state"] for check in document["checks"]}


@on_one_engine
async def test_all_well(run: Any, sandbox: Sandbox, install: Any) -> None:
    await install("T0ACME", "Acme", granted(sandbox, SCOPES))
    document = (await run("doctor", "--json")).document
    assert document["ok"]
    assert states(document) == dict.fromkeys(
        ("settings", "keys", "database", "events", "deliveries", "slack", "clock", "token", "scopes"), "ok"
    )
    assert {check["check"]: check["workspace"] for check in document["checks"]}["token"] == "T0ACME"
    words = (await run("doctor")).words
    assert "Slack accepts the token of Acme." in words
    assert "planted" not in words


async def test_the_ledger_is_shown_to_add_up(run: Any, sandbox: Sandbox, install: Any, database: Database) -> None:
    await install("T0ACME", "Acme", granted(sandbox, SCOPES))
    origin, _ = await seeds.add_source(database)
    news = [seeds.event_of(origin, seeds.movement(), key=f"m{number}") for number in range(3)]
    await seeds.receive(database, *news, news[0])
    words = (await run("doctor")).words
    assert "4 events received = 0 applied + 1 duplicate + 0 refused + 3 waiting." in words
    assert "0 deliveries owed = 0 delivered + 0 skipped + 0 failed + 0 open." in words


async def test_a_ledger_that_does_not_add_up_is_a_problem(
    run: Any, sandbox: Sandbox, install: Any, database: Database
) -> None:
    await install("T0ACME", "Acme", granted(sandbox, SCOPES))
    origin, _ = await seeds.add_source(database)
    await seeds.receive(database, seeds.event_of(origin, seeds.movement(), key="m"))
    async with database.write() as session:
        await session.execute(update(Event).values(state="lost"))
    result = await run("doctor")
    assert result.exit_code == 1
    assert "The ledger doesn't add up: 1 event received = 0 applied" in result.stdout


@on_one_engine
async def test_a_refused_token_and_missing_scopes_are_problems(run: Any, sandbox: Sandbox, install: Any) -> None:
    await install("T0ACME", "Acme", granted(sandbox, SCOPES[1:]))
    await install("T0GLOBEX", "Globex", "xoxb-planted-unknown")
    result = await run("doctor")
    assert result.exit_code == 1
    assert result.stderr == "2 things need you.\n"
    assert "were not granted: commands." in result.stdout
    assert "Slack refuses the token of Globex (invalid_auth)." in result.stdout
    assert "planted" not in result.stdout


@on_one_engine
async def test_a_workspace_that_removed_runrate_is_no_problem(
    run: Any, sandbox: Sandbox, install: Any, database: Database, now: Any
) -> None:
    await install("T0ACME", "Acme")
    async with database.write() as session:
        await installation.revoke(session, "T0ACME", because="app_uninstalled", now=now)
    result = await run("doctor")
    assert "Acme removed Runrate on 16 November 2026; nothing is sent there." in result.words


@on_one_engine
async def test_a_token_sealed_with_another_key_is_a_problem(run: Any, sandbox: Sandbox, acme: str) -> None:
    other = "f3xqpe2kE3WQh6UVZ0sV2qTnC9i0yqS0v0oTzBXn4hA="
    result = await run("doctor", "--json", RUNRATE_SECRET_KEYS=other)
    assert result.exit_code == 1
    assert "The token of Acme can't be read." in result.stdout
    assert "end of RUNRATE_SECRET_KEYS" in result.stdout


@on_one_engine
async def test_a_fresh_checkout_is_told_what_is_missing(run: Any, folder: Any) -> None:
    fresh = dict.fromkeys(("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_SIGNING_SECRET", "RUNRATE_SECRET_KEYS"), "")
    result = await run("doctor", "--json", DATABASE_URL="sqlite+aiosqlite:///./runrate.db", **fresh)
    assert result.exit_code == 1
    assert '"settings"' in result.stdout
    assert '"slack"' in result.stdout
    assert "There is nothing in the database at ./runrate.db yet." in result.stdout
    assert not (folder / "runrate.db").exists()


@on_one_engine
async def test_a_database_that_cannot_be_used_is_one_problem_among_others(run: Any, sandbox: Sandbox) -> None:
    result = await run("doctor", DATABASE_URL="postgresql://runrate:planted@127.0.0.1:9/runrate")
    assert (result.exit_code, result.stderr) == (1, "1 thing needs you.\n")
    assert "The database at 127.0.0.1:9/runrate can't be used" in result.stdout
    assert "Slack answers at" in result.stdout
    assert "planted" not in result.stdout

"""Keys: made, and rotated without anything becoming unreadable."""

from typing import Any

import pytest

from models import audit, installation, poll, source
from models.base import UserError
from models.database import Database
from models.secret import Keyring

on_one_engine = pytest.mark.parametrize("engine_name", ["sqlite"])
"""For what does not depend on the database."""


@on_one_engine
async def test_a_new_key_can_be_used(run: Any) -> None:
    first, second = (await run("keys", "new")).words.strip(), (await run("keys", "new", "--json")).document["key"]
    assert first != second
    assert Keyring([first, second]).open(Keyring([second]).seal("secret")) == "secret"


async def test_after_rotating_the_old_key_is_not_needed(
    run: Any, database: Database, acme: str, settings: dict[str, str]
) -> None:
    add = ("sources", "add", "--kind", "chartmogul", "--name", "ChartMogul", "--json")
    added = (await run(*add, CHARTMOGUL_API_KEY="planted-api-key")).document
    old, new = settings["RUNRATE_SECRET_KEYS"], Keyring.new_key()
    assert (await run("keys", "rotate", "--json", RUNRATE_SECRET_KEYS=f"{new},{old}")).document == {
        "installations": 1,
        "sources": 1,
        "api_keys": 1,
    }
    [shown] = (await run("sources", "list", "--show-keys", "--json", RUNRATE_SECRET_KEYS=new)).document
    assert shown["key"] == added["key"]
    async with database.read() as session:
        grant = await installation.get(session, acme)
        polled = await poll.of_source(session, added["id"])
        actions = [entry.action for entry in await audit.of_workspace(session, acme)]
    assert grant is not None
    assert Keyring([new]).open(grant.token_sealed) == "xoxb-planted-token"
    with pytest.raises(UserError):
        Keyring([old]).open(grant.token_sealed)
    assert polled is not None
    assert Keyring([new]).open(polled.credentials_sealed) == "planted-api-key"
    assert "keys.rotated" in actions


async def test_where_one_secret_cannot_be_read_nothing_is_rotated(
    run: Any, database: Database, acme: str, keyring: Keyring, now: Any
) -> None:
    async with database.write() as session:
        other = Keyring([Keyring.new_key()])
        await source.add(session, acme, kind=source.SourceKind.API, name="Billing", keyring=other, by="U0ADA", now=now)
        grant = await installation.get(session, acme)
        assert grant is not None
        sealed = grant.token_sealed
    result = await run("keys", "rotate", "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "end of RUNRATE_SECRET_KEYS" in result.stderr
    async with database.read() as session:
        grant = await installation.get(session, acme)
    assert grant is not None
    assert grant.token_sealed == sealed


@pytest.mark.parametrize(
    ("keys", "words"), [("", "RUNRATE_SECRET_KEYS is empty"), ("planted", "something that is no key")]
)
@on_one_engine
async def test_keys_that_cannot_be_used_are_refused_unseen(run: Any, acme: str, keys: str, words: str) -> None:
    result = await run("keys", "rotate", RUNRATE_SECRET_KEYS=keys)
    assert result.exit_code == 1
    assert words in result.stderr
    assert "planted" not in result.stderr

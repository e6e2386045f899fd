"""Exporting and erasing a person: all that is stored of them, and nothing of anybody else."""

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from models import event, lookup, mute, person, source, tables
from models.audit import AuditEntry
from models.contact import Contact
from models.database import Database
from models.event import Refusal
from models.mute import Muted
from models.secret import Keyring
from models.source import SourceKind
from scheduler.apply import apply_waiting
from tests import seeds
from tests.bot.cli.conftest import Run

on_one_engine = pytest.mark.parametrize("engine_name", ["sqlite"])
"""For what does not depend on the database."""

ADA, DANA = "ada@acme.io", "dana@acme.com"


@pytest.fixture
def busy(database: Database, acme: str, keyring: Keyring, now: datetime) -> Callable[[], Coroutine[Any, Any, None]]:
    """Give what fills a workspace with Ada and Bo, who are contacts, and Dana, a colleague."""

    async def filled() -> None:
        async with database.write() as session:
            origin, _ = await source.add(
                session, acme, kind=SourceKind.API, name="Billing", keyring=keyring, by="U0DANA", now=now
            )
            ada = seeds.contact(user_id="u_1", email=ADA, name="Ada", account_external_id="acme")
            bo = seeds.contact(user_id="u_2", email="bo@acme.io", name="Bo", account_external_id="acme")
            bad = {"refusal": Refusal("x", "No."), "raw": {"userId": "u_1"}}
            told = [
                seeds.event_of(origin, ada, key="1"),
                seeds.event_of(origin, bo, key="2"),
                seeds.event_of(origin, seeds.role(email=DANA, name="Dana"), key="3"),
                seeds.event_of(origin, seeds.signal(person="ADA"), key="4"),
                seeds.event_of(origin, key="5", **bad),
            ]
            await event.store(session, told)
            user = {"id": "U0DANA", "name": "dana", "profile": {"email": DANA, "real_name": "Dana"}}
            await person.remember(session, acme, user, now=now)
            await mute.add(session, acme, "U0DANA", Muted.SIGNALS, now=now)
            await lookup.remember(session, acme, DANA, lookup.Known("U0DANA"), now=now)
        await apply_waiting(database, now=now)

    return filled


async def test_an_export_has_all_that_is_stored_of_a_contact_and_nobody_else(busy: Any, run: Run) -> None:
    await busy()
    told = (await run("people", "export", "Ada@Acme.io", "--json")).document
    assert told == (await run("people", "export", "u_1", "--json")).document
    assert {kind: len(rows) for kind, rows in told["contact"].items()} == {
        "contacts": 1, "identities": 2, "events": 3, "accounts": 0, "signals": 1, "polled_records": 0,
    }  # fmt: skip
    assert "bo@acme.io" not in str(told)
    assert {kind for kind, rows in told["colleague"].items() if rows} == set()


@on_one_engine
@pytest.mark.parametrize("who", [DANA, "U0DANA"])
async def test_an_export_has_all_that_is_stored_of_a_colleague(busy: Any, run: Run, who: str) -> None:
    await busy()
    told = (await run("people", "export", who, "--json")).document["colleague"]
    assert {kind: len(rows) for kind, rows in told.items() if rows} == {
        "people": 1, "lookups": 1, "roles": 1, "mutes": 1, "sources": 1, "audit_entries": 1,
    }  # fmt: skip
    assert not {column for rows in told.values() for row in rows for column in row if "sealed" in column}


async def test_an_erased_contact_is_gone_and_their_colleagues_and_ours_stay(
    busy: Any, run: Run, database: Database
) -> None:
    await busy()
    words = (await run("people", "erase", ADA, "--dry-run")).words
    assert ("contacts" in words, "identities" in words, ADA in words) == (True, True, False)
    refused = await run("people", "erase", ADA)
    assert (refused.exit_code, "Erase ada@acme.io?" in refused.stderr) == (1, True)
    assert len(await read(database, Contact)) == 2
    assert (await run("people", "erase", ADA, "--yes")).words == f"{ADA} is erased.\n"
    assert [one.email for one in await read(database, Contact)] == ["bo@acme.io"]
    everything = str([await read(database, table) for table in tables.metadata.sorted_tables])
    assert (ADA in everything, "u_1" in everything, DANA in everything) == (False, False, True)
    again = (await run("people", "erase", ADA, "--yes", "--json")).document
    assert again == {"erased": True, "left": {"contact": {}, "colleague": {}}}


@on_one_engine
async def test_the_audit_says_that_somebody_was_exported_and_erased_but_not_who(
    busy: Any, run: Run, database: Database
) -> None:
    await busy()
    await run("people", "export", ADA)
    await run("people", "erase", ADA, "--yes")
    noted = [one for one in await read(database, AuditEntry) if one.action.startswith("person.")]
    assert [(one.actor, one.action) for one in noted] == [
        ("command line", "person.exported"), ("command line", "person.erased"),
    ]  # fmt: skip
    assert len({one.subject_id for one in noted}) == 1
    assert "ada" not in str([(one.subject_id, one.detail) for one in noted])


@on_one_engine
async def test_of_somebody_unknown_nothing_is_stored(acme: str, run: Run) -> None:
    assert (await run("people", "export", "nobody@acme.io")).words == "Nothing is stored of nobody@acme.io.\n"
    for who in (" ", "u" * 256):
        refused = await run("people", "erase", who, "--yes")
        assert (refused.exit_code, "Name one person" in refused.stderr) == (1, True)


async def read(database: Database, table: Any) -> list[Any]:
    async with database.read() as session:
        found = await session.execute(select(table))
        return list(found.scalars() if isinstance(table, type) else found)

"""Who is erased is taken out of all that was said before, a little at a time, and can't be read meanwhile."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import account, delivery, erasure, event, lookup, workflow
from models.account import Account
from models.contact import Contact
from models.database import Database
from models.erasure import Erasure
from models.event import Event, Refusal
from models.fact import AliasFact, ErasureFact
from models.signal import Signal
from models.source import Source
from scheduler.apply import apply_waiting
from scheduler.erase import erase_forgotten
from scheduler.retention import KEPT
from tests import seeds
from tests.seeds import ACME, GLOBEX, NOW

ADA = "ada@acme.io"
LATER = NOW + timedelta(hours=1)
PLANTED = ("ada", "u_ada")


async def read(database: Database, table: type[Any]) -> list[Any]:
    async with database.read() as session:
        return list(await session.scalars(select(table)))


async def said_of(database: Database, workspace_id: str = ACME) -> str:
    """Give all that stands in events, accounts, contacts and signals."""
    events = [(one.facts, one.raw) for one in await read(database, Event) if one.workspace_id == workspace_id]
    accounts = [
        (one.name, one.email, one.attributes, one.said)
        for one in await read(database, Account)
        if one.workspace_id == workspace_id
    ]
    signals = [(one.person, one.title, one.text) for one in await read(database, Signal)]
    return f"{events} {accounts} {signals} {len(await read(database, Contact))}".lower()


async def apply(database: Database) -> None:
    while await apply_waiting(database, now=LATER):
        pass


async def speak_of_ada(database: Database, workspace_id: str = ACME) -> Source:
    """Say of Ada all that can be said, and erase her."""
    origin, _ = await seeds.add_source(database, workspace_id)
    ada = seeds.contact(user_id="u_ada", email=ADA, name="Ada Ñuñez", account_external_id="acme")
    told = seeds.account(name="Acme", email=ADA, attributes={"Billing": f"Ada <{ADA}>", "seats": 12})
    promoted = seeds.signal(person="Ada ÑUÑEZ", title="CTO", kind="promotion")
    raw = {"userId": "u_ada", "traits": {"seats": "many"}}
    await seeds.receive(
        database,
        seeds.event_of(origin, ada, told, seeds.track(to=ADA), key="1"),
        seeds.event_of(origin, seeds.signal(person="Sofia", text=f"hired by {ADA}"), key="2"),
        seeds.event_of(origin, promoted, seeds.signal(of="globex", person="Ada L"), key="3"),
        seeds.event_of(origin, key="4", refusal=Refusal("seats", "It must be a number."), raw=raw),
    )
    await apply(database)
    async with database.write() as session:
        await lookup.remember(session, workspace_id, ADA, lookup.Known("U1"), now=NOW)
    return origin


async def forget_ada(database: Database, origin: Source) -> None:
    gone = seeds.event_of(origin, ErasureFact(email=ADA), key="gone", occurred_at=LATER, received_at=LATER)
    await seeds.receive(database, gone)
    await apply(database)


async def test_an_erased_person_is_taken_out_of_events_accounts_signals_and_lookups(database: Database) -> None:
    await forget_ada(database, await speak_of_ada(database))
    await erase_forgotten(database, limit=2)
    left = (await said_of(database)).replace("ada l'", "")
    assert not [word for word in PLANTED if word in left]
    [acme] = [one for one in await read(database, Account) if one.external_id == "acme"]
    assert (acme.name, acme.email, acme.attributes) == ("Acme", None, {"seats": 12})
    # Nobody can tell whether the Ada of a signal elsewhere is the same.
    assert {one.person for one in await read(database, Signal)} == {None, "Ada L"}
    assert await read(database, Erasure) == []
    async with database.read() as session:
        assert await lookup.known(session, ACME, ADA, now=NOW) is None
        assert (await event.count_by_state(session, ACME))["received"] == 5


async def test_what_is_said_of_the_same_address_in_another_workspace_stays(database: Database) -> None:
    await speak_of_ada(database, GLOBEX)
    await forget_ada(database, (await seeds.add_source(database))[0])
    before = await said_of(database, GLOBEX)
    await erase_forgotten(database)
    assert await said_of(database, GLOBEX) == before


class Dying:
    """A database whose process dies instead of beginning a transaction, after so many."""

    def __init__(self, database: Database, writes: int) -> None:
        self.read, self._database, self._left = database.read, database, writes

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        if not self._left:
            raise KeyboardInterrupt
        self._left -= 1
        async with self._database.write() as session:
            yield session


async def test_an_erasure_that_dies_at_any_point_goes_on_and_nobody_reads_meanwhile_what_is_left(
    database: Database,
) -> None:
    origin = await speak_of_ada(database)
    await forget_ada(database, origin)
    deaths = 0
    while await read(database, Erasure):
        async with database.read() as session:
            shown = await event.refused_of_source(session, origin.id, since=NOW - KEPT)
            await erasure.cover(session, shown)
            assert [one.raw for one in shown] == [None]
        mortal: Any = Dying(database, deaths)
        with contextlib.suppress(KeyboardInterrupt):
            await erase_forgotten(mortal, limit=1)
        deaths += 1
    assert deaths > 3
    assert "u_ada" not in await said_of(database)


async def test_an_erasure_that_were_done_before_its_work_would_leave_a_person_behind(database: Database) -> None:
    """The broken variant of the test above."""
    await forget_ada(database, await speak_of_ada(database))
    async with database.write() as session:
        for one in await erasure.under_way(session):
            await erasure.finish(session, one)
    await erase_forgotten(database)
    assert "u_ada" in await said_of(database)


async def test_what_was_said_before_and_arrives_later_is_neither_told_nor_kept(database: Database) -> None:
    await seeds.install(database)
    async with database.write() as session:
        await workflow.create(session, ACME, seeds.workflow_wish(), by="U0ADA", now=NOW)
    origin = await speak_of_ada(database)
    first = len(await read(database, delivery.Delivery))
    await forget_ada(database, origin)
    await erase_forgotten(database)
    payload = {**seeds.track().payload, "userId": "u_ada"}
    tracked = seeds.track().model_copy(update={"payload": payload})
    ada = seeds.contact(user_id="u_ada", name="Ada", account_external_id="acme")
    late = [
        seeds.event_of(origin, tracked, key="tracked", received_at=LATER),
        seeds.event_of(origin, ada, seeds.account(name="Acme Inc"), key="ada", received_at=LATER),
        seeds.event_of(origin, AliasFact(previous_id="u_ada", user_id="u_2"), key="alias", received_at=LATER),
    ]
    await seeds.receive(database, *late)
    await apply(database)
    assert len(await read(database, delivery.Delivery)) == first == 1
    facts = {one.dedupe_key: one.facts for one in await read(database, Event)}
    assert (facts["tracked"], facts["alias"]) == ([], [])
    assert [fact["type"] for fact in facts["ada"]] == ["account"]
    async with database.read() as session:
        assert await account.count(session, ACME) == 2
    assert await read(database, Contact) == []


async def test_who_speaks_again_after_an_erasure_is_a_new_contact(database: Database) -> None:
    origin = await speak_of_ada(database)
    await forget_ada(database, origin)
    at = LATER + timedelta(hours=1)
    again = seeds.event_of(origin, seeds.contact(email=ADA), key="again", occurred_at=at, received_at=at)
    await seeds.receive(database, again)
    await apply(database)
    await erase_forgotten(database)
    [contact] = await read(database, Contact)
    assert (contact.email, contact.user_id, contact.name) == (ADA, None, None)
    assert [one.facts for one in await read(database, Event) if one.dedupe_key == "again"] != [[]]

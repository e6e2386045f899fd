"""Applying: events become accounts, contacts, roles and movements, in whatever order and however often they come."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from structlog.testing import capture_logs

from models import account, contact, delivery, event, movement, recap, role, source, workflow, workspace
from models.account import Account
from models.contact import Contact
from models.database import Database, is_passing
from models.delivery import SkipReason
from models.event import Event, EventState, NewEvent
from models.fact import AccountStatus, read_facts
from models.recap import Recap
from models.source import AccountCreation, Source
from scheduler.apply import apply_waiting
from scheduler.drawing.kinds import draw_deliveries
from scheduler.drawing.telling import Setting
from scheduler.recount import recount_due
from tests import seeds
from tests.seeds import ACME, GLOBEX, NOW


async def tell(database: Database, origin: Source, *facts: Any, key: str = "1", **fields: Any) -> None:
    await seeds.receive(database, seeds.event_of(origin, *facts, key=key, **fields))
    while await apply_waiting(database, now=NOW):
        pass


async def accounts(database: Database) -> dict[str, Account]:
    async with database.read() as session:
        return {one.external_id: one for one in await account.of_workspace(session, ACME)}


async def contacts(database: Database) -> list[Contact]:
    async with database.read() as session:
        found = [await contact.of_account(session, one.id) for one in await account.of_workspace(session, ACME)]
    return [one for some in found for one in some]


async def events(database: Database) -> list[Event]:
    async with database.read() as session:
        return list(reversed(await event.of_workspace(session, ACME, limit=1000)))


async def waiting(database: Database, workspace_id: str = ACME) -> int:
    async with database.read() as session:
        return (await event.count_by_state(session, workspace_id))["waiting"]


async def test_facts_of_every_kind_in_one_event_are_applied_together(database: Database) -> None:
    origin, _ = await seeds.add_source(database)
    person = seeds.contact(email="a@a.io", account_external_id="acme")
    await tell(
        database,
        origin,
        seeds.role(),
        person,
        seeds.movement(kind="new_business", external_id="m1"),
        seeds.movement(external_id="m2"),
        seeds.account(name="Acme Inc"),
    )
    found = (await accounts(database))["acme"]
    assert (found.name, found.status, found.mrr_minor) == ("Acme Inc", AccountStatus.CUSTOMER, 20_000)
    assert [one.email for one in await contacts(database)] == ["a@a.io"]
    async with database.read() as session:
        assert [one.email for one in await role.of_account(session, found.id)] == ["dana@acme.com"]
        assert (await source.get(session, ACME, origin.id)).last_event_at == NOW
    assert {one.state for one in await events(database)} == {EventState.APPLIED}


@pytest.mark.parametrize("backwards", [False, True])
async def test_what_names_an_account_before_it_is_known_makes_it(database: Database, *, backwards: bool) -> None:
    origin, _ = await seeds.add_source(database)
    facts = [seeds.account(name="Acme Inc"), seeds.role(), seeds.movement(account_name="From the movement")]
    facts.append(seeds.contact(email="a@a.io", account_external_id="acme", account_name="From the contact"))
    for number, fact in enumerate(reversed(facts) if backwards else facts):
        await tell(database, origin, fact, key=str(number))
    found = await accounts(database)
    assert {key: one.name for key, one in found.items()} == {"acme": "Acme Inc"}
    assert [one.account_id for one in await contacts(database)] == [found["acme"].id]


async def test_movements_of_one_event_without_ids_are_told_apart(database: Database) -> None:
    origin, _ = await seeds.add_source(database)
    await tell(database, origin, seeds.movement(), seeds.movement(), seeds.movement())
    async with database.read() as session:
        assert await movement.count(session, ACME) == 3


@pytest.mark.parametrize(
    ("creation", "fact", "made"),
    [
        (AccountCreation.COMPANY, {"email": "a@a.io"}, {}),
        (AccountCreation.COMPANY, {"email": "a@a.io", "account_external_id": "acme"}, {"acme": None}),
        (AccountCreation.CONTACT, {"email": "a@a.io", "first_name": "Ada", "last_name": "O"}, {"a@a.io": "Ada O"}),
        (AccountCreation.CONTACT, {"user_id": "u1", "email": "a@a.io"}, {"u1": "a@a.io"}),
        (AccountCreation.CONTACT, {"anonymous_id": "x"}, {}),
        (
            AccountCreation.CONTACT,
            {"user_id": "u1", "account_external_id": "acme", "account_name": "Acme"},
            {"acme": "Acme"},
        ),
    ],
)
async def test_a_source_says_when_a_contact_makes_an_account(
    database: Database, creation: AccountCreation, fact: dict[str, str], made: dict[str, str | None]
) -> None:
    origin, _ = await seeds.add_source(database, account_creation=creation)
    await tell(database, origin, seeds.contact(**fact))
    assert {key: one.name for key, one in (await accounts(database)).items()} == made


async def test_a_contact_who_has_an_account_makes_no_second_one(database: Database) -> None:
    origin, _ = await seeds.add_source(database, account_creation=AccountCreation.CONTACT)
    await tell(database, origin, seeds.contact(user_id="u1", account_external_id="acme"), key="1")
    await tell(database, origin, seeds.contact(user_id="u1", title="CFO"), key="2")
    assert list(await accounts(database)) == ["acme"]


OLD = NOW - timedelta(days=1)


@pytest.mark.parametrize("at", [0, 2, 4])
async def test_a_poisonous_event_harms_only_itself(database: Database, at: int) -> None:
    origin, _ = await seeds.add_source(database)
    news = [seeds.event_of(origin, seeds.movement(), key=f"good {number}") for number in range(4)]
    half = seeds.event_of(origin, seeds.account("half"), key="poison")
    news.insert(at, replace(half, facts=[*half.facts, {"type": "movement", "amount_minor": "much"}]))
    await seeds.receive(database, *news)
    assert await apply_waiting(database, now=NOW) == 5
    assert [one.state for one in await events(database)].index(EventState.REFUSED) == at
    async with database.read() as session:
        assert await movement.count(session, ACME) == 4
        [refused] = await event.refused_of_source(session, origin.id, since=OLD)
        counts = await event.count_by_state(session, ACME)
    assert "half" not in await accounts(database)
    assert "fault in Runrate" in str(refused.refused_because)
    assert "much" not in str(refused.refused_because)
    assert counts == {"received": 5, "applied": 4, "refused": 1, "waiting": 0, "duplicate": 0}


@contextmanager
def failing_at(database: Database, table: str, word: str, error: Exception) -> Iterator[None]:
    """Let the database fail whenever something with this word in it is written to a table."""

    def fail(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(f"INSERT INTO {table}") and word in str(parameters):
            raise error

    sqlalchemy.event.listen(database.engine.sync_engine, "before_cursor_execute", fail)
    try:
        yield
    finally:
        sqlalchemy.event.remove(database.engine.sync_engine, "before_cursor_execute", fail)


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    """Note what the database is told."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    sqlalchemy.event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sqlalchemy.event.remove(database.engine.sync_engine, "before_cursor_execute", note)


@pytest.mark.parametrize("at", [0, 6, 12])
async def test_an_event_that_can_t_be_written_harms_only_itself(database: Database, at: int) -> None:
    """The others, in whose midst it stands, are told, each once and in their order, and their source is heard."""
    origin, _ = await seeds.add_source(database)
    await seeds.add_destination(database, "C1")
    synced = seeds.track().model_copy(update={"audience": "vip"})
    facts = [seeds.movement(plan="poison" if n == at else None) for n in range(13)]
    news = [seeds.event_of(origin, fact, synced, key=str(n)) for n, fact in enumerate(facts)]
    await seeds.receive(database, *news)
    with failing_at(database, "movements", "poison", ValueError()), capture_logs() as logged:
        assert await apply_waiting(database, now=NOW) == 13
    assert [one["event"] for one in logged] == ["event_not_applied"]
    states = [one.state for one in await events(database)]
    async with database.read() as session:
        moved = {one.id: one.external_id for one, _ in await movement.of_workspace(session, ACME)}
        told = [moved[one.fact_id] for one in reversed(await delivery.of_workspace(session, ACME))]
        assert list((await source.get(session, ACME, origin.id)).audiences) == ["vip"]
    assert [place for place, state in enumerate(states) if state != EventState.APPLIED] == [at]
    assert told == [f"{n}#0" for n in range(13) if n != at]


async def test_a_fault_of_the_database_leaves_every_event_waiting(database: Database) -> None:
    origin, _ = await seeds.add_source(database)
    await seeds.add_destination(database, "C1")
    await seeds.receive(database, *(seeds.event_of(origin, seeds.movement(), key=str(n)) for n in range(5)))
    locked = OperationalError("", {}, failing())
    with failing_at(database, "deliveries", "", locked), pytest.raises(OperationalError):
        await apply_waiting(database, now=NOW)
    assert (await waiting(database), await accounts(database)) == (5, {})
    await apply_waiting(database, now=NOW)
    async with database.read() as session:
        assert len(await delivery.of_workspace(session, ACME)) == await movement.count(session, ACME) == 5


def test_what_can_t_be_read_is_not_quoted_where_it_would_be_logged() -> None:
    for facts in ([{"type": "movement", "amount_minor": "planted"}], [{"type": "account", "planted": "planted"}]):
        with pytest.raises(ValidationError) as refused:
            read_facts(facts)
        assert "'planted'" not in str(refused.value)
        assert "input_value" not in str(refused.value)


def failing(sqlstate: str | None = None) -> Exception:
    error = Exception("from the driver")
    error.sqlstate = sqlstate  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        pytest.param(DBAPIError("", {}, failing("40P01")), True, id="deadlock"),
        pytest.param(DBAPIError("", {}, failing("40001")), True, id="serialization"),
        pytest.param(DBAPIError("", {}, failing("53100")), True, id="disk full"),
        pytest.param(DBAPIError("", {}, failing("57P01")), True, id="shut down"),
        pytest.param(DBAPIError("", {}, failing(), connection_invalidated=True), True, id="connection lost"),
        pytest.param(OperationalError("", {}, failing()), True, id="database is locked"),
        pytest.param(ConnectionRefusedError(), True, id="not there"),
        pytest.param(TimeoutError(), True, id="too slow"),
        pytest.param(DBAPIError("", {}, failing("22003")), False, id="out of range"),
        pytest.param(IntegrityError("", {}, failing("23505")), False, id="not unique"),
        pytest.param(ValueError(), False, id="a bug"),
    ],
)
def test_only_what_passes_by_itself_is_the_database_s_fault(error: Exception, *, passes: bool) -> None:
    assert is_passing(error) is passes


async def test_a_deadlock_refuses_no_event(database: Database) -> None:
    """An event that meets a transaction which takes its rows in the opposite order is applied later, not refused."""
    if database.is_sqlite:
        pytest.skip("SQLite has one writer, who never waits in a circle")
    origin, _ = await seeds.add_source(database)
    await tell(database, origin, seeds.account("a"), seeds.account("b"), key="0")
    await seeds.receive(database, seeds.event_of(origin, seeds.account("a"), seeds.account("b"), key="1"))

    async def other() -> None:
        async with database.write() as session:
            await session.execute(text("SET LOCAL deadlock_timeout = '5s'"))
            await account.hold(session, {ACME: ["b"]})
            await asyncio.sleep(0.2)
            await account.hold(session, {ACME: ["a"]})

    async def apply() -> None:
        await asyncio.sleep(0.1)
        await apply_waiting(database, now=NOW)

    _, applied = await asyncio.gather(other(), apply(), return_exceptions=True)
    assert applied is None or is_passing(applied)
    await apply_waiting(database, now=NOW)
    assert {one.state for one in await events(database)} == {EventState.APPLIED}


async def test_workers_that_apply_at_once_make_no_contact_twice_and_refuse_nothing(database: Database) -> None:
    await seeds.install(database)
    origin, _ = await seeds.add_source(database)
    news = [
        seeds.event_of(origin, seeds.contact(**who, account_external_id=f"account {number % 3}"), key=f"{number} {who}")
        for number in range(8)
        for who in ({"user_id": "u1"}, {"email": "a@a.io"}, {"user_id": "u2", "email": "b@a.io"})
    ]
    await seeds.receive(database, *news)

    async def work() -> None:
        while await waiting(database):
            await apply_waiting(database, now=NOW, limit=4)

    await asyncio.gather(*(work() for _ in range(6)))
    async with database.read() as session:
        assert (await event.count_by_state(session, ACME))["applied"] == 24
    assert (len(await contacts(database)), len(await accounts(database))) == (3, 3)


async def test_a_flood_in_one_workspace_delays_another_by_one_batch(database: Database) -> None:
    flooding, _ = await seeds.add_source(database)
    quiet, _ = await seeds.add_source(database, GLOBEX)
    await seeds.receive(database, *(seeds.event_of(flooding, seeds.movement(), key=str(n)) for n in range(30)))
    await seeds.receive(database, seeds.event_of(quiet, seeds.movement(), key="quiet"))
    assert await apply_waiting(database, now=NOW, limit=5) == 5
    assert (await waiting(database), await waiting(database, GLOBEX)) == (26, 0)


async def test_of_more_workspaces_than_fit_a_batch_each_has_its_turn(database: Database) -> None:
    names = [f"T{number}" for number in range(5)]
    for name in names:
        origin, _ = await seeds.add_source(database, name)
        await seeds.receive(database, *(seeds.event_of(origin, seeds.movement(), key=str(n)) for n in range(9)))
    assert await apply_waiting(database, now=NOW, limit=2) == 6
    assert [await waiting(database, name) for name in names] == [8, 8, 8, 8, 7]


async def test_as_many_statements_apply_events_of_many_workspaces_as_of_two(database: Database) -> None:
    numbers = []
    for round_, workspaces in enumerate((2, 12)):
        for number in range(workspaces):
            name = f"T{round_}{number:02}"
            origin, _ = await seeds.add_source(database, name)
            await seeds.add_destination(database, f"C{name}", workspace_id=name)
            facts = [seeds.account(attributes={"plan": 1}), seeds.role(), seeds.role(email=None, role="csm")]
            facts += [seeds.contact(email="a@a.io"), seeds.movement(), seeds.signal(), seeds.track()]
            await seeds.receive(database, seeds.event_of(origin, *facts, key="1"))
        with statements(database) as seen:
            assert await apply_waiting(database, now=NOW) == workspaces
        numbers.append(len(seen))
    assert numbers[0] == numbers[1]


async def test_what_two_workspaces_call_the_same_stays_apart(database: Database) -> None:
    """Both name an account, a contact, a role's holder and an event alike, in one batch; each hears of its own."""
    for workspace_id in (ACME, GLOBEX):
        origin, _ = await seeds.add_source(database, workspace_id, account_creation=AccountCreation.CONTACT)
        await seeds.add_destination(database, f"C{workspace_id}", workspace_id=workspace_id)
        async with database.write() as session:
            wish = seeds.workflow_wish(channel_id=f"D{workspace_id}")
            await workflow.create(session, workspace_id, wish, by="U0ADA", now=NOW)
        about = seeds.contact(user_id="u1", email="a@a.io", name=workspace_id, account_external_id="acme")
        facts = [seeds.account(name=workspace_id), about, seeds.role(email=f"dana@{workspace_id}.com")]
        facts += [seeds.movement(external_id="m1"), seeds.track()]
        await seeds.receive(database, seeds.event_of(origin, *facts, key="1"))
    assert await apply_waiting(database, now=NOW) == 2
    async with database.read() as session:
        for workspace_id in (ACME, GLOBEX):
            [only] = await account.of_workspace(session, workspace_id)
            [person] = await contact.of_account(session, only.id)
            [held] = await role.of_account(session, only.id)
            assert (only.name, only.mrr_minor) == (workspace_id, None)
            assert (person.name, held.email) == (workspace_id, f"dana@{workspace_id}.com".lower())
            assert await movement.count(session, workspace_id) == 1
            told = {one.target for one in await delivery.of_workspace(session, workspace_id)}
            assert told == {f"C{workspace_id}", f"D{workspace_id}"}


async def test_a_poisoned_workspace_keeps_no_other_from_being_told(database: Database) -> None:
    names = [f"T{number}" for number in range(7)]
    for number, name in enumerate(names):
        origin, _ = await seeds.add_source(database, name)
        await seeds.add_destination(database, f"C{number}", workspace_id=name)
        plans = ["poison"] * 3 if number == 4 else ["Scale"] * 3
        news = [seeds.event_of(origin, seeds.movement(plan=plan), key=str(n)) for n, plan in enumerate(plans)]
        await seeds.receive(database, *news)
    with failing_at(database, "movements", "poison", ValueError()), capture_logs() as logged:
        assert await apply_waiting(database, now=NOW) == 21
    assert [one["event"] for one in logged] == ["event_not_applied"] * 3
    async with database.read() as session:
        told = [len(await delivery.of_workspace(session, name)) for name in names]
        counts = await event.count_by_state(session, names[4])
    assert told == [3, 3, 3, 3, 0, 3, 3]
    assert (counts["refused"], counts["waiting"]) == (3, 0)


async def test_a_worker_leaves_a_workspace_that_another_is_at_and_takes_the_next(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has one writer, and so one worker at a time")
    for workspace_id in (ACME, GLOBEX):
        origin, _ = await seeds.add_source(database, workspace_id)
        await seeds.receive(database, seeds.event_of(origin, seeds.movement(), key="1"))
    async with database.write() as session, asyncio.timeout(10):
        assert await workspace.hold(session, [ACME]) == [ACME]
        assert await apply_waiting(database, now=NOW) == 1
        assert (await waiting(database), await waiting(database, GLOBEX)) == (1, 0)
    assert await apply_waiting(database, now=NOW) == 1


async def test_an_event_that_is_being_sent_again_is_left_and_all_behind_it(database: Database) -> None:
    """Whoever waited for it could meet an inbox that waits for us; whoever passed it by would change the order."""
    if database.is_sqlite:
        pytest.skip("SQLite has one writer, so that an event is sent again before or after")
    origin, _ = await seeds.add_source(database)
    news = [seeds.event_of(origin, seeds.movement(), key=str(n)) for n in range(3)]
    await seeds.receive(database, *news)
    async with database.write() as session, asyncio.timeout(10):
        await event.store(session, [news[1]])
        assert await apply_waiting(database, now=NOW) == 1
        assert await apply_waiting(database, now=NOW) == 0
    assert [one.state for one in await events(database)] == [EventState.APPLIED, *[EventState.WAITING] * 2]
    assert await apply_waiting(database, now=NOW) == 2


async def test_received_is_applied_and_duplicate_and_refused_and_waiting(database: Database) -> None:
    """The left side is what was sent, counted here; the right side is what the database says."""
    origin, _ = await seeds.add_source(database)
    sent = [seeds.event_of(origin, seeds.movement(), key=str(number % 30)) for number in range(100)]
    await seeds.receive(database, *sent[:60])
    await apply_waiting(database, now=NOW, limit=20)
    await seeds.receive(database, *sent[60:])
    async with database.read() as session:
        counts = await event.count_by_state(session, ACME)
        told = await movement.count(session, ACME)
    assert counts["received"] == 100 == sum(counts[name] for name in ("applied", "duplicate", "refused", "waiting"))
    assert (counts["applied"], counts["waiting"], counts["duplicate"]) == (20, 10, 70)
    assert told == 20


def _movements(origin: Source) -> list[NewEvent]:
    """A year of two accounts, with each kind, two currencies, and ids given and not."""
    days = [
        ("a", "new_business", 100, "USD"),
        ("a", "expansion", 50, "USD"),
        ("b", "new_business", 900, "EUR"),
        ("a", "contraction", -20, "USD"),
        ("b", "churn", -900, "EUR"),
        ("a", "churn", -130, "USD"),
        ("b", "reactivation", 450, "EUR"),
    ]
    return [
        seeds.event_of(
            origin,
            seeds.movement(
                name,
                kind=kind,
                amount_minor=amount,
                currency=currency,
                occurred_at=NOW + timedelta(days=30 * number),
                external_id=f"m{number}" if number % 2 else None,
            ),
            key=f"event {number}",
        )
        for number, (name, kind, amount, currency) in enumerate(days)
    ]


async def _outcome(database: Database) -> tuple[Any, ...]:
    day = Recap(
        frequency="daily",
        first=NOW.date(),
        end=NOW.date() + timedelta(days=1),
        zone="UTC",
        before_at=NOW - timedelta(days=1),
        starts_at=NOW,
        ends_at=NOW + timedelta(days=1),
    )
    async with database.read() as session:
        moved = await movement.of_workspace(session, ACME)
        figures = await recap.figures(session, ACME, day)
        facts = sorted(
            (to.external_id, one.external_id, one.kind, one.amount_minor, one.currency, one.occurred_at)
            for one, to in moved
        )
        totals = await movement.totals(session, ACME)
        owed = await delivery.of_workspace(session, ACME, limit=1000)
        told = sorted((one.asked_by, one.target) for one in owed)
        held = {one.external_id: one.mrr_at for one in await account.of_workspace(session, ACME)}
        counts = await event.count_by_state(session, ACME)
    return facts, totals, figures, told, held, counts["applied"]


async def _clean(database: Database) -> None:
    async with database.write() as session:
        for table in ("attempts", "deliveries", "movements", "movement_days", "events", "accounts"):
            await session.execute(text(f"DELETE FROM {table}"))


def _a_day(origin: Source) -> list[NewEvent]:
    """A day of three accounts that came in that day, each movement with what it tells of MRR."""
    steps = [("new_business", 100), ("expansion", 50), ("contraction", -20), ("churn", -130)]
    return [
        seeds.event_of(
            origin,
            seeds.movement(
                name, kind=kind, amount_minor=amount, occurred_at=NOW + timedelta(hours=5 * hour, minutes=n)
            ),
            key=f"{name} {kind}",
        )
        for n, name in enumerate("abc")
        for hour, (kind, amount) in enumerate(steps)
    ]


@pytest.mark.parametrize("lived", [_movements, _a_day])
async def test_any_order_and_any_repetition_of_events_comes_to_the_same(
    database: Database, lived: Callable[[Source], list[NewEvent]]
) -> None:
    """Test 23: all that is sent twice and shuffled ends in the same totals, the same recap, the same facts told."""
    origin, _ = await seeds.add_source(database)
    await seeds.add_destination(database, "C1", "C2")
    news = lived(origin)
    loop, expected = asyncio.get_running_loop(), await _told(database, [news])

    shuffles = st.permutations([*news, *news])
    cuts = st.lists(st.integers(0, 2 * len(news)), max_size=3)

    @settings(max_examples=12, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(shuffled=shuffles, at=cuts)
    def same(shuffled: list[NewEvent], at: list[int]) -> None:
        edges = [0, *sorted(at), len(shuffled)]
        calls = [shuffled[start:end] for start, end in pairwise(edges)]
        told = asyncio.run_coroutine_threadsafe(_told(database, calls), loop).result()
        assert told == expected

    await asyncio.to_thread(same)
    assert (len(expected[0]), len(expected[3])) == (len(news), 2 * len(news))


async def _told(database: Database, calls: Sequence[Sequence[NewEvent]]) -> tuple[Any, ...]:
    """Receive the calls one after the other into an empty database, applying after each; say what came of it."""
    await _clean(database)
    for call in calls:
        await seeds.receive(database, *call)
        await apply_waiting(database, now=NOW)
    return await _outcome(database)


async def test_movements_that_follow_from_a_live_subscription_are_told_and_history_is_not(database: Database) -> None:
    await seeds.install(database)
    origin, _ = await seeds.add_source(database)
    await seeds.add_destination(database, "C1")
    since = seeds.subscribed(account_name="Acme Inc", as_of=NOW - timedelta(days=9))
    await tell(database, origin, since, key="history", is_history=True)
    async with database.read() as session:
        assert await delivery.of_workspace(session, ACME) == []
    await tell(database, origin, seeds.subscribed(mrr_minor=15_000, starts_at=NOW), key="1")
    await tell(database, origin, seeds.subscribed(mrr_minor=15_000, starts_at=NOW), key="2")
    async with database.read() as session:
        [(moved, of), (first, _)] = await movement.of_workspace(session, ACME)
        [owed] = await delivery.of_workspace(session, ACME)
    assert (moved.kind, moved.amount_minor, moved.mrr_before_minor, of.name) == ("expansion", 5_000, 10_000, "Acme Inc")
    assert (owed.fact_id, first.kind, first.is_history) == (moved.id, "new_business", True)


async def test_of_old_subscriptions_that_come_in_live_only_what_just_happened_is_told(database: Database) -> None:
    await seeds.install(database)
    origin, _ = await seeds.add_source(database)
    await seeds.add_destination(database, "C1")
    changed = seeds.subscribed(mrr_minor=15_000, starts_at=NOW - timedelta(hours=23))
    await tell(database, origin, seeds.subscribed(), changed)
    await tell(database, origin, seeds.subscribed(mrr_minor=12_000, as_of=NOW + timedelta(hours=1)), key="corrected")
    async with database.read() as session:
        moved = {one.kind: one for one, _ in await movement.of_workspace(session, ACME)}
        [owed] = await delivery.of_workspace(session, ACME)
    assert {kind: (one.amount_minor, one.is_history) for kind, one in moved.items()} == {
        "new_business": (12_000, True),
        "expansion": (3_000, False),
    }
    assert owed.fact_id == moved["expansion"].id


async def test_an_end_that_was_told_ahead_is_told_when_it_comes(database: Database) -> None:
    await seeds.install(database)
    origin, _ = await seeds.add_source(database)
    await seeds.add_destination(database, "C1")
    await tell(database, origin, seeds.subscribed(starts_at=NOW, ends_at=NOW + timedelta(days=3)), key="1")
    assert await recount_due(database, now=NOW + timedelta(days=2)) == 0
    assert await recount_due(database, now=NOW + timedelta(days=3)) == 1
    assert await recount_due(database, now=NOW + timedelta(days=3)) == 0
    async with database.read() as session:
        told = {one.id: one.kind for one, _ in await movement.of_workspace(session, ACME)}
        owed = await delivery.of_workspace(session, ACME)
    assert sorted(told[one.fact_id] for one in owed) == ["churn", "new_business"]


async def test_what_waits_to_be_sent_is_told_as_it_was_corrected_or_not_at_all(database: Database) -> None:
    await seeds.install(database)
    origin, _ = await seeds.add_source(database)
    await seeds.add_destination(database, "C1")
    since, later = NOW - timedelta(hours=2), NOW + timedelta(seconds=1)
    await tell(database, origin, seeds.subscribed(starts_at=since, ends_at=NOW), key="1")
    await tell(database, origin, seeds.subscribed(starts_at=since, mrr_minor=7_700, as_of=later), key="2")
    async with database.read() as session:
        owed = await delivery.of_workspace(session, ACME)
        setting = Setting(now=later, public_url="https://r.io", picture_url=str)
        drawn = list((await draw_deliveries(session, owed, setting=setting)).values())
    assert len(owed) == 2
    assert SkipReason.DELETED in drawn
    assert "$77" in str(drawn)

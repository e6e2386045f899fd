"""Applying what Segment tells of people: contacts, their accounts and attributes, and who is forgotten."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from handlers.senders import tracking
from models import account, attribute, delivery, event, workflow
from models.contact import Contact
from models.database import Database
from models.event import NewEvent, Refusal
from models.fact import dump_facts
from models.identity import Identity
from models.source import AccountCreation, Source, SourceKind
from scheduler.apply import apply_waiting
from scheduler.erase import erase_forgotten
from tests import seeds
from tests.seeds import ACME, NOW

Told = dict[str, Any]


def call(kind: str, minute: int, **body: Any) -> Told:
    """A call of Segment's, made at a minute past `NOW`."""
    said_at = NOW + timedelta(minutes=minute)
    return {"type": kind, "messageId": f"{kind} {minute} {body}", "timestamp": said_at.isoformat(), **body}


def event_of(origin: Source, told: Told, *, received_at: datetime = NOW + timedelta(days=1)) -> NewEvent:
    read = tracking.read_event(told, shared={}, received_at=received_at, position=0, passed_on=True)
    return NewEvent(
        workspace_id=origin.workspace_id,
        source_id=origin.id,
        kind=read.kind,
        dedupe_key=read.dedupe_key,
        occurred_at=read.occurred_at,
        received_at=received_at,
        facts=dump_facts(read.facts),
    )


async def segment(database: Database, **fields: Any) -> Source:
    origin, _ = await seeds.add_source(database, kind=SourceKind.SEGMENT, name="Website", **fields)
    return origin


async def tell(
    database: Database, origin: Source, *told: Told, received_at: datetime = NOW + timedelta(days=1)
) -> None:
    await seeds.receive(database, *(event_of(origin, one, received_at=received_at) for one in told))
    while await apply_waiting(database, now=NOW):
        pass
    await erase_forgotten(database)


async def known(database: Database) -> tuple[set[Any], set[Any]]:
    """Say which contacts and accounts there are, but for the ids that we made up."""
    async with database.read() as session:
        accounts = {one.id: one for one in await account.of_workspace(session, ACME)}
        people = list(await session.scalars(select(Contact)))
    at = {one.id: accounts[one.account_id].external_id if one.account_id else None for one in people}
    return (
        {(one.user_id, one.email, one.display_name, at[one.id], str(sorted(one.attributes.items()))) for one in people},
        {(one.external_id, one.name, str(sorted(one.attributes.items()))) for one in accounts.values()},
    )


CALLS = [
    call("page", 0, anonymousId="a1", context={"traits": {"source": "ads"}}),
    call("identify", 1, anonymousId="a1", traits={"email": "ada@acme.io", "seats": 1}),
    call("identify", 2, userId="u1", anonymousId="a1", traits={"name": "Ada", "seats": "many"}),
    call("identify", 3, userId="u2", anonymousId="a1", traits={"name": "Bo", "email": "bo@acme.io"}),
    call("group", 4, userId="u1", groupId="acme", traits={"name": "Acme", "plan": "pro"}),
    call("group", 5, userId="u1", groupId="acme", traits={"plan": None, "size": {"people": 12}}),
    call("alias", 6, previousId="old", userId="u2"),
    call("identify", 7, userId="old", traits={"title": "CFO", "company": {"id": "globex", "name": "Globex"}}),
    call("identify", 8, userId="u3", traits={"email": "cy@acme.io"}),
    call("identify", 9, userId="u3", traits={"company": {"id": "acme"}}),
    call("identify", 9, anonymousId="a2", traits={"email": "di@acme.io", "name": "Di"}),
]
PEOPLE = {
    ("u1", "ada@acme.io", "Ada", "acme", "[('seats', 'many'), ('source', 'ads')]"),
    ("u2", "bo@acme.io", "Bo", "globex", "[]"),
    ("u3", "cy@acme.io", "cy@acme.io", "acme", "[]"),
}


@pytest.mark.parametrize("creation", AccountCreation)
async def test_any_order_of_calls_ends_in_the_same_contacts_and_accounts(
    database: Database, creation: AccountCreation
) -> None:
    """Test 23, for Segment: twice and shuffled, cut into batches anywhere."""
    origin, loop = await segment(database, account_creation=creation), asyncio.get_running_loop()
    news = [event_of(origin, one) for one in CALLS]
    leads = {"di@acme.io"} if creation == AccountCreation.CONTACT else set[str]()
    accounts = {("acme", "Acme", "[('size.people', 12)]"), ("globex", "Globex", "[]")}
    expected = (
        PEOPLE | {(None, "di@acme.io", "Di", "di@acme.io" if leads else None, "[]")},
        accounts | {(lead, "Di", "[]") for lead in leads},
    )

    @settings(max_examples=8, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(shuffled=st.permutations([*news, *news]), at=st.lists(st.integers(0, 2 * len(news)), max_size=3))
    def same(shuffled: list[NewEvent], at: list[int]) -> None:
        edges = [0, *sorted(at), len(shuffled)]
        calls = [shuffled[start:end] for start, end in pairwise(edges)]
        assert asyncio.run_coroutine_threadsafe(_told(database, calls), loop).result() == expected

    await asyncio.to_thread(same)


async def _told(database: Database, calls: Sequence[Sequence[NewEvent]]) -> tuple[set[Any], set[Any]]:
    async with database.write() as session:
        for table in ("events", "identities", "contacts", "accounts"):
            await session.execute(text(f"DELETE FROM {table}"))
    for one in calls:
        await seeds.receive(database, *one)
        while await apply_waiting(database, now=NOW):
            pass
    return await known(database)


async def test_a_lead_that_joins_a_company_leaves_no_account_of_its_own_behind(database: Database) -> None:
    origin = await segment(database, account_creation=AccountCreation.CONTACT)
    await tell(database, origin, call("identify", 1, userId="u1", traits={"email": "a@a.io"}))
    assert await known(database) == ({("u1", "a@a.io", "a@a.io", "u1", "[]")}, {("u1", "a@a.io", "[]")})
    await tell(database, origin, call("group", 2, userId="u1", groupId="acme"))
    assert await known(database) == ({("u1", "a@a.io", "a@a.io", "acme", "[]")}, {("acme", None, "[]")})


async def test_a_lead_s_account_that_something_else_speaks_of_stays(database: Database) -> None:
    origin = await segment(database, account_creation=AccountCreation.CONTACT)
    await tell(database, origin, call("identify", 1, userId="u1", traits={"name": "Ada"}))
    await seeds.receive(database, seeds.event_of(origin, seeds.movement("u1"), key="m"))
    await tell(database, origin, call("group", 2, userId="u1", groupId="acme"))
    assert {external_id for external_id, *_ in (await known(database))[1]} == {"u1", "acme"}


@pytest.mark.parametrize("segment_last", [False, True])
async def test_your_own_system_knows_an_account_s_fields_better_than_segment(
    database: Database, *, segment_last: bool
) -> None:
    website, (own, _) = await segment(database), await seeds.add_source(database)
    traits = {"name": "acme inc", "website": "https://acme.io", "plan": "pro"}
    told = event_of(website, call("group", 9, userId="u1", groupId="acme", traits=traits))
    ours = seeds.event_of(own, seeds.account(name="Acme, Inc.", attributes={"plan": "free"}), key="1")
    for one in [ours, told] if segment_last else [told, ours]:
        await seeds.receive(database, one)
        await apply_waiting(database, now=NOW)
    async with database.read() as session:
        [acme] = await account.of_workspace(session, ACME)
    assert (acme.name, acme.website, acme.attributes) == ("Acme, Inc.", "https://acme.io", {"plan": "pro"})


async def test_values_of_another_type_are_kept_and_noted(database: Database) -> None:
    origin = await segment(database)
    await tell(database, origin, *CALLS)
    async with database.read() as session:
        types = await attribute.types(session, ACME)
    assert types["contact", "seats"] == ["number", "text"]
    assert types["account", "size.people"] == ["number"]


async def test_a_mapping_sends_a_trait_to_a_field_or_another_attribute(database: Database) -> None:
    origin = await segment(database)
    async with database.write() as session:
        origin = await session.merge(origin)
        origin.mappings = {
            "contact": {"job": "title", "profile.plan": "Plan", "org": "account_external_id", "mail": "email"},
            "account": {"company_name": "name", "website": "Site"},
        }
    traits = {"job": "CFO", "profile": {"plan": "pro"}, "org": 42, "mail": "none of yours"}
    await tell(database, origin, call("identify", 1, userId="u1", traits=traits))
    about = {"company_name": "Acme", "website": "https://acme.io"}
    await tell(database, origin, call("group", 2, anonymousId="x", groupId="42", traits=about))
    people, accounts = await known(database)
    assert people == {("u1", None, None, "42", "[('Plan', 'pro'), ('mail', 'none of yours')]")}
    assert accounts == {("42", "Acme", "[('Site', 'https://acme.io')]")}
    async with database.read() as session:
        assert list(await session.scalars(select(Contact.title))) == ["CFO"]


def entered(minute: int, user: str, *, is_in: bool = True, audience: str = "big_spenders") -> Told:
    """A call of an audience of Segment Engage."""
    personas = {"computation_class": "audience", "computation_key": audience, "namespace": "spa_1"}
    name = "Audience Entered" if is_in else "Audience Exited"
    properties = {"audience_key": audience, audience: is_in}
    return call("track", minute, userId=user, event=name, properties=properties, context={"personas": personas})


async def test_an_audience_s_first_sync_tells_nobody_and_what_comes_later_does(database: Database) -> None:
    """Test 20, for Segment: those who are in it already are no news."""
    origin = await segment(database)
    async with database.write() as session:
        wished = seeds.workflow_wish(event="Audience Entered", template="{{userId}}")
        await workflow.create(session, ACME, wished, by="U1", now=NOW)
    sync = [NOW + timedelta(minutes=10 * number) for number in range(3)]
    for number, at in enumerate(sync):
        await tell(database, origin, *(entered(0, f"u{number}{n}") for n in range(3)), received_at=at)
    assert await _owed(database) == 0
    later = sync[-1] + timedelta(minutes=20)
    await tell(database, origin, entered(30, "late"), entered(30, "other", audience="new"), received_at=later)
    assert await _owed(database) == 1
    people, _ = await known(database)
    assert {(user, attributes) for user, *_, attributes in people if user == "u00"} == {
        ("u00", "[('big_spenders', True)]")
    }
    await tell(database, origin, entered(60, "u00", is_in=False), received_at=later)
    people, _ = await known(database)
    assert {attributes for user, *_, attributes in people if user == "u00"} == {"[('big_spenders', False)]"}


async def _owed(database: Database) -> int:
    async with database.read() as session:
        return len(await delivery.of_workspace(session, ACME))


async def test_a_deletion_forgets_the_person_and_what_events_said_of_them(database: Database) -> None:
    origin = await segment(database, account_creation=AccountCreation.CONTACT)
    ada = {"email": "Ada@Acme.io", "name": "Ada"}
    told = [
        call("identify", 1, userId="u1", anonymousId="a1", traits=ada),
        call("track", 2, userId="u1", event="Order Completed", properties={"for": "ADA@acme.io"}),
        call("identify", 2, userId="u11", traits={"email": "bo@acme.io"}),
        call("group", 3, userId="u11", groupId="acme", traits={"name": "Acme"}),
    ]
    await tell(database, origin, *told)
    refused = Refusal("traits", "It is too long.")
    raw = {"userId": "u1", "traits": {"email": "ada@acme.io"}}
    await seeds.receive(database, seeds.event_of(origin, key="refused", refusal=refused, raw=raw))
    before = await _counts(database)
    await tell(database, origin, call("delete", 9, userId="u1"), told[0] | {"messageId": "late"})
    assert await known(database) == (
        {("u11", "bo@acme.io", "bo@acme.io", "acme", "[]")},
        {("acme", "Acme", "[]")},
    )
    async with database.read() as session:
        kept = [(one.facts, one.raw) for one in await event.of_workspace(session, ACME) if "late" not in one.dedupe_key]
        left = [one for one in await session.scalars(select(Identity)) if one.value is None]
    assert not any(word in str(kept).lower() for word in ("ada", "'u1'", "a1'"))
    assert "u11" in str(kept)
    assert (len(left), {str(one.said) for one in left}) == (3, {"{}"})
    assert await _counts(database) == before | {"received": before["received"] + 2, "applied": before["applied"] + 2}


async def _counts(database: Database) -> dict[str, int]:
    async with database.read() as session:
        return await event.count_by_state(session, ACME)


def test_a_call_s_time_is_what_segment_corrected_it_to() -> None:
    told = call("identify", 5, userId="u1", originalTimestamp="2026-01-01T00:00:00Z", sentAt="2026-01-01T00:00:01Z")
    read = tracking.read_event(told, shared={}, received_at=NOW + timedelta(days=1), position=0, passed_on=True)
    assert read.occurred_at == NOW + timedelta(minutes=5)
    by_library = tracking.read_event(told, shared={}, received_at=NOW, position=0)
    assert by_library.occurred_at == NOW - timedelta(seconds=1) == datetime(2026, 11, 16, 8, 59, 59, tzinfo=UTC)

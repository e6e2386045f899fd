"""Promises that hold for every kind of source: its history is told to nobody, and order and repetition change nothing.

A kind is a row of `FEEDS`: how it writes the n-th thing that happens, and how we read what it sends. Files are history
as a whole, of which nobody is told (`tests/bot/cli/test_cli_import.py`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from sqlalchemy import select

from handlers.senders import SENDERS, polled, tracking
from handlers.senders.reading import Reading, Received
from models import account, delivery, event, movement, recap, workflow
from models.contact import Contact
from models.database import Database
from models.event import NewEvent
from models.fact import dump_facts
from models.poll import Poll
from models.recap import Recap
from models.source import Source, SourceKind
from scheduler.apply import apply_waiting
from tests import seeds
from tests.seeds import ACME, NOW

CONNECTED = NOW
YEAR = [CONNECTED - timedelta(days=days) for days in range(365, 1, -7)]
DAY = [CONNECTED + timedelta(minutes=97 * number) for number in range(12)]
LATER = CONNECTED + timedelta(days=2)

Read = Callable[[Sequence[Any], Source, datetime], Sequence[NewEvent]]


@dataclass(frozen=True)
class Feed:
    """How a kind of source writes the n-th thing that happens, at an instant, and how we read what it sends."""

    name: str
    kind: SourceKind
    write: Callable[[int, datetime], dict[str, Any]]
    read: Read

    def __str__(self) -> str:
        return self.name


def by_webhook(read: Callable[..., Reading]) -> Read:
    """Read one call for each thing, as `handlers.intake` does."""

    def events(sent: Sequence[Any], origin: Source, received_at: datetime) -> list[NewEvent]:
        records = [record for body in sent for record in read(body, received_at=received_at).records]
        return [_event(record, origin, received_at) for record in records if isinstance(record, Received)]

    return events


def _event(record: Received, origin: Source, received_at: datetime) -> NewEvent:
    return NewEvent(
        workspace_id=origin.workspace_id,
        source_id=origin.id,
        kind=record.kind,
        dedupe_key=record.dedupe_key,
        occurred_at=record.occurred_at,
        received_at=received_at,
        facts=dump_facts(record.facts),
    )


def by_polling(sent: Sequence[Any], origin: Source, received_at: datetime) -> list[NewEvent]:
    """Read a page of ChartMogul's API, which lists in the order in which things happened."""
    polls = Poll(
        source_id=origin.id, workspace_id=origin.workspace_id, news_since=origin.created_at, at_page_end={}, read={}
    )
    page = sorted(sent, key=lambda entry: str(entry["date"]))
    return [one for one, _ in polled.activities(page, polled=polls, received_at=received_at).events]


def _amount(number: int) -> tuple[str, int, int]:
    """Let the first three things be new business of three accounts, and all others expansions; give the MRR after."""
    kind, amount = ("new_business", 10_000) if number < 3 else ("expansion", 1_000 + number)
    return kind, amount, 10_000 + sum(1_000 + one for one in range(3, number + 1) if one % 3 == number % 3)


def to_api(number: int, at: datetime) -> dict[str, Any]:
    kind, amount, after = _amount(number)
    moved = {"type": "movement", "id": f"mv_{number}", "kind": kind, "amount_minor": amount, "currency": "USD"}
    moved |= {"mrr_before_minor": after - amount}
    return {**moved, "occurred_at": at.isoformat(), "account": {"external_id": f"a{number % 3}"}}


def by_chartmoguls_webhook(number: int, at: datetime) -> dict[str, Any]:
    kind, amount, after = _amount(number)
    return {
        "type": "mrr_movement",
        "date": at.isoformat(),
        "movement_type": {"new_business": "new_biz"}.get(kind, kind),
        "description": "purchased the Silver plan",
        "customer": {
            "uuid": f"cus_{number % 3}",
            "external_id": f"a{number % 3}",
            "name": "Acme",
            "currency": "USD",
            "current_mrr": after,
        },
        "subscription": {"external_id": "sub_1"},
        "account_currency": "USD",
        "mrr_movement_in_account_currency": amount,
    }


def by_chartmoguls_api(number: int, at: datetime) -> dict[str, Any]:
    kind, amount, after = _amount(number)
    return {
        "uuid": f"act_{number}",
        "date": at.isoformat(),
        "type": {"new_business": "new_biz"}.get(kind, kind),
        "description": "purchased the Silver plan",
        "activity-mrr-movement": amount,
        "activity-mrr": after,
        "currency": "USD",
        "customer-uuid": f"cus_{number % 3}",
        "customer-external-id": f"a{number % 3}",
        "customer-name": "Acme",
    }


def by_segment(number: int, at: datetime) -> dict[str, Any]:
    ids = {"userId": f"u{number % 3}", "anonymousId": f"anon{number % 2}", "messageId": f"msg_{number}"}
    traits = {"email": f"u{number % 3}@acme.io", "seats": number}
    told = {"event": "Order Completed", "properties": {"total": number}, "context": {"traits": traits, "groupId": "a1"}}
    return {"type": "track", **ids, **told, "timestamp": at.isoformat()}


def by_rudderstack(number: int, at: datetime) -> dict[str, Any]:
    """Its libraries name the time otherwise, and send an empty id for none."""
    told = by_segment(number, at)
    return {**told, "channel": "server", "timestamp": None, "originalTimestamp": at.isoformat(), "groupId": ""}


def tracked(body: Any, *, received_at: datetime) -> Reading:
    return tracking.read("batch", {"batch": [body]}, received_at=received_at)


FEEDS = [
    Feed("api", SourceKind.API, to_api, by_webhook(SENDERS[SourceKind.API])),
    Feed(
        "chartmogul's webhook",
        SourceKind.CHARTMOGUL,
        by_chartmoguls_webhook,
        by_webhook(SENDERS[SourceKind.CHARTMOGUL]),
    ),
    Feed("chartmogul's api", SourceKind.CHARTMOGUL, by_chartmoguls_api, by_polling),
    Feed("segment's webhook", SourceKind.SEGMENT, by_segment, by_webhook(SENDERS[SourceKind.SEGMENT])),
    Feed("segment's tracking api", SourceKind.SEGMENT, by_segment, by_webhook(tracked)),
    Feed("rudderstack", SourceKind.SEGMENT, by_rudderstack, by_webhook(tracked)),
]
every_kind = pytest.mark.parametrize("feed", FEEDS, ids=str)
on_one_engine = pytest.mark.parametrize("engine_name", ["sqlite"])
"""For what depends on how a kind is read, and not on the database."""


async def connect(database: Database, feed: Feed, workspace_id: str = ACME, *, at: datetime = CONNECTED) -> Source:
    """Connect a source where a channel hears of every movement and of every order."""
    await seeds.install(database, workspace_id)
    await seeds.add_destination(database, "C1", workspace_id=workspace_id)
    async with database.write() as session:
        await workflow.create(session, workspace_id, seeds.workflow_wish(), by="U0ADA", now=NOW)
    origin, _ = await seeds.add_source(database, workspace_id, kind=feed.kind, name="Feed", now=at)
    return origin


async def send(database: Database, feed: Feed, origin: Source, sent: Sequence[Any], *, at: datetime) -> None:
    await seeds.receive(database, *feed.read(sent, origin, at))
    while await apply_waiting(database, now=at):
        pass


async def told(database: Database, workspace_id: str = ACME) -> int:
    async with database.read() as session:
        return len(await delivery.of_workspace(session, workspace_id, limit=1_000))


def written(feed: Feed, instants: Sequence[datetime], *, first: int = 0) -> list[dict[str, Any]]:
    return [feed.write(number, at) for number, at in enumerate(instants, start=first)]


@every_kind
@on_one_engine
async def test_the_first_connection_of_a_source_with_a_year_of_history_posts_nothing(
    database: Database, feed: Feed
) -> None:
    """Test 20, and that what happens from then on is told."""
    origin = await connect(database, feed)
    await send(database, feed, origin, written(feed, YEAR), at=CONNECTED + timedelta(minutes=1))
    assert await told(database) == 0
    [news] = written(feed, [CONNECTED + timedelta(hours=1)], first=len(YEAR))
    await send(database, feed, origin, [news], at=CONNECTED + timedelta(hours=2))
    async with database.read() as session:
        counts = await event.count_by_state(session, ACME)
    assert (await told(database), counts["applied"]) == (1, len(YEAR) + 1)


@every_kind
@on_one_engine
async def test_a_source_that_was_connected_long_ago_would_post_all_of_it(database: Database, feed: Feed) -> None:
    """The broken variant of the test above: a connection whose instant nobody noted."""
    origin = await connect(database, feed, at=YEAR[0] - timedelta(days=1))
    await send(database, feed, origin, written(feed, YEAR), at=CONNECTED)
    assert await told(database) == len(YEAR)


async def outcome(database: Database, workspace_id: str) -> tuple[Any, ...]:
    """Give all that must not depend on order and repetition, but for the ids that we made up."""
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
        moved = await movement.of_workspace(session, workspace_id)
        people = await session.scalars(select(Contact).where(Contact.workspace_id == workspace_id))
        accounts = {one.id: one for one in await account.of_workspace(session, workspace_id)}
        return (
            sorted((to.external_id, one.kind, one.amount_minor, one.occurred_at) for one, to in moved),
            await movement.totals(session, workspace_id),
            await recap.figures(session, workspace_id, day),
            sorted((one.external_id, one.name or "", one.status, str(one.mrr_minor)) for one in accounts.values()),
            sorted(
                (one.user_id, one.email, accounts[one.account_id].external_id if one.account_id else "", one.attributes)
                for one in people
            ),
            await told(database, workspace_id),
        )


@every_kind
async def test_any_order_and_any_repetition_of_what_a_source_sends_comes_to_the_same(
    database: Database, feed: Feed
) -> None:
    """Test 23: all of it twice, shuffled within a day and cut into calls anywhere."""
    sent = written(feed, DAY)
    await send(database, feed, await connect(database, feed), sent, at=LATER)
    expected = await outcome(database, ACME)
    for seed in range(3):
        workspace_id, chance = f"T{seed}", Random(seed)
        origin = await connect(database, feed, workspace_id)
        shuffled = chance.sample([*sent, *sent], 2 * len(sent))
        cuts = [0, *sorted(chance.sample(range(1, len(shuffled)), 3)), len(shuffled)]
        for start, end in pairwise(cuts):
            await send(database, feed, origin, shuffled[start:end], at=LATER)
        assert await outcome(database, workspace_id) == expected
    assert expected[-1] == len(DAY)


@on_one_engine
async def test_what_is_known_by_its_arrival_alone_would_count_twice(database: Database) -> None:
    """The broken variant of the test above."""

    def read(sent: Sequence[Any], origin: Source, received_at: datetime) -> list[NewEvent]:
        bodies = [{**body, "id": f"{number}"} for number, body in enumerate(sent)]
        return list(FEEDS[0].read(bodies, origin, received_at))

    feed = replace(FEEDS[0], read=read)
    sent = written(feed, DAY)
    await send(database, feed, await connect(database, feed), [*sent, *sent], at=LATER)
    assert await told(database) == 2 * len(DAY)

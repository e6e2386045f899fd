"""Subscriptions: whatever the order, repetition and splitting of what is said, the same movements follow from it."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import account, movement, mrr, subscription
from models.account import Account
from models.database import Database
from models.movement import Movement
from models.mrr import Segment
from models.subscription import Recount, Recounted, Restatement, Subscription
from models.workspace import Workspace
from tests import seeds
from tests.seeds import ACME, NOW

START = datetime(2025, 1, 1, tzinfo=UTC)
ACCOUNTS = 150


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def segment(start: float, end: float | None, amount: int, of: str = "a", **fields: Any) -> Segment:
    told = {"source_id": "src_1", "external_id": of, "account_id": "acc_1", "currency": "USD", "as_of": START}
    ends_at = None if end is None else day(end)
    return Segment(**{**told, "starts_at": day(start), "ends_at": ends_at, "mrr_minor": amount, **fields})


async def begin(database: Database, *account_ids: str) -> None:
    await seeds.install(database)
    async with database.write() as session:
        for account_id in account_ids:
            begun = account.new(ACME, account_id, now=NOW)
            begun.id = account_id
            session.add(begun)


async def say(database: Database, *segments: Segment, now: datetime = NOW) -> Recounted:
    async with database.write() as session:
        return await subscription.apply(session, ACME, segments, now=now)


Told = tuple[str, datetime, str, str, int, int | None, int | None]


async def told(session: AsyncSession) -> list[Told]:
    return sorted(
        (one.account_id, one.occurred_at, one.currency, one.kind, one.amount_minor, *_around(one))
        for one, _ in await movement.of_workspace(session, ACME)
    )


def _around(moved: Movement) -> tuple[int | None, int | None]:
    return moved.mrr_before_minor, moved.mrr_after_minor


async def totals(session: AsyncSession) -> Counter[tuple[str, str]]:
    """The sums by currency and kind that recaps and `runrate movements` tell."""
    sums = await movement.sums(session, ACME, until=NOW + timedelta(days=9999))
    return Counter({(one.currency, one.kind.value): one.amount_minor for one in sums if one.count})


def histories(luck: random.Random) -> list[Segment]:
    """Draw what is said of many accounts: subscriptions that change, move between accounts, and are corrected."""
    said = []
    for number in range(ACCOUNTS * 4):
        start = luck.randrange(0, 600)
        end = luck.choice([None, start, start + luck.randrange(1, 200)])
        at = f"acc_{luck.randrange(ACCOUNTS)}"
        fields = {"currency": luck.choice(["USD", "USD", "EUR"]), "as_of": day(number)}
        of = f"sub_{luck.randrange(ACCOUNTS * 2)}"
        said.append(segment(start, end, luck.randrange(0, 900), of, account_id=at, **fields))
        if luck.random() < 0.3:  # It is corrected later.
            said.append(said[-1]._replace(ends_at=day(start + 300), mrr_minor=7, as_of=day(number + 0.5)))
        if luck.random() < 0.2:  # A file says it otherwise.
            said.append(
                said[-1]._replace(starts_at=day(start + 2), ends_at=None, replaces=True, as_of=day(number + 0.6))
            )
    return said


def expected(said: Iterable[Segment]) -> list[Told]:
    """Follow each account by itself, with all that is known in the end."""
    latest: dict[Any, Segment] = {}
    for one in said:
        latest[one[:3]] = mrr.newest(latest.get(one[:3], one), one)
    return follow(latest.values())


def follow(segments: Iterable[Segment]) -> list[Told]:
    spans = defaultdict(list)
    for span in mrr.spans(segments):
        spans[span.account_id].append(span)
    return sorted(
        (at, one.at, one.currency, one.kind.value, one.amount_minor, one.before_minor, one.after_minor)
        for at, theirs in spans.items()
        for one in mrr.timeline(theirs, until=NOW).changes
    )


async def test_any_order_repetition_and_splitting_ends_in_the_same_movements_and_totals(database: Database) -> None:
    luck = random.Random(4711)
    said = histories(luck)
    await begin(database, *(f"acc_{number}" for number in range(ACCOUNTS)))
    deliveries = [*said, *luck.sample(said, len(said) // 3)]
    luck.shuffle(deliveries)
    parts = sorted(luck.sample(range(len(deliveries)), 12))
    for first, end in zip([0, *parts], [*parts, len(deliveries)], strict=True):
        await say(database, *deliveries[first:end])
    async with database.read() as session:
        found = await told(session)
        assert found == expected(said)
        assert found != follow({one[:3]: one for one in deliveries}.values()), "to take the last word would do as well"
        by_hand: Counter[tuple[str, str]] = Counter()
        for _, _, currency, kind, amount, _, _ in found:
            by_hand[currency, kind] += amount
        assert await totals(session) == by_hand
        restated = (await session.scalars(select(Restatement))).all()
        kept = {one.id: one.mrr_minor for one in await account.of_workspace(session, ACME)}
    assert len(found) > 2 * ACCOUNTS
    assert len(restated) > ACCOUNTS / 2, "hardly anything was corrected, so that the order hardly mattered"
    ends: dict[tuple[str, str], int | None] = {(one[0], one[2]): one[6] for one in found}
    alone = {at: end for (at, currency), end in ends.items() if (at, "EUR" if currency == "USD" else "USD") not in ends}
    assert {at: kept[at] for at in alone} == alone


def splits(said: list[Segment], luck: random.Random, size: int) -> list[list[Segment]]:
    """Shuffle what is said, say some of it twice, and cut it into batches of up to this size."""
    deliveries = [*said, *luck.sample(said, len(said) // 3)]
    luck.shuffle(deliveries)
    batches = []
    while deliveries:
        number = luck.randint(1, size)
        batches.append(deliveries[:number])
        deliveries = deliveries[number:]
    return batches


async def test_any_splitting_with_corrections_and_time_in_between_ends_in_the_same(database: Database) -> None:
    """Each split is of accounts and a source of its own, and some of what is said lies ahead when it is."""
    luck = random.Random(1147)
    accounts = {f"acc_{number}": number for number in range(4)}
    said = [
        one._replace(account_id=f"acc_{int(one.account_id[4:]) % 4}", external_id=f"sub_{int(one.external_id[4:]) % 9}")
        for one in histories(luck)[:45]
    ]
    sizes = [1, 3, 7, 20, 999]
    await begin(database, *(f"{at}_{size}" for at in accounts for size in sizes))
    for size in sizes:
        batches = splits(said, luck, size)
        times = sorted(day(luck.randrange(600)) for _ in batches)
        for batch, now in zip(batches, times, strict=True):
            renamed = (one._replace(source_id=f"src_{size}", account_id=f"{one.account_id}_{size}") for one in batch)
            await say(database, *renamed, now=now)
    async with database.write() as session:
        while ready := await subscription.due(session, ACME, now=NOW, limit=99):
            await subscription.recount(session, ACME, ready, now=NOW)
    async with database.read() as session:
        found = defaultdict(list)
        for account_id, *rest in await told(session):
            at, _, size = account_id.rpartition("_")
            found[int(size)].append((at, *rest))
        assert all(found[size] == expected(said) for size in sizes)
        by_hand = Counter[tuple[str, str]]()
        for _, _, currency, kind, amount, _, _ in expected(said):
            by_hand[currency, kind] += amount * len(sizes)
        assert await totals(session) == by_hand


async def test_a_correction_changes_what_follows_and_the_ledger_says_what_was(database: Database) -> None:
    await begin(database, "acc_1", "acc_2")
    await say(database, segment(0, None, 100), segment(9, None, 50, "b"), segment(3, None, 70, "c", account_id="acc_2"))
    async with database.read() as session:
        ids = {one.occurred_at: one.id for one, _ in await movement.of_workspace(session, ACME)}
    came = await say(database, segment(0, 5, 100, as_of=day(1)))
    assert [(one.occurred_at, one.kind) for one in came.news] == [(day(5), "churn")]
    async with database.read() as session:
        assert [one[1:5] for one in await told(session) if one[0] == "acc_1"] == [
            (day(0), "USD", "new_business", 100),
            (day(5), "USD", "churn", -100),
            (day(9), "USD", "reactivation", 50),
        ]
        [restated] = (await session.scalars(select(Restatement))).all()
        kept = {one.occurred_at: one.id for one, _ in await movement.of_workspace(session, ACME)}
    assert (restated.movement_id, restated.kind_before, restated.kind) == (ids[day(9)], "expansion", "reactivation")
    assert came.restated == [(restated.id, "acc_1", ids[day(9)])]
    assert {at: kept[at] for at in ids} == ids


async def test_a_movement_that_is_no_more_is_gone_from_the_sums_and_stays_in_the_ledger(database: Database) -> None:
    await begin(database, "acc_1")
    await say(database, segment(0, 5, 100))
    came = await say(database, segment(0, None, 100, as_of=day(1)))
    assert (came.news, len(came.restated)) == ([], 1)
    async with database.read() as session:
        assert [one[3] for one in await told(session)] == ["new_business"]
        assert await movement.totals(session, ACME, by=[movement.Grouping.TYPE]) == [
            {"type": "new_business", "currency": "USD", "count": 1, "amount": 100}
        ]
        [restated] = (await session.scalars(select(Restatement))).all()
        [moved] = await account.of_workspace(session, ACME)
    assert (restated.kind_before, restated.amount_before_minor, restated.kind) == ("churn", -100, None)
    assert (moved.status, moved.mrr_minor, moved.currency) == ("customer", 100, "USD")


async def test_saying_the_same_again_recounts_nobody(database: Database) -> None:
    await begin(database, "acc_1")
    once = segment(0, 5, 100)
    await say(database, once)
    async with database.write() as session:
        stored = await subscription.store(session, ACME, [once, once._replace(as_of=day(7))], now=NOW)
        assert (stored.known, stored.account_ids) == (1, set())
        assert (await session.scalars(select(Subscription.as_of))).all() == [day(7)]


async def test_what_lies_ahead_becomes_a_movement_when_its_time_comes(database: Database) -> None:
    await begin(database, "acc_1")
    assert [one.kind for one in (await say(database, segment(0, 30, 100), now=day(10))).news] == ["new_business"]
    async with database.write() as session:
        assert await subscription.due(session, ACME, now=day(29), limit=9) == []
        ready = await subscription.due(session, ACME, now=day(30), limit=9)
        assert await subscription.workspaces_due(session, now=day(30)) == [ACME]
        came = await subscription.recount(session, ACME, ready, now=day(30))
        assert [(one.kind, one.occurred_at) for one in came.news] == [("churn", day(30))]
        assert (await session.scalars(select(Recount))).all() == []


async def test_another_window_is_counted_with_once_everybody_is_recounted(database: Database) -> None:
    await begin(database, "acc_1")
    await say(database, segment(0, None, 100), segment(1 / 48, None, 50, "b"))
    async with database.write() as session:
        assert {one[3] for one in await told(session)} == {"new_business"}
        tenant = await session.get(Workspace, ACME)
        assert tenant is not None
        tenant.classification_minutes = 0
        await session.flush()
        await subscription.recount_all(session, ACME, now=NOW)
        await subscription.recount(session, ACME, await subscription.due(session, ACME, now=NOW, limit=9), now=NOW)
        assert [one[3] for one in await told(session)] == ["new_business", "expansion"]


async def test_what_a_source_told_later_as_a_movement_is_what_the_account_has(database: Database) -> None:
    await begin(database, "acme")
    await say(database, segment(0, None, 100, account_id="acme"))
    async with database.write() as session:
        later = seeds.movement(amount_minor=50, occurred_at=day(400))
        moved = await seeds.record(session, later, "m")
        assert moved is not None
        assert (moved.mrr_before_minor, moved.mrr_after_minor) == (100, 150)
    await say(database, segment(9, None, 30, "b", account_id="acme"))
    async with database.read() as session:
        kept = (await session.scalars(select(Account))).one()
    assert (kept.mrr_minor, kept.mrr_at, kept.unclear_in) == (150, day(400), None)

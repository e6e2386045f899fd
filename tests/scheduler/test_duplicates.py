"""Duplicates: whatever stood at two accounts and whatever comes later, they end as if they had always been one."""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import account, account_alias, audit, contact, duplicate, movement, rate, role, source, subscription
from models import origin as origin_of
from models.account import Account
from models.account_alias import AccountAlias
from models.database import Database
from models.duplicate import AccountGoneError, SameAccountError, Weight
from models.fact import Fact, RecordFact, SubscriptionFact
from models.movement import Movement
from models.record import Record
from models.source import AccountCreation, Source
from scheduler.apply import apply_waiting
from scheduler.recount import recount_all_due
from tests import seeds
from tests.seeds import ACME, GLOBEX, NOW

HISTORIES = 20


async def tell(database: Database, origin: Source, *facts: Fact, key: str = "") -> None:
    """Let a source tell facts one by one, and what follows from them."""
    events = [seeds.event_of(origin, fact, key=f"{key or random.random()}-{at}") for at, fact in enumerate(facts)]
    await seeds.receive(database, *events)
    while await apply_waiting(database, now=NOW):
        pass
    await recount_all_due(database, ACME, now=NOW)


async def merge(database: Database, former: str, kept: str) -> str:
    """Make the account with one external id a part of the other's."""
    async with database.write() as session:
        one, other = [await account.with_external_id(session, ACME, name) for name in (former, kept)]
        assert one is not None
        assert other is not None
        merged = await duplicate.merge(session, ACME, one.id, other.id, by="U0ADA", now=NOW)
    await recount_all_due(database, ACME, now=NOW)
    return merged.id


async def found(database: Database, name: str) -> Account:
    async with database.read() as session:
        one = await account.with_external_id(session, ACME, name)
    assert one is not None
    return one


async def told(session: AsyncSession, name: str) -> tuple[Any, ...]:
    """Say all that follows from an account's movements and subscriptions."""
    about = await account.with_external_id(session, ACME, name)
    assert about is not None
    rows = await session.scalars(select(Movement).where(Movement.account_id == about.id))
    moved = Counter((one.occurred_at, one.kind, one.amount_minor, one.currency) for one in rows)
    return moved, about.mrr_minor, about.currency, about.mrr_at, about.status, about.unclear_in


def life(luck: random.Random) -> Iterator[dict[str, Any]]:
    """Tell the movements of one account, each with the MRR that it had before and after."""
    mrr = luck.choice([0, 0, 5_000])
    for hour in range(luck.randrange(2, 8)):
        amount = luck.choice([one for one in (-mrr, 1_000, 2_500, -700) if one and mrr + one >= 0])
        kind = (
            "new_business" if not mrr else "churn" if amount == -mrr else "expansion" if amount > 0 else "contraction"
        )
        around = {"mrr_before_minor": mrr, "mrr_after_minor": mrr + amount}
        yield {"kind": kind, "amount_minor": amount, "occurred_at": NOW - timedelta(days=9, hours=-hour), **around}
        mrr += amount


def subscribed(of: str, subscription: str, said: dict[str, Any]) -> SubscriptionFact:
    return SubscriptionFact(account_external_id=of, external_id=subscription, **said)


def told_of(luck: random.Random, number: int) -> tuple[list[Fact], list[Fact]]:
    """Draw a history: as it is told of two accounts, in any order; and as it is told of one, in its own."""
    two: list[Fact] = []
    one: list[Fact] = []
    if number % 2:
        for moved in life(luck):
            one.append(seeds.movement(f"c{number}", **moved))
            two.append(seeds.movement(f"{luck.choice('ab')}{number}", **moved))
    else:
        for at in range(luck.randrange(1, 6)):
            start = NOW - timedelta(days=luck.randrange(300, 320))
            end = luck.choice([None, start + timedelta(days=luck.randrange(1, 9))])
            said = {"starts_at": start, "ends_at": end, "mrr_minor": luck.randrange(0, 900)}
            said |= {"currency": luck.choice(["USD", "USD", "EUR"]), "as_of": NOW - timedelta(days=200 - at)}
            subscription = luck.choice("xyz")
            one.append(subscribed(f"c{number}", f"{subscription}c{number}", said))
            two.append(subscribed(f"{luck.choice('ab')}{number}", f"{subscription}{number}", said))
    luck.shuffle(two)
    return one, two


async def differing(database: Database, *, keeps_alias: bool = True) -> list[int]:
    """Merge accounts amid their histories; say which end otherwise than those that always were one."""
    luck = random.Random(1904)
    await seeds.install(database)
    origin, _ = await seeds.add_source(database)
    histories = [told_of(luck, number) for number in range(HISTORIES)]
    await tell(database, origin, *(fact for one, _ in histories for fact in one))
    begun = [seeds.account(f"{name}{number}") for number in range(HISTORIES) for name in "ab"]
    cuts = [luck.randrange(len(two) + 1) for _, two in histories]
    before = [fact for (_, two), cut in zip(histories, cuts, strict=True) for fact in two[:cut]]
    await tell(database, origin, *begun, *before)
    for number in range(HISTORIES):
        await merge(database, f"b{number}", f"a{number}")
    if not keeps_alias:
        async with database.write() as session:
            for alias in await session.scalars(select(AccountAlias)):
                await session.delete(alias)
    after = [fact for (_, two), cut in zip(histories, cuts, strict=True) for fact in two[cut:]]
    await tell(database, origin, *after)
    async with database.read() as session:
        assert await sums_agree(session)
        return [n for n in range(HISTORIES) if await told(session, f"a{n}") != await told(session, f"c{n}")]


async def sums_agree(session: AsyncSession) -> bool:
    """Say whether the days by which long times are summed up have what the movements come to."""
    by_day = await movement.totals(session, ACME, by=[movement.Grouping.TYPE])
    rows = list(await session.scalars(select(Movement)))
    numbers = Counter((one.kind, one.currency) for one in rows)
    amounts = {key: sum(one.amount_minor for one in rows if (one.kind, one.currency) == key) for key in numbers}
    summed = {(one["type"], one["currency"]): (one["count"], one["amount"]) for one in by_day}
    return summed == {key: (numbers[key], amounts[key]) for key in numbers}


async def test_merged_amid_any_history_they_end_as_if_they_had_always_been_one(database: Database) -> None:
    assert await differing(database) == []


@pytest.mark.parametrize("engine_name", ["sqlite"])
async def test_without_the_alias_they_would_not(database: Database) -> None:
    assert await differing(database, keeps_alias=False) != []


async def test_each_part_s_source_goes_on_telling_of_its_own_part(database: Database) -> None:
    """A source that knows two customers tells the MRR of each; the one account has both."""
    await seeds.install(database)
    origin, _ = await seeds.add_source(database)
    new = {"kind": "new_business", "mrr_before_minor": 0}
    await tell(database, origin, seeds.movement("a", amount_minor=10_000, mrr_after_minor=10_000, **new))
    await tell(database, origin, seeds.movement("b", amount_minor=5_000, mrr_after_minor=5_000, **new))
    await merge(database, "b", "a")
    assert ((await found(database, "a")).mrr_minor, (await found(database, "a")).status) == (15_000, "customer")
    later = {"occurred_at": NOW + timedelta(hours=1), "mrr_before_minor": 5_000, "mrr_after_minor": 0}
    await tell(database, origin, seeds.movement("b", kind="churn", amount_minor=-5_000, **later))
    assert ((await found(database, "a")).mrr_minor, (await found(database, "a")).status) == (10_000, "customer")


async def test_several_currencies_are_one_once_there_is_a_rate(database: Database) -> None:
    await seeds.install(database)
    origin, _ = await seeds.add_source(database)
    for name, currency in (("a", "USD"), ("b", "EUR")):
        told = {"kind": "new_business", "mrr_before_minor": 0, "currency": currency}
        await tell(database, origin, seeds.movement(name, amount_minor=10_000, **told))
    await merge(database, "b", "a")
    assert ((await found(database, "a")).mrr_minor, (await found(database, "a")).currency) == (None, "USD")
    async with database.write() as session:
        await rate.store(session, ACME, [rate.Told(NOW.date(), "EUR", Decimal("1.2"))])
    later = {"occurred_at": NOW + timedelta(hours=1), "currency": "EUR"}
    await tell(database, origin, seeds.movement("b", amount_minor=5_000, **later))
    assert ((await found(database, "a")).mrr_minor, (await found(database, "a")).currency) == (28_000, "USD")


async def test_a_removed_source_takes_its_part_along(database: Database) -> None:
    await seeds.install(database)
    origins = [(await seeds.add_source(database, name=name))[0] for name in ("One", "Other")]
    for origin, name in zip(origins, "ab", strict=True):
        new = {"kind": "new_business", "mrr_before_minor": 0}
        await tell(database, origin, seeds.movement(name, amount_minor=10_000, **new), key=name)
    await merge(database, "b", "a")
    assert (await found(database, "a")).mrr_minor == 20_000
    async with database.write() as session:
        gone = await source.get(session, ACME, origins[0].id)
        while await origin_of.forget(session, gone, limit=10, now=NOW):
            pass
    assert (await found(database, "a")).mrr_minor == 10_000


async def test_two_beginnings_at_one_instant_become_one_and_the_ledger_says_so(database: Database) -> None:
    await seeds.install(database)
    origin, _ = await seeds.add_source(database)
    begins = {"starts_at": NOW - timedelta(days=30), "as_of": NOW, "currency": "USD"}
    for name, minor in (("a", 100), ("b", 50)):
        await tell(database, origin, subscribed(name, f"sub_{name}", {**begins, "mrr_minor": minor}))
    await merge(database, "b", "a")
    async with database.read() as session:
        [(only, _)] = await movement.of_workspace(session, ACME)
        restated = [
            (one.amount_before_minor, one.amount_minor) for one, _ in await subscription.restated(session, ACME)
        ]
    assert (only.kind, only.amount_minor, only.mrr_after_minor) == ("new_business", 150, 150)
    assert sorted(restated, key=str) in ([(100, 150), (50, None)], [(100, None), (50, 150)])


async def test_people_roles_signals_and_what_was_said_go_along(database: Database) -> None:
    await seeds.install(database)
    origin, _ = await seeds.add_source(database)
    old, new = {"occurred_at": NOW - timedelta(days=2)}, {"occurred_at": NOW - timedelta(days=1)}
    kept = seeds.account("a", name="Northwind", domain="northwind.example", attributes={"seats": 1, "plan": "Pro"})
    former = seeds.account("b", name="Northwind Inc", sales_stage="Customer", attributes={"seats": 2, "since": 2020})
    person = seeds.contact(email="s@northwind.example", account_external_id="b")
    before = [kept, seeds.role("a", role="csm"), seeds.role("a", email="old@acme.com")]
    after = [former, seeds.role("b", email="new@acme.com"), person, seeds.signal("b")]
    events = [seeds.event_of(origin, *before, key="1", **old), seeds.event_of(origin, *after, key="2", **new)]
    await seeds.receive(database, *events)
    await tell(database, origin)
    former_id, kept_id = (await found(database, "b")).id, await merge(database, "b", "a")
    one = await found(database, "a")
    assert (one.name, one.domain, one.sales_stage) == ("Northwind Inc", "northwind.example", "Customer")
    assert one.attributes == {"seats": 2, "plan": "Pro", "since": 2020}
    async with database.read() as session:
        assert {(held.role, held.email) for held in await role.of_account(session, kept_id)} == {
            ("csm", "dana@acme.com"),
            ("owner", "new@acme.com"),
        }
        assert await duplicate.weigh(session, ACME, kept_id) == Weight(contacts=1, roles=2, signals=1)
        assert await duplicate.weigh(session, GLOBEX, kept_id) == Weight()
        [entry] = [one for one in await audit.of_workspace(session, ACME) if one.action == "account.merged"]
        assert (entry.actor, entry.subject_id, entry.detail) == ("U0ADA", kept_id, {"former_id": former_id})
    later = seeds.contact(email="t@northwind.example", account_external_id="b")
    await tell(database, origin, later, seeds.role("b", email=None), seeds.account("b", attributes={"seats": 3}))
    async with database.read() as session:
        assert [one.email for one in await contact.of_account(session, kept_id)] == [person.email, later.email]
        assert [held.role for held in await role.of_account(session, kept_id)] == ["csm"]
        assert await account.count(session, ACME) == 1
        assert await account.ensure(session, ACME, {"b": "Northwind Inc"}, now=NOW) == {"b": kept_id}
    assert (await found(database, "a")).attributes["seats"] == 3


async def test_merging_twice_changes_nothing_and_what_is_gone_is_said_to_be(database: Database) -> None:
    await seeds.install(database)
    origin, _ = await seeds.add_source(database)
    await tell(database, origin, *(seeds.account(name) for name in "abc"))
    ids = {name: (await found(database, name)).id for name in "abc"}
    await merge(database, "b", "a")

    async def again(former: str, kept: str, here: str = ACME) -> Account:
        async with database.write() as session:
            return await duplicate.merge(session, here, ids[former], ids[kept], by="U0ADA", now=NOW)

    assert (await again("b", "a")).id == ids["a"]
    for former, kept in (("b", "c"), ("c", "b")):
        with pytest.raises(AccountGoneError):
            await again(former, kept)
    with pytest.raises(SameAccountError):
        await again("a", "a")
    with pytest.raises(AccountGoneError):
        await again("c", "a", GLOBEX)
    assert (await again("a", "c")).id == ids["c"]
    async with database.read() as session:
        assert await account_alias.of_account(session, ids["c"]) == ["a", "b"]
        assert await account_alias.now_in(session, ACME, ids["b"]) == ids["c"]
        merged = [one for one in await audit.of_workspace(session, ACME) if one.action == "account.merged"]
    assert len(merged) == 2


async def test_accounts_with_one_domain_or_one_name_look_alike(database: Database) -> None:
    await seeds.install(database)
    origin, _ = await seeds.add_source(database)
    await tell(
        database,
        origin,
        seeds.account("a", name="Northwind", domain="www.Northwind.example"),
        seeds.account("b", domain="northwind.example"),
        seeds.account("c", name="NORTHWIND"),
        seeds.account("d", name="Northwind Inc"),
        seeds.account("e"),
    )
    async with database.read() as session:
        alike = await duplicate.alike(session, await found(database, "a"))
        assert {one.external_id for one in alike} == {"b", "c"}
        assert await duplicate.alike(session, await found(database, "e")) == []


async def test_companies_of_a_crm_go_along_and_come_by_either_id(database: Database) -> None:
    await seeds.install(database)
    origin, _ = await seeds.add_source(database)
    crm, _ = await seeds.add_source(database, name="CRM")

    def company(external_id: str, of: str) -> RecordFact:
        holders = {"owner": "dana@acme.com"}
        return RecordFact(external_id=external_id, account_external_id=of, sales_stage="Won", roles=holders)

    await tell(database, origin, seeds.account("a"), seeds.account("b"))
    await tell(database, crm, company("001", "b"))
    kept_id = await merge(database, "b", "a")
    await tell(database, crm, company("002", "b"))
    async with database.read() as session:
        assert [one.account_id for one in await session.scalars(select(Record))] == [kept_id] * 2
        assert [one.email for one in await role.of_account(session, kept_id)] == ["dana@acme.com"]
    assert (await found(database, "a")).sales_stage == "Won"


async def test_a_lead_s_name_is_its_contact_s_and_stays_behind(database: Database) -> None:
    await seeds.install(database)
    origin, _ = await seeds.add_source(database, account_creation=AccountCreation.CONTACT)
    await tell(database, origin, seeds.contact(user_id="u1", name="Sofia"))
    async with database.write() as session:
        await account.ensure(session, ACME, {"a": "Contoso", "c": None}, now=NOW)
    await merge(database, "u1", "c")
    assert (await found(database, "c")).name is None
    await merge(database, "c", "a")
    await tell(database, origin, seeds.contact(user_id="u1", name="Sofia Marín", title="VP"))
    assert (await found(database, "a")).name == "Contoso"
    async with database.read() as session:
        assert [one.title for one in await contact.of_account(session, (await found(database, "a")).id)] == ["VP"]
        assert await account.count(session, ACME) == 1

"""Accounts, movements, events and deliveries, for people and as JSON."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from models import delivery, destination, event, lane, source
from models.base import new_id
from models.database import Database
from models.delivery import DeliveryState, Outcome, SkipReason
from models.event import NewEvent, Refusal
from models.fact import AccountFact, Fact, MovementFact, MovementKind, dump_facts
from models.recipient import RecipientKind
from models.secret import Keyring
from models.source import SourceKind
from models.wish import Wish
from scheduler.apply import apply_waiting
from tests import seeds

on_one_engine = pytest.mark.parametrize("engine_name", ["sqlite"])
"""For what does not depend on the database."""


@pytest.fixture
def receive(database: Database, keyring: Keyring, now: datetime) -> Any:
    """Give what lets facts come in from a source, and be applied."""

    async def received(workspace_id: str, *facts: Fact, refusal: Refusal | None = None, raw: Any = None) -> None:
        async with database.write() as session:
            found = await source.find_by_name(session, workspace_id, "Billing")
            if found is None:
                found, _ = await source.add(
                    session, workspace_id, kind=SourceKind.API, name="Billing", keyring=keyring, by="U0ADA", now=now
                )
            new = NewEvent(
                workspace_id=workspace_id,
                source_id=found.id,
                kind=facts[0].type if facts else "movement",
                dedupe_key=new_id("key", now),
                occurred_at=now,
                received_at=now,
                facts=dump_facts(facts),
                refusal=refusal,
                raw=raw,
            )
            await event.store(session, [new, new] if facts else [new])
        await apply_waiting(database, now=now)

    return received


@pytest.fixture
def hear(database: Database, now: datetime) -> Any:
    """Give what makes a destination that hears of every movement."""

    async def heard(workspace_id: str) -> None:
        async with database.write() as session:
            wish = Wish(name="Every movement", recipients=((RecipientKind.CHANNEL, "C0REVENUE"),))
            await destination.create(session, workspace_id, wish, by="U0ADA", now=now)

    return heard


def movement(kind: MovementKind, amount: int, currency: str, at: datetime, account: str = "acct_1") -> MovementFact:
    return MovementFact(
        account_external_id=account,
        account_name="Northwind Traders",
        kind=kind,
        amount_minor=amount,
        currency=currency,
        occurred_at=at,
    )


async def test_accounts_are_listed_with_their_money(run: Any, receive: Any, acme: str, now: datetime) -> None:
    await receive(acme, AccountFact(external_id="acct_2", name="Contoso", attributes={"seats": 16}))
    await receive(acme, movement(MovementKind.NEW_BUSINESS, 162_050, "USD", now))
    first, second = (await run("accounts", "list", "--json")).document
    assert (first["external_id"], first["status"], first["mrr_minor"]) == ("acct_1", "customer", 162_050)
    assert (second["name"], second["status"], second["attributes"]) == ("Contoso", "lead", {"seats": 16})
    words = (await run("accounts", "list")).words.splitlines()
    assert words[0].split() == ["Account", "External", "id", "Status", "MRR", "Updated", "(UTC)"]
    assert "$1,620.50" in words[1]
    assert len({len(line.rstrip()) for line in words[1:]}) == 1, "the columns are not aligned"


async def test_accounts_are_filtered_and_the_rest_is_said(run: Any, receive: Any, acme: str, now: datetime) -> None:
    await receive(acme, AccountFact(external_id="acct_1"), AccountFact(external_id="acct_2"))
    await receive(acme, movement(MovementKind.CHURN, -100, "USD", now, account="acct_3"))
    assert [
        one["external_id"] for one in (await run("accounts", "list", "--status", "churned", "--json")).document
    ] == ["acct_3"]
    assert len((await run("accounts", "list", "--limit", "1", "--json")).document) == 1
    assert "1 of 3 accounts. --limit 3 lists them all." in (await run("accounts", "list", "--limit", "1")).words
    assert (await run("accounts", "list", "--status", "customer")).words == "No account has the status customer.\n"


@on_one_engine
async def test_a_name_from_outside_moves_no_cursor(run: Any, receive: Any, acme: str) -> None:
    await receive(acme, AccountFact(external_id="a", name="\x1b[2JEvil\r\u202eInc\u2028", status=None))
    words = (await run("accounts", "list")).words
    assert " [2JEvil Inc" in words
    assert not {"\x1b", "\r", "\u202e", "\u2028"} & set(words)


async def test_movements_are_listed_newest_first(run: Any, receive: Any, acme: str, now: datetime) -> None:
    await receive(acme, movement(MovementKind.NEW_BUSINESS, 120_000, "USD", now - timedelta(days=1)))
    await receive(acme, movement(MovementKind.EXPANSION, 42_000, "USD", now))
    newest, oldest = (await run("movements", "--json")).document
    assert (newest["type"], newest["amount"], newest["currency"]) == ("expansion", 42_000, "USD")
    assert (newest["mrr_before"], newest["mrr_after"]) == (120_000, 162_000)
    assert newest["account"]["name"] == "Northwind Traders"
    assert (oldest["occurred_at"], oldest["is_history"]) == ("2026-11-15T09:00:00+00:00", False)
    assert len((await run("movements", "--limit", "1", "--json")).document) == 1
    assert (await run("movements")).words.splitlines() == [
        "When (UTC)        Account            Type             Amount     MRR",
        "2026-11-16 09:00  Northwind Traders  ▲ Expansion       +$420  $1,620",
        "2026-11-15 09:00  Northwind Traders  ● New business  +$1,200  $1,200",
    ]


async def test_movements_are_summed_by_month_type_and_currency(
    run: Any, receive: Any, acme: str, now: datetime
) -> None:
    for amount, currency, days in ((100, "USD", 0), (200, "USD", 0), (300, "EUR", 0), (400, "USD", 31)):
        await receive(acme, movement(MovementKind.EXPANSION, amount, currency, now - timedelta(days=days)))
    await receive(acme, movement(MovementKind.CHURN, -500, "USD", now))
    rows = (await run("movements", "--group-by", "month,type", "--json")).document
    assert rows == [
        {"month": "2026-10", "type": "expansion", "currency": "USD", "count": 1, "amount": 400},
        {"month": "2026-11", "type": "churn", "currency": "USD", "count": 1, "amount": -500},
        {"month": "2026-11", "type": "expansion", "currency": "EUR", "count": 1, "amount": 300},
        {"month": "2026-11", "type": "expansion", "currency": "USD", "count": 2, "amount": 300},
    ]
    assert list(rows[0]) == ["month", "type", "currency", "count", "amount"]
    assert (await run("movements", "--group-by", "type", "--json")).document == [
        {"type": "churn", "currency": "USD", "count": 1, "amount": -500},
        {"type": "expansion", "currency": "EUR", "count": 1, "amount": 300},
        {"type": "expansion", "currency": "USD", "count": 3, "amount": 700},
    ]
    words = (await run("movements", "--group-by", "month")).words
    assert words.splitlines() == [
        "Month    Movements  Amount",
        "2026-10          1     +$4",
        "2026-11          1     +€3",
        "2026-11          3     −$2",
    ]


async def test_events_are_counted_and_refusals_say_why(run: Any, receive: Any, acme: str, now: datetime) -> None:
    await receive(acme, AccountFact(external_id="acct_1"))
    refusal = Refusal("attributes.xoxb-planted-1", "It is not a currency code; rrk_planted is none.", record="3")
    await receive(acme, refusal=refusal, raw={"token": "planted-raw"})
    found = (await run("events", "list", "--json")).document
    assert found["counts"] == {"received": 3, "waiting": 0, "applied": 1, "refused": 1, "duplicate": 1}
    refused, applied = found["events"]
    assert (applied["state"], applied["kind"], applied["source"], applied["duplicates"]) == (
        "applied", "account", "Billing", 1,
    )  # fmt: skip
    assert (refused["record"], refused["field"]) == ("3", "attributes.[hidden]")
    assert refused["reason"] == "It is not a currency code; [hidden] is none."
    result = await run("events", "list", "--state", "refused")
    assert "3 events received: 1 applied, 1 duplicate, 1 refused, 0 waiting." in result.words
    assert "attributes.[hidden]: It is not a currency code; [hidden] is none." in result.words
    assert "planted" not in result.words
    assert "None is waiting." in (await run("events", "list", "--state", "waiting")).words


async def test_deliveries_are_counted_shown_and_retried(
    run: Any, receive: Any, hear: Any, database: Database, acme: str, now: datetime
) -> None:
    await hear(acme)
    await receive(acme, movement(MovementKind.EXPANSION, 42_000, "USD", now))
    listed = (await run("deliveries", "list", "--json")).document
    assert {name: number for name, number in listed["counts"].items() if number} == {"owed": 1, "open": 1, "pending": 1}
    [owed] = listed["deliveries"]
    assert owed["recipient"] == {"kind": "channel", "target": "C0REVENUE"}
    await fail(database, owed["id"], now=now)

    shown = (await run("deliveries", "show", owed["id"], "--json")).document
    assert (shown["state"], shown["reason"], shown["fix"]) == ("failed", "the channel is archived", "Unarchive it.")
    [attempt] = shown["attempt_log"]
    assert (attempt["number"], attempt["answer"]) == (1, "is_archived")
    words = (await run("deliveries", "show", owed["id"])).words
    for said in (
        "the channel is archived",
        "Unarchive it.",
        "the destination “Every movement”, made by",
        "Northwind Traders: expansion +$420 MRR (movement mov_",
        "Billing",
        "0.000 s",
        "is_archived",
    ):
        assert said in words, said
    assert (shown["tells"], shown["asker"]["name"]) == ("Northwind Traders: expansion +$420 MRR", "Every movement")
    assert (attempt["seconds"], shown["coalesced_into"], shown["merged"]) == (0.0, None, 0)
    assert "1 delivery owed: 1 failed." in (await run("deliveries", "list", "--state", "failed")).words

    assert (await run("deliveries", "retry", owed["id"], "--json")).document["state"] == "pending"
    again = await run("deliveries", "retry", owed["id"])
    assert (again.exit_code, again.stdout) == (1, "")
    assert again.stderr == "Only a delivery that failed, or waits to be tried again, can be retried; it is pending.\n"


async def test_deliveries_are_listed_by_the_words_of_their_reason(
    run: Any, receive: Any, hear: Any, database: Database, acme: str, now: datetime
) -> None:
    await hear(acme)
    await receive(acme, movement(MovementKind.EXPANSION, 42_000, "USD", now))
    [owed] = (await run("deliveries", "list", "--json")).document["deliveries"]
    await fail(database, owed["id"], now=now)
    for words, number in (("Archived", 1), ("100%", 0), ("_", 0)):
        assert len((await run("deliveries", "list", "--json", "--reason", words)).document["deliveries"]) == number
    assert "None of them is as you asked." in (await run("deliveries", "list", "--reason", "muted")).words


async def test_a_delivery_that_was_merged_or_skipped_says_into_what_and_why(
    run: Any, receive: Any, hear: Any, database: Database, acme: str, now: datetime
) -> None:
    await hear(acme)
    for amount in (42_000, 43_000):
        await receive(acme, movement(MovementKind.EXPANSION, amount, "USD", now))
    listed = (await run("deliveries", "list", "--json")).document
    into, merged = (one["id"] for one in listed["deliveries"])
    async with database.write() as session:
        one = await delivery.get(session, acme, merged)
        one.state, one.coalesced_into, one.settled_at = DeliveryState.COALESCED, into, now
        other = await delivery.get(session, acme, into)
        other.state, other.reason, other.settled_at = DeliveryState.SKIPPED, SkipReason.STALE, now
    counts = (await run("deliveries", "list", "--json")).document["counts"]
    assert {name: number for name, number in counts.items() if number} == {"owed": 2, "skipped": 2}
    assert into in (await run("deliveries", "show", merged)).words
    words = (await run("deliveries", "show", into)).words
    assert "stale: too old to be news" in words
    assert "1 other delivery" in words
    assert (await run("deliveries", "show", merged, "--json")).document["coalesced_into"] == into


async def fail(database: Database, delivery_id: str, *, now: datetime) -> None:
    async with database.write() as session:
        owed = await delivery.get(session, "T0ACME", delivery_id)
        await delivery.start(session, [delivery_id], now=now)
        outcome = Outcome(
            state=DeliveryState.FAILED,
            answer="is_archived",
            due_at=now,
            reason="the channel is archived",
            fix="Unarchive it.",
        )
        await delivery.settle(session, [seeds.tried(owed, outcome, at=now)], now=now)


async def test_a_retry_hurries_the_lane(
    run: Any, receive: Any, hear: Any, database: Database, acme: str, now: datetime
) -> None:
    await hear(acme)
    await receive(acme, movement(MovementKind.EXPANSION, 42_000, "USD", now))
    [owed] = (await run("deliveries", "list", "--json")).document["deliveries"]
    await fail(database, owed["id"], now=now)
    async with database.write() as session:
        lane_id = (await delivery.get(session, acme, owed["id"])).lane_id
        given = lane.Release(lane_id=lane_id, token=0, next_send_at=now + timedelta(days=365))
        await lane.release(session, [given])
    await run("deliveries", "retry", owed["id"])
    async with database.read() as session:
        due = await lane.next_time(session, now=now)
    assert due is not None
    assert due < now + timedelta(days=300)


async def test_another_workspaces_rows_are_as_if_they_did_not_exist(
    run: Any, receive: Any, hear: Any, install: Any, acme: str, now: datetime
) -> None:
    await install("T0GLOBEX", "Globex")
    await hear("T0GLOBEX")
    await receive("T0GLOBEX", movement(MovementKind.EXPANSION, 42_000, "USD", now))
    theirs = (await run("deliveries", "list", "--json", "--workspace", "T0GLOBEX")).document["deliveries"][0]["id"]
    for args in (("accounts", "list"), ("movements",), ("movements", "--group-by", "month")):
        assert (await run(*args, "--json", "--workspace", acme)).document == []
    assert (await run("events", "list", "--json", "--workspace", acme)).document["counts"]["received"] == 0
    for what in ("show", "retry"):
        result = await run("deliveries", what, theirs, "--workspace", acme)
        assert result.stderr == "There is no such delivery; runrate deliveries list shows which there are.\n"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("accounts", "list"), "runrate import --kind accounts"),
        (("movements",), "runrate import --kind movements"),
        (("movements", "--group-by", "month"), "runrate import --kind movements"),
        (("events", "list"), "runrate sources list"),
        (("deliveries", "list"), "/mrr new"),
    ],
)
@on_one_engine
async def test_an_empty_list_says_what_to_do(run: Any, acme: str, args: tuple[str, ...], words: str) -> None:
    assert words in (await run(*args)).words


async def test_an_account_is_shown_and_a_duplicate_becomes_part_of_it(
    run: Any, receive: Any, acme: str, now: datetime
) -> None:
    await receive(acme, movement(MovementKind.NEW_BUSINESS, 10_000, "USD", now))
    await receive(acme, AccountFact(external_id="acct_2", name="Northwind Inc", attributes={"seats": 16}))
    shown = (await run("accounts", "show", "northwind traders", "--json")).document
    assert (shown["external_id"], shown["mrr_minor"], shown["aliases"]) == ("acct_1", 10_000, [])
    assert [one["amount"] for one in shown["movements"]] == [10_000]
    assert "● New business" in (await run("accounts", "show", "acct_1")).words
    assert "Name one by its external id" in (await run("accounts", "show", "northwind")).stderr
    assert (await run("accounts", "merge", "acct_2", "acct_1", "--json")).document["attributes"] == {"seats": 16}
    assert (await run("accounts", "show", "acct_2", "--json")).document["aliases"] == ["acct_2"]
    again = await run("accounts", "merge", "acct_2", "acct_1")
    assert (again.exit_code, "These are one account already" in again.stderr) == (1, True)
    assert (await run("accounts", "merge", "acct_9", "acct_1")).exit_code == 1

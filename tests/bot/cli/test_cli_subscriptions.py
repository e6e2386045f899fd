"""Subscriptions and rates from files, and the sums of the movements that follow from them."""

import json
import random
from collections import Counter, defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from models import account, delivery, event, movement
from models.database import Database
from models.delivery import FactKind

HEADER = "subscription_id,account_id,start_date,end_date,mrr,currency"
STORY = f"""{HEADER}
gold_yearly,syncalytics,2024-01-01,2025-01-01,166.6666666667,USD
silver,syncalytics,2024-01-06,2024-01-20,60.00,USD
gold,syncalytics,2025-06-01,,150,USD
"""
"""ChartMogul's documented story; 4 x Gold yearly is 2000.00 a year."""
BY_MONTH = ("movements", "--group-by", "month,type", "--json")

on_one_engine = pytest.mark.parametrize("engine_name", ["sqlite"])
"""For what does not depend on the database."""


@pytest.fixture
def bring(run: Any, folder: Path) -> Any:
    """Give what writes a file and imports it."""

    async def brought(content: str, *args: str, kind: str = "subscriptions") -> Any:
        (folder / "rows.csv").write_text(content)
        return await run("import", "--kind", kind, "rows.csv", *args)

    return brought


def row(month: str, kind: str, amount: int, currency: str = "USD", count: int = 1) -> dict[str, Any]:
    return {"month": month, "type": kind, "currency": currency, "count": count, "amount": amount}


TOLD = [
    row("2024-01", "contraction", -6000),
    row("2024-01", "expansion", 6000),
    row("2024-01", "new_business", 16667),
    row("2025-01", "churn", -16667),
    row("2025-06", "reactivation", 15000),
]


async def test_chartmoguls_documented_story_comes_out_and_owes_nothing(
    bring: Any, run: Any, database: Database, acme: str
) -> None:
    brought = (await bring(STORY, "--json")).document
    assert brought == {"read": 3, "stored": 3, "duplicates": 0, "refused": 0, "refused_file": None}
    assert (await run(*BY_MONTH)).document == TOLD
    again = (await bring(STORY, "--json")).document
    assert (again["stored"], again["duplicates"]) == (0, 3)
    assert (await run(*BY_MONTH)).document == TOLD
    async with database.read() as session:
        [found] = await account.of_workspace(session, acme)
        assert {one.fact_kind for one in await delivery.of_workspace(session, acme)} == {FactKind.HISTORY}
        assert (await event.count_by_state(session, acme))["received"] == 0
    assert (found.external_id, found.status, found.mrr_minor, found.currency) == (
        "syncalytics", "customer", 15000, "USD",
    )  # fmt: skip


async def test_a_corrected_file_is_counted_as_if_it_had_been_the_first(bring: Any, run: Any, acme: str) -> None:
    await bring(STORY)
    corrected = STORY.replace("silver,syncalytics,2024-01-06,2024-01-20,60.00", "silver,syncalytics,2024-02-06,,70")
    await bring(corrected.replace("2024-02-06", "2024-01-10"))
    assert (await run(*BY_MONTH)).document == [
        row("2024-01", "expansion", 7000),
        row("2024-01", "new_business", 16667),
        row("2025-01", "contraction", -16667),
        row("2025-06", "expansion", 15000),
    ]
    await bring(STORY)
    assert (await run(*BY_MONTH)).document == TOLD


async def test_every_month_agrees_with_who_adds_up_the_file_day_by_day(bring: Any, run: Any, acme: str) -> None:
    luck = random.Random(11)
    rows = [_random_row(luck, number) for number in range(250)]
    shuffled = luck.sample(rows, len(rows))
    for part in (shuffled[:90], shuffled[60:200], shuffled[150:]):
        await bring("\n".join([HEADER, *(",".join(map(str, one)) for one in part)]))
    assert (await run(*BY_MONTH)).document == _day_by_day(rows)


def _random_row(luck: random.Random, number: int) -> tuple[Any, ...]:
    start = date(2024, 1, 1) + timedelta(luck.randrange(300))
    end = luck.choice(["", start + timedelta(luck.randrange(1, 200))])
    mrr = f"{luck.randrange(1, 40_000) / 100:.2f}"
    return f"sub_{number}", f"acct_{luck.randrange(40)}", start, end, mrr, "USD"


def _day_by_day(rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Compare each account's MRR of each day with that of the day before."""
    sums: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    before: Counter[str] = Counter()
    paid = set()
    for number in range(600):
        day = date(2024, 1, 1) + timedelta(number)
        now: Counter[str] = Counter()
        for _, of, start, end, mrr, _ in rows:
            if start <= day and (not end or day < end):
                now[of] += round(float(mrr) * 100)
        for of in now.keys() | before.keys():
            amount = now[of] - before[of]
            if not amount:
                continue
            kind = "expansion" if amount > 0 else "contraction"
            if not before[of]:
                kind = "reactivation" if of in paid else "new_business"
            elif not now[of]:
                kind = "churn"
            sums[f"{day:%Y-%m}", kind][0] += 1
            sums[f"{day:%Y-%m}", kind][1] += amount
            paid.add(of)
        before = now
    return [row(*key, amount, count=count) for key, (count, amount) in sorted(sums.items())]


async def test_what_an_import_says_of_the_future_is_no_movement_yet(bring: Any, run: Any, acme: str) -> None:
    await bring(f"{HEADER}\ns,a,2024-05-01,2098-05-01,10,JPY\n")
    assert (await run(*BY_MONTH)).document == [row("2024-05", "new_business", 10, "JPY")]


BAD = {
    "s,a,2024-01-01,,ten,USD": ("mrr", "It must be a number that is not below 0, such as 420.00."),
    "s,a,2024-01-01,,-1,USD": ("mrr", "It must be a number that is not below 0, such as 420.00."),
    "s,a,2024-01-01,,,USD": ("mrr", "It is missing; send it."),
    "s,a,2024-01-01,,1,USDD": ("currency", "It is not a currency code of ISO 4217, such as USD."),
    "s,a,2024-13-01,,1,USD": ("start_date", "It is not a time; send ISO 8601, such as 2026-11-20T14:02:00Z."),
    "s,a,2024-01-02,2024-01-01,1,USD": ("end_date", "It ends before it starts."),
    ",a,2024-01-01,,1,USD": ("subscription_id", "It is missing; send it."),
    "s,,2024-01-01,,1,USD": ("account_id", "It is missing; send it."),
    "s,a,2024-01-01,,1,USD,x": ("row", "It has 7 cells, and the header has 6."),
}


@on_one_engine
async def test_bad_rows_are_refused_by_the_files_own_names_and_the_good_are_kept(
    bring: Any, run: Any, folder: Path, acme: str
) -> None:
    good = "s,a,2024-01-01,,1,USD"
    found = (await bring("\n".join([HEADER, *BAD, good]), "--json")).document
    assert (found["read"], found["stored"], found["refused"]) == (len(BAD) + 1, 1, len(BAD))
    refused = map(json.loads, (folder / "rows.csv.refused.jsonl").read_text().splitlines())
    reasons = [(one["field"], one["reason"]) for one in refused]
    assert reasons == list(BAD.values())
    assert (await run(*BY_MONTH)).document == [row("2024-01", "new_business", 100)]


@on_one_engine
async def test_a_files_own_names_are_mapped_and_unknown_ones_refused(bring: Any, run: Any, acme: str) -> None:
    theirs = STORY.replace("account_id", "Customer").replace("mrr", "Amount")
    refused = await bring(theirs)
    assert (refused.exit_code, "no column “Customer”" in refused.stderr) == (1, True)
    assert (await bring(theirs, "--map", "Customer=account_id", "--map", "Amount=mrr")).exit_code == 0
    assert (await run(*BY_MONTH)).document == TOLD
    assert "no column “Nobody”" in (await bring(STORY, "--map", "Nobody=mrr")).stderr
    assert (await bring(STORY, "--map", "mrr")).exit_code == 2


@on_one_engine
@pytest.mark.parametrize("kind", ["subscriptions", "movements"])
async def test_a_dry_run_only_says_what_would_be(
    bring: Any, run: Any, database: Database, acme: str, kind: str
) -> None:
    rows = {
        "subscriptions": STORY + "s,a,2024-01-01,,ten,USD\n",
        "movements": "account_external_id,kind,amount_minor,currency,occurred_at\n"
        "a,churn,-1,USD,2024-01-01\na,churn,1,USD,2024-01-01\n",
    }
    result = await bring(rows[kind], "--dry-run", kind=kind)
    assert "can be taken, 1 refused. Nothing was stored." in result.words
    async with database.read() as session:
        assert await account.of_workspace(session, acme) == []
        assert await movement.count(session, acme) == 0


async def test_json_lines_and_the_names_of_the_api_are_taken_too(bring: Any, run: Any, acme: str) -> None:
    ours = {"external_id": "s", "account_external_id": "a", "mrr_minor": 100, "starts_at": "2024-01-01T10:00:00Z"}
    theirs = {"subscription_id": "t", "account_id": "a", "mrr": 2.5, "start_date": "2024-01-01T10:30:00Z"}
    await bring("\n".join(json.dumps({**one, "currency": "usd"}) for one in (ours, theirs)))
    assert (await run(*BY_MONTH)).document == [row("2024-01", "new_business", 350, count=2)]
    assert (await run("rules", "--window", "0", "--json")).document == {"base_currency": "USD", "window_minutes": 0}
    assert (await run(*BY_MONTH)).document == [row("2024-01", "expansion", 250), row("2024-01", "new_business", 100)]


async def test_totals_in_the_base_currency_have_a_line_for_what_rates_do(bring: Any, run: Any, acme: str) -> None:
    await bring(f"{HEADER}\neuro,a,2024-01-10,,100.00,EUR\ndollar,b,2024-01-10,2024-03-10,50.00,USD\n")
    missing = await run(*BY_MONTH, "--in-base")
    assert (missing.exit_code, "no rate by 2024-01" in missing.stderr) == (1, True)
    rates = "date,currency,rate\n2024-01-01,EUR,1.10\n2024-02-01,EUR,1.20\n2024-03-01,EUR,1.15\n"
    brought = (await bring(rates + "2024-03-02,EUR,no\n", "--json", kind="rates")).document
    assert (brought["stored"], brought["refused"]) == (3, 1)
    assert (await bring(rates, "--json", kind="rates")).document["duplicates"] == 3
    assert (await run(*BY_MONTH, "--in-base")).document == [
        row("2024-01", "fx_other", 1000, count=0),
        row("2024-01", "new_business", 16000, count=2),
        row("2024-02", "fx_other", -500, count=0),
        row("2024-03", "churn", -5000),
    ]
    assert "FX/other" in (await run("movements", "--group-by", "month,type", "--in-base")).words
    assert (await run("movements", "--group-by", "month", "--in-base")).exit_code == 2


async def test_corrections_are_listed_with_what_was_and_what_is(bring: Any, run: Any, acme: str) -> None:
    assert (await run("movements", "--corrections")).words == "No movement was corrected.\n"
    await bring(f"{HEADER}\ns,a,2024-01-10,2024-03-10,100.00,EUR\n")
    await bring(f"{HEADER}\ns,a,2024-01-10,,120.00,EUR\n")
    found = (await run("movements", "--corrections", "--json")).document
    assert [(one["type_before"], one["amount_before"], one["type"], one["amount"]) for one in found] == [
        ("churn", -10000, None, None),
        ("new_business", 10000, "new_business", 12000),
    ]
    assert "✕ Churn −€100" in (await run("movements", "--corrections")).words

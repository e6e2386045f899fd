"""Rows about movements that are derived from subscriptions."""

import asyncio
import csv
import random
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median

from sqlalchemy.ext.asyncio import AsyncSession

from bot.bench import child, seeding
from bot.bench.harness import Bench
from bot.bench.row import Measured, Pairs, Row
from models import account, subscription
from models.database import Database
from models.mrr import Segment

FEW, MANY = 50_000, 1_000_000
OF_AN_ACCOUNT = 3
IMPORT_GOAL, MEMORY_GOAL = 3.0, 1.2
TABLES = ("accounts", "subscriptions", "movements", "movement_days")
COLUMNS = ("subscription_id", "account_id", "start_date", "end_date", "mrr", "currency")

ACCOUNTS, ALL_ACCOUNTS, FEW_ACCOUNTS = 20_000, 1_000_000, 1_000
MONTHS = 120
UNTIMED, CORRECTIONS = 10, 100
RECOMPUTE_GOAL = 1.2
FIRST = datetime(2016, 1, 1, tzinfo=UTC)
AT_ONCE = 5_000


async def import_1m(bench: Bench) -> Row:
    """Seconds to import a million subscriptions, beside a bare executemany of the resulting rows."""
    number = MANY if bench.is_full else FEW
    peaks, seconds = [], 0.0
    for rows in (number // 10, number):
        bench.say(f"import_1m: importing {rows:,} subscriptions")
        file = await asyncio.to_thread(_write, bench.folder / f"{rows}.csv", rows)
        url = await _installed(bench)
        async with child.started("bot.bench.importing", bench.folder, database_url=url, file=str(file)) as importing:
            told = await importing.ask()
        peaks.append(told["peak"])
        seconds = told["seconds"]
    bench.say("import_1m: writing the same rows bare")
    bare = await asyncio.to_thread(_bare, _path(url), _path(await bench.sqlite()))
    pairs = Pairs([Measured(value=seconds)], [Measured(value=bare)])
    row, growth = pairs.row("import_1m", "s", at_most=IMPORT_GOAL), peaks[1] / peaks[0]
    return replace(
        row,
        goal=f"{row.goal}, and memory ≤ {MEMORY_GOAL} × that of a tenth",
        met=row.met and growth <= MEMORY_GOAL and bench.is_full,
        note=f"{number:,} rows; {peaks[1]:,.0f} MiB at most, {growth:.2f} × that of a tenth"
        + ("" if bench.is_full else f"; --full measures {MANY:,}, without which the goal isn't held to be met"),
    )


def _write(path: Path, number: int) -> Path:
    luck = random.Random(number)  # noqa: S311 - it makes up a file
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(_row(luck, one, number // OF_AN_ACCOUNT) for one in range(number))
    return path


def _row(luck: random.Random, number: int, accounts: int) -> tuple[object, ...]:
    start = date(2016, 1, 1) + timedelta(luck.randrange(3600))
    end = luck.choice(["", start + timedelta(luck.randrange(1, 800))])
    mrr = f"{luck.randrange(1, 90_000) / 100:.2f}"
    return f"sub_{number:07}", f"acct_{luck.randrange(accounts):06}", start, end, mrr, "USD"


async def _installed(bench: Bench) -> str:
    url = await bench.sqlite()
    database = Database(url)
    try:
        await seeding.tenants(database, 1, channels=0)
    finally:
        await database.close()
    return url


def _path(url: str) -> str:
    return url.partition("///")[2]


def _bare(source: str, target: str) -> float:
    """Write all rows of a database into another one in a transaction; say how long the writing took."""
    took = 0.0
    with sqlite3.connect(source) as there, sqlite3.connect(target) as here:
        here.execute("PRAGMA journal_mode = WAL")
        here.execute("PRAGMA synchronous = FULL")
        for table in TABLES:
            found = there.execute(f"SELECT * FROM {table} ORDER BY rowid")  # noqa: S608 - the names stand above
            statement = f"INSERT INTO {table} VALUES ({', '.join('?' * len(found.description))})"  # noqa: S608 - as above
            while rows := found.fetchmany(AT_ONCE):
                began = time.monotonic()
                here.executemany(statement, rows)
                took += time.monotonic() - began
        began = time.monotonic()
        here.commit()
        took += time.monotonic() - began
    there.close()
    here.close()
    return took


async def recompute(bench: Bench) -> Row:
    """Seconds for a backdated change in an account with ten years of history among many accounts, and among few."""
    number = ALL_ACCOUNTS if bench.is_full else ACCOUNTS
    many, few = await _history(bench, number), await _history(bench, FEW_ACCOUNTS)
    pairs = await bench.paired("recompute", lambda: _corrected(many), lambda: _corrected(few))
    row = pairs.row("recompute", "s", at_most=RECOMPUTE_GOAL)
    return replace(
        row,
        met=row.met and bench.is_full,
        note=f"{number:,} accounts beside {FEW_ACCOUNTS:,}"
        + ("" if bench.is_full else f"; --full measures {ALL_ACCOUNTS:,}, without which the goal isn't held to be met"),
    )


def _segment(of: str, account_id: str, month: int, amount: int, *, as_of: int = 0) -> Segment:
    return Segment(
        source_id="src_bench",
        external_id=of,
        starts_at=FIRST + timedelta(days=30 * month),
        account_id=account_id,
        ends_at=None,
        mrr_minor=amount,
        currency="USD",
        as_of=FIRST + timedelta(seconds=as_of),
        is_history=True,
    )


async def _history(bench: Bench, accounts: int) -> str:
    """Make an account whose two subscriptions change every month for ten years, among many with one each."""
    bench.say(f"recompute: preparing {accounts:,} accounts")
    url = await _installed(bench)
    database = Database(url)
    database.expect_much()
    try:
        everybody = ["long", *(f"acct_{number:07}" for number in range(accounts - 1))]
        for names in (everybody[start : start + AT_ONCE] for start in range(0, accounts, AT_ONCE)):
            await database.transact(partial(_subscribe, names))
    finally:
        await database.close()
    return url


async def _subscribe(names: Sequence[str], session: AsyncSession) -> None:
    ids = await account.ensure(session, "T00000", dict.fromkeys(names), now=datetime.now(UTC))
    said = [_segment(one, ids[one], 1, 1000) for one in names]
    if "long" in ids:
        said += [_segment(of, ids["long"], month, 100 + month) for of in "ab" for month in range(MONTHS)]
    await subscription.apply(session, "T00000", said, now=datetime.now(UTC))


async def _corrected(url: str) -> Measured:
    """Correct the account's second month again and again; give the seconds of one time."""
    database = Database(url)
    try:
        async with database.read() as session:
            ids = await account.hold(session, {"T00000": ["long"]})
        took = []
        for time_ in range(UNTIMED + CORRECTIONS):
            began = time.monotonic()
            at = int(began * 1000)
            async with database.write() as session:
                said = _segment("a", ids["T00000"]["long"].id, 1, 500 + time_, as_of=at)
                await subscription.apply(session, "T00000", [said], now=datetime.now(UTC))
            took.append(time.monotonic() - began)
        return Measured(value=median(took[UNTIMED:]))
    finally:
        await database.close()

"""From a recap in a channel to its list in the browser and as a file: what stands there, and for whom."""

import csv
import io
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from bot.sandbox.people import ACME, GLOBEX, REVENUE
from bot.sandbox.person import Browser
from handlers import recaps
from models import account, delivery, destination, movement
from models.delivery import DeliveryState, FactKind
from models.destination import Destination
from models.wish import Frequency
from tests import seeds
from tests.stage import Stage

UNKNOWN = f"rcp_{'0' * 26}"
MANY = 1_201
"""More than a chunk of the file holds, and a page of one."""
NAME = '=HYPERLINK("https://evil.example")<b>'


async def add_daily(stage: Stage) -> Destination:
    wish = seeds.wish(REVENUE, name="Every day", frequency=Frequency.DAILY, zone="Asia/Kolkata")
    async with stage.database.write() as session:
        return await destination.create(session, ACME, wish, by="U0ADA", now=stage.clock.now())


async def move_much(stage: Stage, first: datetime) -> None:
    """Record gains of $1, a second apart."""
    async with stage.database.write() as session:
        held = account.new(ACME, "-1", now=first)
        account.name_first(held, NAME)
        session.add(held)
        await session.flush()
        told: dict[str, Any] = {"kind": "expansion", "amount_minor": 100, "plan": "@Scale"}
        facts = [
            seeds.movement("-1", **told, mrr_before_minor=100 * n, occurred_at=first + timedelta(seconds=n))
            for n in range(MANY)
        ]
        when = {"is_history": False, "now": stage.clock.now()}
        moved = [movement.record(held, one, source_id="s", external_id=str(n), **when) for n, one in enumerate(facts)]
        await movement.add(session, moved)


async def turn_to(stage: Stage, moment: datetime) -> None:
    await stage.browser.travel(to=moment.isoformat())


def button_url(message: Any) -> str:
    [pressed] = [one for block in message["blocks"] if block["type"] == "actions" for one in block["elements"]]
    assert pressed["text"]["text"] == "Open the full list"
    return str(pressed["url"])


async def test_a_recap_leads_to_every_movement_of_its_time_and_the_next_tells_what_came_late(acme: Stage) -> None:
    """Late movement after the digest → appears in the next digest, sums reconcile to the cent (delivery test 24)."""
    await acme.install(GLOBEX)
    _, webhook = await acme.add_source()
    made = await add_daily(acme)
    assert made.next_run_at is not None
    evening = made.next_run_at - timedelta(hours=15)  # 18:00 there, the day before
    await move_much(acme, evening)
    await turn_to(acme, made.next_run_at)
    first = await acme.ada.message(REVENUE, containing="+$1,201")
    url = button_url(first)

    late = {"occurred_at": (evening + timedelta(hours=1)).isoformat(), "mrr_before_minor": 0, "amount_minor": 18_000}
    await acme.move(webhook, kind="new_business", **late)

    await is_corrected_in_place(acme, first)
    await turn_to(acme, made.next_run_at + timedelta(days=1))
    second = await acme.ada.message(REVENUE, containing="arrived late and")
    line = "1 movement (+$180) arrived late and belongs to the day before; that recap was corrected."
    assert line in second.words
    assert "MRR stays at $1,381" in second.words

    async with Browser(acme.sandbox.url) as browser:
        pat = browser.person(ACME, "U0PAT")
        page = await pat.sign_in(url)
        assert (page.status, page.url) == (200, url)
        for words in ("+$1,381 net → $1,381", "1,202 movements", "Page 1 of 7", "days and times are Asia/Kolkata"):
            assert words in page.text, words
        assert page.text.count("18:0") == recaps.ON_A_PAGE
        assert NAME in page.text
        assert "<b>" not in page.html
        last = await browser.open(f"{url}?page=7")
        assert "19:00 Northwind arrived late ● New business +$180 $0 → $180" in last.text
        assert "Page 7 of 7" in last.text
        by_size = await browser.open(f"{url}?by=size")
        assert by_size.text.index("19:00 Northwind") < by_size.text.index("18:00 ")
        assert (await browser.open(f"{url}?by=size&page=7")).text.count("18:") == 2
        for asked in ("0", "8", "-1", "x", "٣", "1" * 30, ""):
            assert (await browser.open(f"{url}?page={asked}")).status == 404, asked
        for path in (UNKNOWN, "rcp_x", f"{UNKNOWN}.csv", "1.csv", "rep_1"):
            assert (await browser.open(f"{acme.url}/recaps/{path}")).status == 404, path
        async with browser.session.get(f"{url}.csv") as answer:
            content = await answer.read()
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert answer.headers["Content-Disposition"].startswith('attachment; filename="mrr-daily-')
        assert answer.headers["Cache-Control"] == "no-store"
    assert content.startswith(b"\xef\xbb\xbftime,account,")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    assert len(rows) == MANY + 1
    assert len({row["time"] for row in rows}) == MANY + 1
    assert sum(float(row["amount"]) for row in rows) == 1_381
    assert (rows[0]["account"], rows[0]["account_id"], rows[0]["plan"]) == (f"'{NAME}", "'-1", "'@Scale")
    assert (rows[0]["amount"], rows[0]["mrr_after"], rows[0]["time"][10:]) == ("1.00", "1.00", "T18:00:00+05:30")
    assert (rows[-1]["account"], rows[-1]["amount"], rows[-1]["time"][10:]) == (
        "Northwind",
        "180.00",
        "T19:00:00+05:30",
    )

    await stays_closed(acme, url)


async def is_corrected_in_place(acme: Stage, first: Any) -> None:
    async def is_known() -> bool:
        async with acme.database.read() as session:
            told = await delivery.of_workspace(session, ACME, state=DeliveryState.DELIVERED)
            return FactKind.EDIT in {one.fact_kind for one in told}

    await acme.until(is_known)
    corrected = await acme.ada.message(REVENUE, containing="*Corrected* on")
    assert corrected["ts"] == first["ts"]
    assert "+$1,381* net" in corrected.words
    assert ": 1 movement (+$180) arrived late." in corrected.words


async def stays_closed(acme: Stage, url: str) -> None:
    for user, workspace, status in (("U0GUS", ACME, 403), ("U1GINA", GLOBEX, 404)):
        async with Browser(acme.sandbox.url) as browser:
            refused = await browser.person(workspace, user).sign_in(url)
            assert refused.status == status
            assert "$" not in refused.text
            async with browser.session.get(f"{url}.csv") as answer:
                assert (answer.status, b"Northwind" in await answer.read()) == (status, False)


async def test_whoever_is_not_signed_in_is_asked_to_for_the_page_and_for_the_file(acme: Stage) -> None:
    for path in (f"/recaps/{UNKNOWN}", f"/recaps/{UNKNOWN}.csv"):
        answer = await acme.get(path)
        assert (answer.status, answer.headers["Location"]) == (302, f"{acme.url}/slack/signin?page={UNKNOWN}")


async def test_signing_in_leads_back_to_what_was_asked_for_and_nowhere_else(acme: Stage) -> None:
    for asked, kept in (
        ("page=2&by=size", "?by=size&page=2"),
        ("by=https://evil.example&page=2", "?page=2"),
        ("by=size%26next=//evil.example&page=-1", ""),
    ):
        async with Browser(acme.sandbox.url) as browser:
            page = await browser.person(ACME, "U0PAT").sign_in(f"{acme.url}/recaps/{UNKNOWN}?{asked}")
        assert page.url == f"{acme.url}/recaps/{UNKNOWN}{kept}"
    for place in (f"{UNKNOWN}?next=//evil.example", f"{UNKNOWN}?by=size&by=size", f"{UNKNOWN}//evil.example", "//x"):
        assert (await acme.get(f"/slack/signin?{urlencode({'page': place})}")).status == 404, place


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        *((typed, f"'{typed}") for typed in ("=1+1", "+1", "-1", "@a", "＝1", "\t1", "\r1")),
        ("Müller;=1+1", "Müller;'=1+1"),  # Where decimals have commas, a spreadsheet parts cells by semicolons.
        ("two\n=1", "two\n'=1"),
        ("a=1; b-2", "a=1; b-2"),
    ],
)
def test_what_somebody_typed_is_no_formula_and_numbers_stay_numbers(typed: str, written: str) -> None:
    fact = seeds.movement(amount_minor=-42_050, kind="contraction", mrr_before_minor=None, currency="USD")
    held = account.new(ACME, typed, now=seeds.NOW)
    moved = movement.record(held, fact, source_id="s", external_id="1", is_history=False, now=seeds.NOW)
    moved.plan = typed
    row = dict(zip(recaps.COLUMNS, recaps.row(moved, held, seeds.NOW.tzinfo), strict=True))
    assert [row[name] for name in ("plan", "account", "account_id")] == [written] * 3
    assert (row["amount"], row["mrr_before"], row["plan_before"]) == ("-420.50", "", "")
    [read] = csv.reader(io.StringIO(recaps.written([list(row.values())]), newline=""))
    assert read == list(row.values())

"""Pictures at their signed addresses: of a report, of a recap, and what stands there where there is nothing to show."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from handlers.pictures import KEPT as KEPT_PICTURES
from handlers.pictures import Pictures
from models import preview, recap, report, trend, workspace
from models.preview import KEPT, Preview
from models.recap import Recap
from models.wish import Frequency
from scheduler.messages import chart
from scheduler.messages import recap as recap_drawing
from scheduler.messages import report as report_drawing
from tests import seeds
from tests.seeds import ACME, GLOBEX
from tests.stage import Stage

SECOND = timedelta(seconds=1)
Fetch = Callable[[Preview], Awaitable[bytes]]


@pytest.fixture
async def fetch(acme: Stage) -> Fetch:
    """Fetch a preview's picture from the product."""

    async def picture(of: Preview) -> bytes:
        address = preview.address(of, keyring=acme.keyring, public_url=acme.url)
        async with acme.http.get(address) as response:
            assert (response.status, response.content_type) == (200, "image/png")
            return await response.read()

    return picture


def test_the_stock_pictures_say_what_to_do() -> None:
    assert report_drawing.EXPIRED == ("This preview has expired.", "Open the report to see it as it is now.")
    assert recap_drawing.EXPIRED[1] == "Its figures stand below it, in words."
    assert all(words in chart.stock(*recap_drawing.EXPIRED) for words in recap_drawing.EXPIRED)


async def test_an_expired_picture_gives_way_to_the_stock_one(acme: Stage, fetch: Fetch) -> None:
    async with acme.database.read() as session:
        found = await report.built_in(session, ACME)
    assert found is not None
    now = acme.clock.now()
    fresh = Preview(workspace_id=ACME, subject_id=found.id, as_of=now)
    stock = await fetch(replace(fresh, as_of=now - KEPT))
    assert await fetch(fresh) != stock
    assert await fetch(replace(fresh, subject_id="rep_gone")) == stock
    assert await fetch(replace(fresh, workspace_id=GLOBEX)) == stock
    acme.clock.ahead = KEPT
    assert await fetch(fresh) == stock


async def made(stage: Stage) -> Recap:
    """Make the recap of today, without a message of it, once both movements are in it."""
    asking = await seeds.add_destination(stage.database, "C0REVENUE", frequency=Frequency.DAILY)
    tomorrow = stage.clock.now().replace(hour=0, minute=0) + timedelta(days=1)
    async with stage.database.write() as session:
        schedule = asking.schedule
        assert schedule is not None
        run = schedule.next_after(tomorrow)
        [recap_id] = (await recap.make(session, [(asking, run)], now=stage.clock.now())).values()

    async def complete() -> Recap | None:
        async with stage.database.read() as session:
            found = await recap.get(session, ACME, recap_id)
            assert found is not None
            return found if len(await recap.figures(session, ACME, found)) > 1 else None

    found = await stage.until(complete)
    assert found is not None
    return found


async def test_a_recaps_picture_shows_its_own_figures_until_it_expires(acme: Stage, fetch: Fetch) -> None:
    """Neither another workspace's figures nor those of a currency that it doesn't have."""
    await acme.install(GLOBEX)
    _, webhook = await acme.add_source()
    await acme.move(webhook, currency="USD")
    await acme.move(webhook, currency="EUR", amount_minor=99_000)
    told = await made(acme)
    fresh = Preview(workspace_id=ACME, subject_id=told.id, figures="USD", as_of=acme.clock.now())
    euros, stock = await fetch(replace(fresh, figures="EUR")), await fetch(replace(fresh, subject_id="rcp_gone"))
    assert len({await fetch(fresh), euros, stock}) == 3
    assert await fetch(replace(fresh, figures="CHF")) == stock
    assert await fetch(replace(fresh, workspace_id=GLOBEX)) == stock
    assert await fetch(replace(fresh, figures=None)) != await fetch(fresh), "a recap's id names no report"
    acme.clock.ahead = KEPT
    assert await fetch(fresh) == stock


async def test_a_forged_address_is_not_found(acme: Stage) -> None:
    told = Preview(workspace_id=ACME, subject_id="rcp_1", figures="USD", as_of=acme.clock.now())
    ours = preview.address(told, keyring=acme.keyring, public_url="").removesuffix(".png").rpartition("/")[2]
    tampered = ours.replace("USD", "EUR")
    session = acme.keyring.sign("T0ACME:U0ADA::1", purpose="session")
    assert preview.read(ours, keyring=acme.keyring) == replace(told, as_of=told.as_of.replace(microsecond=0))
    for name in ("x", "T0ACME:rep_1::1.x", tampered, ours.replace(ACME, GLOBEX), session, "%ff", "%D0%BA"):
        assert (await acme.get(f"/previews/{name}.png")).status == 404, name


async def test_the_trends_picture_shows_what_was_until_its_instant(acme: Stage, fetch: Fetch) -> None:
    await acme.install(GLOBEX)
    _, webhook = await acme.add_source()
    await acme.move(webhook, mrr_before_minor=0)

    async def complete() -> bool:
        async with acme.database.read() as session:
            return bool(await trend.read(session, ACME, now=acme.clock.now()))

    await acme.until(complete)
    fresh = Preview(workspace_id=ACME, subject_id=trend.SUBJECT, figures="USD", as_of=acme.clock.now() + SECOND)
    shown, stock = await fetch(fresh), await fetch(replace(fresh, figures="CHF"))
    assert shown != stock
    assert await fetch(replace(fresh, as_of=acme.clock.now() - timedelta(hours=1))) == stock, "nothing was known yet"
    assert await fetch(replace(fresh, workspace_id=GLOBEX)) == stock
    async with acme.database.write() as session:
        await workspace.switch_previews(session, ACME, on=False, by="U0ADA", now=acme.clock.now())
    assert await fetch(fresh) == stock


async def test_what_was_rendered_is_kept_and_the_oldest_is_let_go() -> None:
    rendered: list[str] = []

    class Counting(Pictures):
        async def _render(self, svg: str) -> bytes:
            rendered.append(svg)
            return svg.encode()

    pictures = Counting()
    for number in (*range(KEPT_PICTURES + 1), KEPT_PICTURES, 1, 0):
        assert await pictures.png(str(number)) == str(number).encode()
    assert rendered == [*map(str, range(KEPT_PICTURES + 1)), "0"]

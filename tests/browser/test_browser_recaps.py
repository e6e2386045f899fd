"""A recap, from the form to the morning on which it comes, and to its page, its file and its correction."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Page, Route, expect

from bot.sandbox.people import ACME, REVENUE, WINS
from models import event
from tests.browser.seat import Seat
from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def _sleep_till_nine(ada: Seat, day: datetime) -> None:
    """Go on the chaos panel to the morning of a day, over this one's where that is still to come."""
    clock, mornings = ada.page.locator("#clock time"), ada.page.get_by_role("button", name=re.compile("09:00 UTC"))
    await expect(mornings.first).to_be_visible()
    if not (await mornings.first.inner_text()).startswith(f"{day:%A}"):
        await mornings.first.click()
        await expect(mornings.first).to_contain_text(f"{day:%A}")
    await mornings.first.click()
    await expect(clock).to_contain_text(f"{day:%A} {day.day} {day:%B} {day.year}, 09:00 UTC")


@asynccontextmanager
async def slow_to_tell(seat: Seat) -> AsyncIterator[None]:
    """Let it take a while until a field is told; the form may not be sent meanwhile, and so closed."""
    sent: list[str] = []
    seat.page.on("request", lambda one: sent.append(one.url))

    async def tell(route: Route) -> None:
        await asyncio.sleep(0.2)
        assert not any(url.endswith("/submit") for url in sent)
        await route.continue_()

    await seat.page.route("**/_sandbox/fill", tell)
    yield
    assert any(url.endswith("/submit") for url in sent)
    await seat.page.unroute("**/_sandbox/fill")


async def test_a_daily_recap_comes_on_the_morning_that_the_time_machine_jumps_to(acme: Stage, ada: Seat) -> None:
    _, webhook = await acme.add_source()
    await ada.go()
    await ada.open_modal("New destination", "New destination")
    await ada.fill("Name", "Each day")
    await ada.choose("Frequency", "Daily")
    await ada.fill("Time zone", "Mars/Olympus")
    await ada.choose("Channels", "wins")
    await ada.submit()
    await expect(ada.error("Time zone")).to_be_visible()
    await expect(ada.modal.get_by_label("Name")).to_have_value("Each day")
    async with slow_to_tell(ada):
        await ada.fill("Time zone", "UTC")
        await ada.submit_and_close()
    await expect(ada.section("Each day")).to_contain_text("#wins")
    that_day = acme.clock.now()
    told = {"mrr_before_minor": 0, "occurred_at": that_day.isoformat()}
    await acme.move(webhook, "Northwind Traders", kind="new_business", **told)

    await ada.page.get_by_role("link", name="Chaos panel").click()
    await _sleep_till_nine(ada, that_day + timedelta(days=1))
    await ada.go(WINS)
    recap = ada.messages("Northwind Traders")
    await expect(recap).to_contain_text("+$420")
    await expect(recap.get_by_role("figure")).to_be_visible()
    await expect(recap).to_contain_text("Each day")


async def test_where_slack_draws_no_charts_a_recap_shows_a_picture(acme: Stage, ada: Seat) -> None:
    _, webhook = await acme.add_source()
    form = await acme.destination_form()
    await form.fill({"Name": "Each day", "Frequency": "Daily: a recap of the day before", "Channels": [REVENUE]})
    assert (await form.submit()).closed
    that_day = acme.clock.now()
    at = {"occurred_at": that_day.isoformat()}
    await acme.move(webhook, "Northwind Traders", kind="new_business", mrr_before_minor=0, **at)
    await acme.move(webhook, "Initech", kind="churn", amount_minor=-12_000, mrr_before_minor=12_000, **at)

    await ada.page.goto(f"{ada.slack_url}/chaos?as={ada.user}")
    await ada.page.get_by_label("Messages in Acme can show").select_option("pictures, no charts")
    await expect(ada.page.get_by_text("Done.")).to_be_visible()
    await _sleep_till_nine(ada, that_day + timedelta(days=1))

    await ada.go(REVENUE)
    recap = ada.messages("Northwind Traders")
    drawn = recap.get_by_role("img", name=re.compile("New business \\+\\$420, .*Churn −\\$120"))
    await expect(drawn).to_be_visible()
    assert await drawn.evaluate("image => image.decode().then(() => image.naturalWidth)") > 1000
    await expect(recap.locator(".chart")).to_have_count(0)


async def test_a_recap_opens_its_page_and_is_corrected_in_its_place_and_a_still_day_is_told(
    acme: Stage, ada: Seat, tmp_path: Path
) -> None:
    _, webhook = await acme.add_source()
    form = await acme.destination_form()
    await form.fill({"Name": "Each day", "Frequency": "Daily: a recap of the day before", "Channels": [REVENUE]})
    assert (await form.submit()).closed
    that_day = acme.clock.now()
    for name, amount in (("Northwind Traders", 42_000), ("=1+1", 180_050), ("Contoso", 9_000)):
        told = {"amount_minor": amount, "mrr_before_minor": 0, "occurred_at": that_day.isoformat()}
        await acme.move(webhook, name, kind="new_business", **told)
    await _go_to_nine(acme, that_day + timedelta(days=1))

    await ada.go(REVENUE)
    recap = ada.messages(f"MRR, {that_day:%A}")
    async with ada.page.expect_popup() as opened:
        await recap.get_by_text("Open the full list").click()
    page = await opened.value
    await page.get_by_role("button", name="Allow").click()
    await _shows_its_movements(page, tmp_path / "recap.csv")

    late = {"amount_minor": 100, "mrr_before_minor": 0, "occurred_at": that_day.isoformat()}
    await acme.move(webhook, "Latecomer", kind="new_business", **late)
    await expect(recap).to_contain_text("1 movement (+$1) arrived late.")
    await expect(recap).to_contain_text("(edited)")
    await expect(recap.get_by_role("row", name="Net +$2,311.50 4")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("row", name="Latecomer arrived late")).to_be_visible()

    await _go_to_nine(acme, that_day + timedelta(days=2))
    await ada.go(REVENUE)
    still = ada.messages("No MRR movements on")
    await expect(still).to_contain_text("MRR stays at $2,311.50.")
    await expect(still).to_contain_text("1 movement (+$1) arrived late and belongs to the day before; that recap was")


async def _go_to_nine(acme: Stage, day: datetime) -> None:
    """Go to the morning of a day when all that was sent is known."""

    async def is_known() -> bool:
        async with acme.database.read() as session:
            return (await event.count_by_state(session, ACME))["applied"] == acme.sent

    await acme.until(is_known)
    await acme.browser.travel(to=day.replace(hour=9, minute=0, second=5).isoformat())


async def _shows_its_movements(page: Page, path: Path) -> None:
    """Look at the bridge and the list of a recap's page, and at its file."""
    await expect(page.get_by_role("heading", name="+$2,310.50 net → $2,310.50")).to_be_visible()
    await expect(page.get_by_role("row", name="Net +$2,310.50 3")).to_be_visible()
    accounts = page.locator(".movements tbody th")
    await expect(accounts).to_have_text(["Northwind Traders", "=1+1", "Contoso"])
    await page.get_by_role("link", name="largest first").click()
    await expect(accounts).to_have_text(["=1+1", "Northwind Traders", "Contoso"])
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Download as CSV").click()
    await (await download.value).save_as(path)
    assert ",'=1+1,'=1+1,new_business,USD,1800.50,0.00,1800.50," in _read(path)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8-sig")

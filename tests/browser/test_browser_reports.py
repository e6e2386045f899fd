"""The built-in report: opened by who signs in, shared with a preview, which later expires."""

import pytest
from playwright.async_api import Page, expect

from bot.sandbox.people import ACME, GENERAL, REVENUE
from models import report, workspace
from tests.browser.conftest import Sit
from tests.browser.seat import Seat
from tests.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAME = "MRR this month"


async def test_a_report_opens_from_the_home_tab_after_signing_in_with_slack(acme: Stage, ada: Seat) -> None:
    await acme.add_destination()
    _, webhook = await acme.add_source()
    await acme.move(webhook, "Northwind Traders")
    await ada.go()
    async with ada.page.expect_popup() as opened:
        await ada.middle.get_by_role("link", name=NAME).click()
    page: Page = await opened.value
    await expect(page.get_by_role("heading", name="Sign in to Runrate with Slack")).to_be_visible()
    await page.get_by_role("button", name="Allow").click()
    await expect(page.get_by_role("heading", name=NAME)).to_be_visible()
    await expect(page.locator("main")).to_contain_text("+$420")
    await expect(page.locator("main")).to_contain_text("Northwind Traders")


async def test_a_shared_link_shows_a_preview_that_later_expires(acme: Stage, ada: Seat, dana: Seat) -> None:
    _, webhook = await acme.add_source()
    await acme.add_destination()
    await acme.move(webhook, "Northwind Traders")
    link = await report_link(acme)
    await ada.go(REVENUE)
    await dana.go(REVENUE)
    await expect(ada.messages("Northwind Traders")).to_be_visible()
    await dana.say(link)
    shared = ada.messages(link)
    await expect(shared.get_by_role("link", name=f"{NAME} · Acme")).to_be_visible()
    await expect(shared).to_contain_text("opens for members of Acme")
    picture = shared.get_by_role("img", name=NAME)
    await expect(picture).to_have_js_property("complete", value=True)
    fresh = await picture_of(acme, ada)
    await acme.browser.travel(seconds=5 * 86_400)
    expired = await picture_of(acme, ada)
    assert fresh.startswith(b"\x89PNG")
    assert expired.startswith(b"\x89PNG")
    assert fresh != expired


async def test_where_guests_read_along_or_previews_are_off_a_link_stays_a_link(acme: Stage, sit: Sit) -> None:
    link = await report_link(acme)
    ada = await sit("U0ADA")
    await ada.go(GENERAL)
    await ada.say(f"{link} for all")
    await expect(ada.messages("for all")).to_have_count(1)
    await ada.go()
    await ada.press("Switch previews off")
    await expect(ada.button("Switch previews on")).to_be_visible()
    await ada.go(REVENUE)
    await ada.say(f"{link} for us")
    await expect(ada.messages("for us")).to_have_count(1)
    await acme.sandbox.outbound.tried()
    assert await acme.called("chat.unfurl") == 0
    await expect(ada.page.locator(".unfurl")).to_have_count(0)


async def picture_of(acme: Stage, seat: Seat) -> bytes:
    """Fetch the preview's picture as the page does now."""
    source = await seat.page.locator(".unfurl img.wide").get_attribute("src")
    async with acme.http.get(str(source)) as response:
        assert response.status == 200
        return await response.read()


async def report_link(acme: Stage) -> str:
    """Answer the report's address, once it is known who is a guest."""

    async def look() -> str | None:
        async with acme.database.read() as session:
            tenant, found = await workspace.get(session, ACME), await report.built_in(session, ACME)
        return f"{acme.url}/reports/{found.id}" if tenant and tenant.guests_listed_at and found else None

    return str(await acme.until(look))

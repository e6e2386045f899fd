"""Each kind of source as a newcomer to the demo tries it: added in Slack, connected on the vendors' desk, and fed."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from bot.town import addresses, set_up_desk
from tests.browser.seat import Seat, seated
from tests.stage import HOST, Stage, free_port, staged

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass
class Demo:
    """The product, Ada before it, and the vendors' desk in another tab."""

    stage: Stage
    ada: Seat
    desk: Page
    desk_url: str
    fields: Mapping[str, str] = field(default_factory=dict)

    def vendor(self, slug: str) -> Locator:
        return self.desk.locator(f"section#{slug}")

    async def key(self, slug: str, name: str) -> str:
        """Copy what a vendor gives out."""
        await self.desk.goto(self.desk_url)
        row = self.vendor(slug).locator("dl div").filter(has=self.desk.get_by_text(name, exact=True))
        return await row.locator("code").inner_text()

    async def add(self, kind: str, **fields: str) -> str | None:
        """Add a source in the Home tab; copy its URL, where it has one."""
        await self.ada.go()
        await self.ada.open_modal("Add source", "Add source")
        await self.ada.modal.get_by_role("radio", name=kind).check()
        await self.ada.fill("Name", kind)
        for label, text in fields.items():
            await self.ada.fill(label, text)
        await self.ada.submit("Add")
        await expect(self.ada.modal.get_by_role("heading", name="Source", exact=True)).to_be_visible()
        url = self.ada.modal.locator("pre").filter(has_text="/in/rrk_").first
        copied = (await url.inner_text()).strip() if await url.count() else None
        await self.ada.submit_and_close("Done")
        return copied

    async def press(self, slug: str, words: str, *, url: str = "") -> None:
        """Let something happen over there, and see that it was taken."""
        await self.desk.goto(self.desk_url)
        if url:
            await self.vendor(slug).get_by_label("Webhook URL").fill(url)
        await self.vendor(slug).get_by_role("button", name=words).click()


@pytest_asyncio.fixture(loop_scope="session")
async def demo(browser: Browser, tmp_path: Path) -> AsyncIterator[Demo]:
    """Start all of it as `runrate demo` does."""
    port = free_port()
    url = f"http://{HOST}:{port}"
    async with staged(f"sqlite+aiosqlite:///{tmp_path / 'runrate.db'}", **addresses(url)) as stage:
        await stage.install()
        await stage.add_destination()
        desk = set_up_desk(now=stage.clock.now, app_url=stage.url, slack_url=stage.sandbox.url)
        async with desk.open(host=HOST, port=port), seated(browser, stage.sandbox.url) as ada:
            yield Demo(stage, ada, await ada.page.context.new_page(), url)
        assert ada.broken == []


async def test_what_posts_to_us_is_added_and_fed(demo: Demo) -> None:
    for kind, slug, act in (
        ("Your own system", "own", "A movement"),
        ("ChartMogul", "chartmogul", "A customer upgrades"),
        ("Segment", "segment", "Identify a person"),
    ):
        url = await demo.add(kind)
        assert url is not None
        await demo.press(slug, act, url=url)
        await expect(demo.vendor(slug).get_by_role("status")).to_contain_text("Runrate answered 200.")
    secret = await demo.key("stripe", "Signing secret")
    url = await demo.add("Stripe", **{"New signing secret": secret})
    assert url is not None
    await demo.press("stripe", "A customer subscribes", url=url)
    await expect(demo.vendor("stripe").get_by_role("status")).to_contain_text("Runrate answered 200.")
    await demo.ada.go("C0REVENUE")
    for told in ("Expansion +$420 MRR", "Expansion +$120 MRR", "New business"):
        await expect(demo.ada.messages(told).first).to_be_visible()


async def test_what_we_ask_is_added_and_read(demo: Demo) -> None:
    await demo.add("HubSpot", **{"Service key": await demo.key("hubspot", "Service key")})
    await demo.add(
        "Salesforce",
        **{name: await demo.key("salesforce", name) for name in ("My Domain URL", "Consumer key", "Consumer secret")},
    )

    async def is_read() -> bool:
        await demo.ada.go()
        rows = [await demo.ada.section(f"{kind} · {kind}").inner_text() for kind in ("HubSpot", "Salesforce")]
        return all("Read with" in row for row in rows)

    await demo.stage.until(is_read, seconds=30)

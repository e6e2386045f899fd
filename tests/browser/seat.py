"""A person at a browser, and how they press, choose and type in the local Slack's page."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, ConsoleMessage, Locator, Page, ViewportSize, expect

from bot.sandbox.people import ADA

LAPTOP: ViewportSize = {"width": 1280, "height": 800}
HOME = "home"


@dataclass
class Seat:
    """One person's browser. `broken` collects what a script of ours or the page's policy complained about."""

    page: Page
    slack_url: str
    user: str = ADA
    broken: list[str] = field(default_factory=list)

    # --- where they look -------------------------------------------------------------------------------------------

    @property
    def modal(self) -> Locator:
        return self.page.locator("#over dialog")

    @property
    def middle(self) -> Locator:
        return self.page.locator("#middle")

    def button(self, words: str) -> Locator:
        return self.page.get_by_role("button", name=words, exact=True)

    def messages(self, words: str) -> Locator:
        return self.page.locator("article.message").filter(has_text=words)

    def section(self, words: str) -> Locator:
        """Find the part of the Home tab that says this, with what can be pressed beside it."""
        return self.middle.locator(".section").filter(has_text=words)

    def error(self, label: str) -> Locator:
        """Find what is said against a field of the modal."""
        return self._input(label).locator(".error")

    def _input(self, label: str) -> Locator:
        return self.modal.locator(".input").filter(has=self.page.locator(".label", has_text=re.compile(f"^{label}")))

    # --- what they do ----------------------------------------------------------------------------------------------

    async def go(self, place: str = HOME) -> None:
        """Open a conversation, or the app's Home tab, by its address, and let the app draw it."""
        await self.page.goto(f"{self.slack_url}/?as={self.user}&at={place}")
        await expect(self.middle).not_to_have_attribute("aria-busy", "true")

    async def enter(self, name: str) -> None:
        """Open a conversation from the sidebar."""
        await self.page.locator("#side li").filter(has_text=name).get_by_role("link").click()
        await expect(self.page.locator("#head h1")).to_contain_text(name)
        await self.page.wait_for_load_state()

    async def press(self, words: str) -> None:
        await self.button(words).click()

    async def press_in_menu(self, near: str, words: str) -> None:
        """Choose from the overflow menu beside what says this."""
        beside = self.section(near)
        await beside.get_by_role("button", name="More actions").click()
        await beside.get_by_role("menuitem", name=words).click()

    async def open_modal(self, button: str, title: str) -> None:
        await self.press(button)
        await expect(self.modal.get_by_role("heading", name=title)).to_be_visible()

    async def fill(self, label: str, text: str) -> None:
        await self._input(label).locator("input, textarea").fill(text)

    async def choose(self, label: str, *names: str) -> None:
        """Choose from a field's list, by searching in it."""
        field = self._input(label)
        box = field.get_by_role("combobox")
        for name in names:
            await box.fill(name)
            await field.get_by_role("option").filter(has_text=name, visible=True).click()
            await expect(field.locator(f".chip:has-text('{name}'), [value^='{name}']")).to_be_visible()
        await box.press("Tab")

    async def submit(self, words: str = "Save") -> None:
        await self.modal.get_by_role("button", name=words, exact=True).click()

    async def submit_and_close(self, words: str = "Save") -> None:
        await self.submit(words)
        await expect(self.modal).to_have_count(0)

    async def say(self, text: str) -> None:
        """Write into the composer and send it."""
        composer = self.page.get_by_role("combobox", name="Message")
        await composer.press_sequentially(text)
        await self.page.keyboard.press("Escape")
        await composer.press("Enter")


@asynccontextmanager
async def seated(
    browser: Browser, slack_url: str, user: str = ADA, *, size: ViewportSize = LAPTOP, **settings: Any
) -> AsyncIterator[Seat]:
    """Seat a person at a browser of their own."""
    context = await browser.new_context(viewport=size, locale="en-GB", reduced_motion="reduce", **settings)
    seat = Seat(await context.new_page(), slack_url, user)
    seat.page.on("pageerror", lambda error: seat.broken.append(str(error)))
    seat.page.on("console", lambda line: _note(seat.broken, line))
    yield seat
    await context.close()


def _note(broken: list[str], line: ConsoleMessage) -> None:
    if line.type == "error":
        broken.append(line.text)

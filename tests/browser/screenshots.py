"""`make screenshots`: the pictures in docs/images, taken of the running product with the demo's story as its data.

The day is fixed, and the story with it, so that a picture changes only where the product does.
"""

import asyncio
import json
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.async_api import Browser, Locator, Page, ViewportSize, expect

from bot import logs
from bot.replay import Replay
from bot.sandbox.people import ACME, ADA, DANA, GENERAL, LIAM, MEI, REVENUE, WINS
from bot.story import Happening, Signal, Story
from bot.town import set_up_desk
from models import account, destination, person
from models.fact import MovementFact, MovementKind, SignalFact, dump_facts
from models.recipient import RecipientKind, together
from models.source import SourceKind
from models.wakeup import Topic
from models.wish import Wish
from tests.browser import chromium
from tests.browser.seat import Seat, seated
from tests.stage import HOST, Stage, staged

IMAGES = Path(__file__).parents[2] / "docs" / "images"
LARGEST = 170_000
"""How many bytes a picture may have: a clone should stay small."""
PORT = 3000
ADDRESS = f"http://127.0.0.1:{PORT}"
"""The demo's address, which stands in the pictures: nothing else may listen there."""
AFTERNOON = datetime(2026, 11, 19, 13, 40, tzinfo=UTC)
MONDAY = datetime(2026, 11, 23, 9, 0, 5, tzinfo=UTC)
REPORT = "MRR this month"
UNTOLD, TOLD = 2, 4
"""How many movements happen before there is a destination, and how many it then tells: a kind each, on one screen."""
PATIENCE = 30_000
"""How many milliseconds a busy machine may take, such as for drawing a preview."""
SCREEN: ViewportSize = {"width": 1100, "height": 720}
TALL_SCREEN: ViewportSize = {"width": 1100, "height": 1200}
LONG_SCREEN: ViewportSize = {"width": 1100, "height": 2000}


@dataclass(frozen=True)
class Studio:
    """The product with the story in it, and the people whose screens are photographed."""

    stage: Stage
    story: Story
    ada: Seat
    dana: Seat

    async def take(self, name: str, seen: Page | Locator) -> None:
        """Take a picture of a page, or of one thing there."""
        path = IMAGES / f"{name}.png"
        await seen.screenshot(path=path, animations="disabled")
        size = path.stat().st_size
        if size > LARGEST:
            raise AssertionError(f"{path.name} has {size} bytes, more than {LARGEST}.")
        sys.stdout.write(f"{path.name:24} {size // 1000:4} kB\n")

    async def send(self, webhook: str, *records: object) -> None:
        """Send records to a source's webhook."""
        answer = await self.stage.post(webhook, json.dumps(records).encode(), kind="application/json")
        if answer.status != 200 or answer.json["refused"]:
            raise AssertionError(answer.text)


async def main() -> None:
    """Take all pictures."""
    path = chromium.find()
    if path is None:
        sys.exit(f"No picture is taken: {chromium.MISSING}.")
    logs.configure(level="error")
    IMAGES.mkdir(exist_ok=True)
    expect.set_options(timeout=PATIENCE)
    async with chromium.launched(path) as browser, _studio(browser) as studio:
        await _set_up(studio)
        webhook, present = await _import(studio), studio.story.present()
        for happening in _until(present, UNTOLD):
            await _happen(studio, webhook, happening)
        await _refused(studio)
        await _movements(studio, webhook, present)
        await _handled(studio)
        await _corrected(studio, webhook)
        await _details(studio)
        await _filter(studio)
        await _form(studio)
        await _account(studio)
        await _vendors(studio)
        await _signal(studio, webhook)
        await _event_message(studio)
        await _report(studio)
        await _member(studio)
        await _recap(studio)
        await _expired(studio)
        await _recaps(studio, webhook, present)
        await _together(studio, webhook)
        await _in_a_group(studio, webhook, present)
        await _failing(studio, webhook, present)
        await _left(studio)


@asynccontextmanager
async def _studio(browser: Browser) -> AsyncIterator[Studio]:
    with tempfile.TemporaryDirectory() as folder:
        async with (
            staged(
                f"sqlite+aiosqlite:///{folder}/runrate.db", keeps_logs=False, public_url=ADDRESS, port=PORT
            ) as stage,
            seated(browser, stage.sandbox.url, ADA, size=SCREEN) as ada,
            seated(browser, stage.sandbox.url, DANA, size=SCREEN) as dana,
        ):
            stage.clock.ahead = AFTERNOON - datetime.now(UTC)
            yield Studio(stage, Story(today=AFTERNOON.date()), ada, dana)


async def _set_up(studio: Studio) -> None:
    await studio.ada.page.goto(studio.stage.url)
    await studio.take("set-up", studio.ada.page)
    await studio.stage.install()


async def _import(studio: Studio) -> str:
    """Bring in twelve months as the demo does, and answer the address to which the present is sent."""
    stage, ada = studio.stage, studio.ada
    replay = Replay(stage.app, keyring=stage.keyring, address=stage.url, workspace_id=ACME, now=stage.clock.now)
    history = asyncio.create_task(replay.run())
    told = {one.external_id for one in studio.story.history() if one.type == "account"}
    await stage.until(lambda: _has_accounts(stage, len(told)), seconds=120)
    history.cancel()
    await ada.go()
    await ada.press_in_menu("Acme billing", "Show URL")
    shown = ada.modal.locator("pre").first
    webhook = (await shown.inner_text()).strip()
    await ada.submit("Done")
    return webhook


async def _has_accounts(stage: Stage, number: int) -> bool:
    async with stage.database.read() as session:
        return await account.count(session, ACME) >= number


async def _refused(studio: Studio) -> None:
    """Show a form whose private channel lacks the bot, then save it with the public one alone."""
    ada = studio.ada
    await ada.page.set_viewport_size(TALL_SCREEN)
    await ada.open_modal("New destination", "New destination")
    await ada.fill("Name", "Every movement")
    await ada.choose("Channels", "revenue", "deals-private")
    await ada.submit()
    await expect(ada.error("Channels")).to_contain_text("Invite Them")
    await studio.take("destination-error", ada.modal)
    await ada.modal.get_by_role("button", name="Remove deals-private").click()
    await expect(ada.modal.get_by_role("button", name="Remove deals-private")).to_have_count(0)
    await ada.press("More options")
    await ada.choose("Attributes to show", "Country", "Segment")
    await ada.submit_and_close()
    await ada.page.set_viewport_size(SCREEN)


async def _movements(studio: Studio, webhook: str, present: Iterator[Happening]) -> None:
    """Let an afternoon happen."""
    ada = studio.ada
    await ada.go(REVENUE)
    told = ada.page.locator("article.message")
    for number in range(1, TOLD + 1):
        for happening in _until(present, 1):
            await _happen(studio, webhook, happening)
        await expect(told).to_have_count(number)
    await studio.take("movements", ada.page)
    await studio.take("movement", told.nth(1))


async def _handled(studio: Studio) -> None:
    """Open a movement's menu, claim it, and ask to mute its account."""
    ada = studio.ada
    told = ada.page.locator("article.message").nth(1)
    menu = told.get_by_role("button", name="More actions").first
    await menu.click()
    await studio.take("movement-menu", ada.page)
    await told.get_by_role("menuitem", name="Claim").click()
    await expect(ada.messages("You take care of")).to_have_count(1)
    await expect(ada.page.locator("details.thread")).to_contain_text("takes care of this")
    await expect(told).to_contain_text("claimed by")
    await studio.take("claim", told)
    await menu.click()
    await told.get_by_role("menuitem", name="Mute this account…").first.click()
    await expect(ada.modal).to_contain_text("For how long?")
    await studio.take("mute", ada.modal)
    await ada.submit("Cancel")


async def _corrected(studio: Studio, webhook: str) -> None:
    """Tell a movement that its source corrects later."""
    stage, ada = studio.stage, studio.ada
    now = stage.clock.now()
    began = {"type": "subscription", "external_id": "sub-kite", "mrr_minor": 42_000, "currency": "USD"}
    began |= {"starts_at": now.isoformat(), "account": {"external_id": "kite", "name": "Kite Analytics"}}
    await studio.send(webhook, {**began, "occurred_at": now.isoformat()})
    await expect(ada.messages("Kite Analytics — New business")).to_have_count(1)
    stage.clock.jump(now + timedelta(minutes=18))
    await studio.send(webhook, {**began, "mrr_minor": 40_000, "occurred_at": stage.clock.now().isoformat()})
    await expect(ada.page.locator("details.thread").last).to_contain_text("corrected")
    await ada.messages("Kite Analytics — New business").scroll_into_view_if_needed()
    await studio.take("correction", ada.page)


async def _details(studio: Studio) -> None:
    """Pause a destination from its details and resume it, which these tell then."""
    ada = studio.ada
    await ada.page.set_viewport_size(TALL_SCREEN)
    await ada.go()
    await ada.press_in_menu("Every movement", "Details")
    await ada.submit("Pause")
    await expect(ada.modal).to_contain_text("For how long?")
    await ada.submit("Pause")
    await ada.submit("Resume")
    await expect(ada.modal).to_contain_text("resumed it")
    await expect(ada.modal.get_by_role("button", name="Pause")).to_be_enabled()
    await studio.take("destination-details", ada.modal)
    await ada.modal.get_by_text("Close", exact=True).click()
    await ada.page.set_viewport_size(SCREEN)


async def _filter(studio: Studio) -> None:
    """Show the form with a filter and its forecast, and let it go."""
    ada = studio.ada
    await ada.page.set_viewport_size(LONG_SCREEN)
    await ada.go()
    await ada.open_modal("New destination", "New destination")
    await ada.fill("Name", "Big changes")
    await ada.choose("Channels", "wins")
    await ada.press("More options")
    await ada.modal.get_by_label("Contraction").uncheck()
    await ada.fill("Minimum gain", "500")
    await expect(ada.modal).to_contain_text("messages, of")
    await ada.modal.get_by_label("Minimum gain").blur()
    await studio.take("filter", ada.modal)
    await ada.submit("Cancel")
    await ada.page.set_viewport_size(SCREEN)


async def _form(studio: Studio) -> None:
    """Show the form of each frequency, as it opens and with all that it can ask for; and what it sends before that."""
    ada = studio.ada
    await ada.page.set_viewport_size(LONG_SCREEN)
    for frequency, name in FORMS.items():
        await ada.go()
        await ada.open_modal("New destination", "New destination")
        await ada.fill("Name", name)
        await ada.choose("Frequency", frequency)
        await ada.choose("Channels", "revenue")
        await expect(ada.modal.get_by_label("Time zone")).to_have_count(int(frequency != "Real-time"))
        await studio.take(f"form-{frequency.lower()}", ada.modal)
        await ada.press("More options")
        await expect(ada.button("More options")).to_have_count(0)
        await studio.take(f"form-{frequency.lower()}-more", ada.modal)
        await ada.press("Send me this")
        await expect(ada.modal).to_contain_text("On its way to you alone")
        await ada.submit("Cancel")
    await ada.enter("Runrate")
    await expect(ada.messages(f"Preview of “{name}”")).to_have_count(1)
    preview = ada.messages(f"Preview of “{FORMS['Real-time']}”")
    await studio.take("form-preview", preview)
    await ada.page.set_viewport_size(SCREEN)


FORMS = {"Real-time": "Every movement", "Daily": "Each day", "Weekly": "Board weekly", "Monthly": "Board monthly"}
"""How the destinations are named of which there are pictures."""


async def _account(studio: Studio) -> None:
    """Ask for a customer with a history."""
    ada = studio.ada
    movements = [one for one in studio.story.history() if isinstance(one, MovementFact)]
    [(name, _)] = Counter(one.account_name for one in movements).most_common(1)
    await ada.page.set_viewport_size(LONG_SCREEN)
    await ada.go(REVENUE)
    await ada.say(f"/mrr account {name}")
    card = ada.messages("Share here")
    await expect(card).to_have_count(1)
    await studio.take("account", card)
    await ada.page.set_viewport_size(SCREEN)


async def _vendors(studio: Studio) -> None:
    """Look at the desk where other vendors are played."""
    stage, page = studio.stage, await studio.ada.page.context.new_page()
    desk = set_up_desk(now=stage.clock.now, app_url=stage.url, slack_url=stage.sandbox.url)
    async with desk.open(host=HOST, port=0) as port:
        await page.goto(f"http://{HOST}:{port}")
        await studio.take("vendors", page)
    await page.close()


async def _happen(studio: Studio, webhook: str, happening: Happening) -> None:
    """Let something happen as long after the one before as it takes in a real business."""
    clock = studio.stage.clock
    clock.jump(clock.now() + happening.after * 6)
    await studio.send(webhook, *dump_facts([happening.at(clock.now())]))


def _until(present: Iterator[Happening], movements: int) -> Iterator[Happening]:
    while movements:
        happening = next(present)
        movements -= isinstance(happening.fact, MovementFact)
        yield happening


async def _signal(studio: Studio, webhook: str) -> None:
    stage, dana = studio.stage, studio.dana
    first = next(one for one in studio.story.signals() if one.external_id == "sig-02")
    await studio.send(webhook, *dump_facts([_fact(first, now=stage.clock.now())]))
    await dana.go(REVENUE)
    await expect(dana.page.locator("#side").get_by_label("1 unread")).to_be_visible()
    await dana.enter("Runrate")
    await expect(dana.messages("Sent to you because")).to_have_count(1)
    await studio.take("signal", dana.page)


def _fact(signal: Signal, *, now: datetime) -> SignalFact:
    return SignalFact(
        external_id=signal.external_id,
        account_external_id=signal.account_external_id,
        kind=signal.kind,
        person=signal.person,
        title=signal.title,
        text=signal.text,
        occurred_at=now,
    )


async def _event_message(studio: Studio) -> None:
    stage, ada = studio.stage, studio.ada
    _, webhook = await stage.add_source(kind=SourceKind.SEGMENT, name="Shop")
    await ada.go()
    await ada.open_modal("New workflow", "New workflow")
    await ada.fill("Name", "Orders")
    await ada.fill("When this event arrives", "Order Completed")
    template = "🎉 {{$.properties.name}} just completed an order for {{$.properties.total}}!"
    await ada.fill("Post this message", template)
    await ada.choose("To this channel", "wins")
    await ada.fill("Under this name", "Order desk")
    await ada.fill("With this icon", ":tada:")
    await ada.submit_and_close()
    for order in studio.story.orders()[:3]:
        stage.clock.jump(stage.clock.now() + timedelta(minutes=7))
        call = {**order, "writeKey": webhook.rsplit("/", 1)[1]}
        await stage.post(f"{stage.url}/v1/track", json.dumps(call).encode(), kind="application/json")
    await ada.go(WINS)
    await expect(ada.messages("just completed an order")).to_have_count(3)
    await studio.take("event-message", ada.page)


async def _report(studio: Studio) -> None:
    """Open the report, and share its link."""
    ada, dana = studio.ada, studio.dana
    await ada.go()
    async with ada.page.expect_popup() as opened:
        await ada.middle.get_by_role("link", name=REPORT).click()
    page = await opened.value
    await page.get_by_role("button", name="Allow").click()
    await expect(page.get_by_role("heading", name=REPORT)).to_be_visible()
    await studio.take("report", page)
    link = page.url
    await page.close()
    await dana.page.set_viewport_size(LONG_SCREEN)
    await dana.go(REVENUE)
    await dana.say(f"Our month so far: {link}")
    await studio.take("unfurl", await _shared(dana))


async def _shared(seat: Seat) -> Locator:
    """Wait for the preview under the shared link, and for its picture."""
    preview = seat.messages("Our month so far").locator(".unfurl")
    await expect(preview.get_by_role("img", name=REPORT)).to_have_js_property("complete", value=True)
    return preview


async def _member(studio: Studio) -> None:
    """Look at a member's Home tab, with a recap of their own and quiet hours, and at the form for these."""
    dana = studio.dana
    await dana.page.set_viewport_size(SCREEN)
    await dana.go()
    await dana.press("Send me a daily recap by DM")
    await expect(dana.section("What you get")).to_contain_text("Your daily recap")
    await dana.open_modal("Quiet hours", "Quiet hours")
    await studio.take("quiet-hours", dana.modal)
    await dana.submit_and_close()
    await expect(dana.section("What you get")).to_contain_text("Quiet hours from")
    await _drawn_in(dana)
    await studio.take("home-member", dana.page)


async def _drawn_in(seat: Seat) -> None:
    """Wait until the picture of MRR is there."""
    await expect(seat.middle.get_by_role("img", name="MRR")).to_have_js_property("complete", value=True)


async def _expired(studio: Studio) -> None:
    """Look at the shared link when its picture has become old, in a browser that doesn't have it yet."""
    ada = studio.ada
    await studio.stage.browser.travel(to=(MONDAY + timedelta(days=1)).isoformat())
    await ada.go(REVENUE)
    await studio.take("preview-expired", await _shared(ada))


async def _recap(studio: Studio) -> None:
    """Ask for the week, and go to the Monday after it."""
    stage, ada = studio.stage, studio.ada
    await ada.go()
    await ada.open_modal("New destination", "New destination")
    await ada.choose("Frequency", "Weekly")
    await ada.fill("Name", "Board weekly")
    await ada.choose("Channels", "general")
    await ada.submit_and_close()
    await expect(ada.section("Board weekly")).to_be_visible()
    await _drawn_in(ada)
    await studio.take("home", ada.page)
    await stage.browser.travel(to=MONDAY.isoformat())
    await ada.page.set_viewport_size(LONG_SCREEN)
    await ada.go(GENERAL)
    recap = ada.messages("MRR, week of")
    await expect(recap).to_have_count(1)
    await studio.take("recap", recap)


async def _together(studio: Studio, webhook: str) -> None:
    """Tell an account's changes as one, in one channel, and in its thread in another."""
    stage, ada = studio.stage, studio.ada
    async with stage.database.write() as session:
        for place, name, wanted in (
            (WINS, "Calm and quick", {"group_minutes": 10}),
            (GENERAL, "By account", {"has_threads": True}),
        ):
            recipients = ((RecipientKind.CHANNEL, place),)
            wish = Wish(name=name, recipients=recipients, **wanted)  # type: ignore[arg-type]
            await destination.create(session, ACME, wish, by=ADA, now=stage.clock.now())
    before = 120_000
    for number, amount in enumerate((18_000, 24_000, -9_000)):
        stage.clock.jump(stage.clock.now() + timedelta(seconds=50))
        fact = MovementFact(
            external_id=f"together-{number}",
            account_external_id="litware",
            account_name="Litware",
            kind=MovementKind.EXPANSION if amount > 0 else MovementKind.CONTRACTION,
            amount_minor=amount,
            currency="USD",
            mrr_before_minor=before,
            plan="Scale",
            occurred_at=stage.clock.now(),
        )
        before += amount
        await studio.send(webhook, *dump_facts([fact]))
        await ada.go(GENERAL)
        await expect(ada.messages("Litware").filter(has_text="in the thread")).to_contain_text(f"${before // 100:,}")
    await studio.take("thread", ada.messages("Litware").first)
    await ada.page.set_viewport_size(SCREEN)
    await ada.go(WINS)
    await expect(ada.messages("replied to a thread")).to_be_in_viewport()
    await studio.take("group", ada.page)


async def _failing(studio: Studio, webhook: str, present: Iterator[Happening]) -> None:
    """Archive a channel: whoever answers for it hears what waits, why, and what to do; the Home tab says so too."""
    stage, ada = studio.stage, studio.ada
    await stage.slack.archive(stage.slack.channels[REVENUE], by=ADA)
    for happening in _until(present, 1):
        await _happen(studio, webhook, happening)
    await ada.page.set_viewport_size(SCREEN)
    await ada.go(REVENUE)
    await expect(ada.page.locator("#side").get_by_label("1 unread")).to_be_visible()
    await ada.enter("Runrate")
    notice = ada.messages("I can't post to")
    await expect(notice).to_have_count(1)
    await studio.take("failure-notice", notice)
    await ada.go()
    await expect(ada.section("I can't post to")).to_be_visible()
    await _drawn_in(ada)
    await studio.take("failure-home", ada.page)


async def _left(studio: Studio) -> None:
    """Let a manager leave who answers for a destination: another one hears of it, and may take over."""
    stage, ada = studio.stage, studio.ada
    now = stage.clock.now() + timedelta(minutes=20)
    stage.clock.jump(now)
    async with stage.database.write() as session:
        await person.name_managers(session, ACME, [LIAM], by=ADA, now=now)
        wish = Wish(name="Enterprise deals", recipients=((RecipientKind.CHANNEL, WINS),))
        await destination.create(session, ACME, wish, by=LIAM, now=now)
    await stage.slack.deactivate(stage.slack.people[LIAM])
    await stage.sandbox.outbound.settled()
    await stage.database.wakeups.notify(Topic.RECAPS)
    await ada.page.get_by_role("link", name="Messages").click()
    await expect(ada.messages("Enterprise deals")).to_have_count(1)
    await studio.take("hand-over", ada.messages("Enterprise deals"))


async def _in_a_group(studio: Studio, webhook: str, present: Iterator[Happening]) -> None:
    """Tell some people together, in a conversation of their own."""
    stage, dana = studio.stage, studio.dana
    async with stage.database.write() as session:
        wish = Wish(name="West team", recipients=(together([DANA, LIAM, MEI]),))
        await destination.create(session, ACME, wish, by=ADA, now=stage.clock.now())
    for happening in _until(present, 1):
        await _happen(studio, webhook, happening)
    await dana.page.set_viewport_size(SCREEN)
    await dana.go(REVENUE)
    await dana.enter("Mei Tanaka")
    await expect(dana.messages("West team")).to_have_count(1)
    await studio.take("group-dm", dana.page)


async def _recaps(studio: Studio, webhook: str, present: Iterator[Happening]) -> None:
    """Let days pass: one on which nothing happens, one of which something is told late, and the end of the month."""
    stage, ada = studio.stage, studio.ada
    await ada.page.set_viewport_size(LONG_SCREEN)
    for name, frequency in (("Every day", "Daily"), ("Every month", "Monthly")):
        await ada.go()
        await ada.open_modal("New destination", "New destination")
        await ada.choose("Frequency", frequency)
        await ada.fill("Name", name)
        await ada.choose("Channels", "wins")
        await ada.submit_and_close()
    await _morning(studio, days=3, told="No MRR movements on Wednesday 25 November", name="recap-empty")
    for happening in _until(present, TOLD):
        await _happen(studio, webhook, happening)
    evening = stage.clock.now()
    await _morning(studio, days=4, told="MRR, Thursday 26 November", name="recap-daily")
    for happening in _until(present, 1):
        await studio.send(webhook, *dump_facts([happening.at(evening)]))
    await expect(ada.messages("Corrected on")).to_have_count(1)
    await studio.take("recap-corrected", ada.messages("Corrected on"))
    await _morning(studio, days=8, told="MRR, November 2026", name="recap-monthly")


async def _morning(studio: Studio, *, days: int, told: str, name: str) -> None:
    """Go to a morning so many days after the Monday, and take the recap that comes then."""
    ada = studio.ada
    await studio.stage.browser.travel(to=(MONDAY + timedelta(days=days)).isoformat())
    await ada.go(WINS)
    await expect(ada.messages(told)).to_have_count(1)
    await studio.take(name, ada.messages(told))


if __name__ == "__main__":
    asyncio.run(main())

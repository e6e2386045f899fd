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
from itertools import chain
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, FloatRect, Locator, ViewportSize, expect

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
LARGEST = 240_000
"""How many bytes a picture may have: a clone should stay small."""
PORT = 3000
ADDRESS = f"http://127.0.0.1:{PORT}"
"""The demo's address, which stands in the pictures: nothing else may listen there."""
AFTERNOON = datetime(2026, 11, 19, 13, 40, tzinfo=UTC)
MONDAY = datetime(2026, 11, 23, 9, 0, 5, tzinfo=UTC)
REPORT = "MRR this month"
UNTOLD, TOLD = 2, 5
"""How many movements happen before there is a destination, and how many it then tells: a kind each, on one screen."""
A_DAY = 4
"""How many movements the daily recap tells."""
FLOOD = 24
"""How many movements wait for an archived channel: more than are told one by one."""
GROWING = "acc-081"
"""An account whose changes are told together: a customer that the story leaves alone from today on."""
PATIENCE = 30_000
"""How many milliseconds a busy machine may take, such as for drawing a preview."""
SCREEN: ViewportSize = {"width": 1100, "height": 720}
LONG_SCREEN: ViewportSize = {"width": 1100, "height": 2400}
MARGIN = 14
"""How many pixels stand around what has no edge of its own."""
LOWEST = 520
"""How low a screen may be without cutting its sidebar."""
STYLE = "dialog.modal::backdrop { background: white !important } .message > .tools { display: none }"
"""What no picture shows: the dark behind a modal's round corners, and the buttons over a message that one points at."""


@dataclass(frozen=True)
class Studio:
    """The product with the story in it, and the people whose screens are photographed."""

    stage: Stage
    story: Story
    ada: Seat
    dana: Seat

    async def take(
        self, name: str, seen: Locator, *, until: Locator | None = None, margin: int = 0, is_pointed: bool = False
    ) -> None:
        """Take a picture of one thing on a page, or of all from there until another, with nothing pointed at."""
        if not is_pointed:
            await seen.page.mouse.move(0, 0)
            await seen.page.evaluate("document.activeElement?.blur()")
        await expect(seen.page.locator("[aria-busy]:not(#middle)")).to_have_count(0)
        await seen.scroll_into_view_if_needed()
        clip = _around(*[await _box(one) for one in (seen, until or seen)], margin=margin)
        path = IMAGES / f"{name}.png"
        await seen.page.screenshot(path=path, animations="disabled", style=STYLE, clip=clip)
        size = path.stat().st_size
        if size > LARGEST:
            raise AssertionError(f"{path.name} has {size} bytes, more than {LARGEST}.")
        sys.stdout.write(f"{path.name:24} {size // 1000:4} kB\n")

    async def take_screen(self, name: str, seat: Seat) -> None:
        """Take a picture of somebody's whole screen, as high as what they see."""
        await seat.page.set_viewport_size({**SCREEN, "height": LOWEST})
        hidden = await seat.middle.evaluate("middle => middle.scrollHeight - middle.clientHeight")
        await seat.page.set_viewport_size({**SCREEN, "height": LOWEST + hidden})
        await self.take(name, seat.page.locator("body"))

    async def send(self, webhook: str, *records: object) -> None:
        """Send records to a source's webhook."""
        answer = await self.stage.post(webhook, json.dumps(records).encode(), kind="application/json")
        if answer.status != 200 or answer.json["refused"]:
            raise AssertionError(answer.text)


async def _box(seen: Locator) -> FloatRect:
    box = await seen.bounding_box()
    assert box is not None
    return box


def _around(first: FloatRect, last: FloatRect, *, margin: int) -> FloatRect:
    """Give the space from the top of the first to the bottom of the last, in whole pixels: nothing else is grazed."""
    left, top = round(first["x"]) - margin, round(first["y"]) - margin
    right, bottom = round(first["x"] + first["width"]) + margin, round(last["y"] + last["height"]) + margin
    return {"x": left, "y": top, "width": right - left, "height": bottom - top}


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
        webhook, present = await _import(studio), _present(studio.story)
        for happening in _until(present, UNTOLD):
            await _happen(studio, webhook, happening)
        await _welcomed(studio)
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
        await _home(studio)
        await _failing(studio, webhook, present)
        await _in_a_group(studio, webhook, present)
        await _together(studio, webhook)
        await _left(studio)
        await _recap(studio)
        await _expired(studio)
        await _recaps(studio, webhook, present)


@asynccontextmanager
async def _studio(browser: Browser) -> AsyncIterator[Studio]:
    with tempfile.TemporaryDirectory() as folder:
        async with (
            staged(
                f"sqlite+aiosqlite:///{folder}/runrate.db", keeps_logs=False, public_url=ADDRESS, port=PORT
            ) as stage,
            seated(browser, stage.sandbox.url, ADA, size=SCREEN, bypass_csp=True) as ada,
            seated(browser, stage.sandbox.url, DANA, size=SCREEN, bypass_csp=True) as dana,
        ):
            stage.clock.ahead = AFTERNOON - datetime.now(UTC)
            yield Studio(stage, Story(today=AFTERNOON.date()), ada, dana)


async def _set_up(studio: Studio) -> None:
    page = studio.ada.page
    await page.goto(studio.stage.url)
    await page.set_viewport_size(LONG_SCREEN)
    await studio.take("set-up", page.locator("body > *").first, until=page.locator("section").nth(1))
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


async def _welcomed(studio: Studio) -> None:
    """Open the app's conversation for the first time."""
    await studio.ada.page.get_by_role("link", name="Messages").click()
    await expect(studio.ada.messages("comes here")).to_have_count(1)
    await studio.take("welcome", studio.ada.messages("comes here"))


async def _refused(studio: Studio) -> None:
    """Show a form whose private channel lacks the bot, then save it with the public one alone."""
    ada = studio.ada
    await ada.page.set_viewport_size(LONG_SCREEN)
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
    await studio.take_screen("movements", ada)
    await studio.take("movement", told.nth(1))


async def _handled(studio: Studio) -> None:
    """Open a movement's menu, ask why it came, claim it, and ask to mute its account."""
    ada = studio.ada
    told = ada.page.locator("article.message").nth(1)
    menu = told.get_by_role("button", name="More actions").first
    await menu.click()
    await expect(told.get_by_role("menuitem", name="Why did I get this?")).to_be_visible()
    await studio.take("movement-menu", told, is_pointed=True, until=ada.page.locator("article.message").nth(2))
    await told.get_by_role("menuitem", name="Why did I get this?").click()
    await expect(ada.modal).to_contain_text("Every movement")
    await studio.take("why", ada.modal)
    await ada.page.keyboard.press("Escape")
    await menu.click()
    await told.get_by_role("menuitem", name="Claim").click()
    await expect(ada.page.locator("details.thread")).to_contain_text("takes care of this")
    await expect(told).to_contain_text("claimed by")
    await studio.take("claim", told)
    await ada.messages("You take care of").get_by_role("button", name="Dismiss").click()
    await menu.click()
    await told.get_by_role("menuitem", name="Mute this account…").first.click()
    await expect(ada.modal).to_contain_text("For how long?")
    await studio.take("mute", ada.modal)
    await ada.submit("Cancel")


async def _corrected(studio: Studio, webhook: str) -> None:
    """Tell two movements of which their source corrects one later, and takes one back."""
    stage, ada = studio.stage, studio.ada
    kite, moss = _subscription("Kite Analytics", 42_000), _subscription("Mossgate Labs", 26_000)
    for one in (kite, moss):
        stage.clock.jump(stage.clock.now() + timedelta(minutes=6))
        one["starts_at"] = one["occurred_at"] = stage.clock.now().isoformat()
        await studio.send(webhook, one)
        await expect(ada.messages(f"{one['account']['name']} — New business")).to_have_count(1)
    for one, mrr in ((kite, 40_000), (moss, 0)):
        stage.clock.jump(stage.clock.now() + timedelta(minutes=9))
        await studio.send(webhook, {**one, "mrr_minor": mrr, "occurred_at": stage.clock.now().isoformat()})
        said = ada.page.locator("details.thread").filter(has_text=one["account"]["name"])
        await expect(said).to_contain_text("corrected" if mrr else "taken back")
    await expect(ada.page.locator("s")).to_have_count(1)
    await ada.page.set_viewport_size(LONG_SCREEN)
    await studio.take("correction", ada.messages("Kite Analytics — New business").first)
    await studio.take("taken-back", ada.messages("Taken back").first)
    await ada.page.set_viewport_size(SCREEN)


def _subscription(name: str, mrr_minor: int) -> dict[str, Any]:
    of = {"external_id": name, "name": name}
    return {"type": "subscription", "external_id": name, "mrr_minor": mrr_minor, "currency": "USD", "account": of}


async def _details(studio: Studio) -> None:
    """Pause a destination from its details and resume it, which these tell then."""
    ada = studio.ada
    await ada.page.set_viewport_size(LONG_SCREEN)
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
    forecast = ada.modal.get_by_text("In the last 30 days")
    await expect(forecast).to_contain_text("messages, of")
    first = await forecast.inner_text()
    await ada.choose("Only accounts where", "Country")
    await ada.choose("Country is", "Germany", "United States")
    await expect(forecast).to_contain_text("messages, of")
    await expect(forecast).not_to_have_text(first)
    second = await forecast.inner_text()
    await ada.fill("Minimum gain", "500")
    await expect(forecast).not_to_have_text(second)
    kinds = ada.modal.locator(".input").filter(has_text="Movements")
    await studio.take("filter", kinds, until=forecast, margin=MARGIN)
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
    [(name, _)] = Counter(one.account_name for one in _movements_of(studio.story)).most_common(1)
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
        await page.set_viewport_size(LONG_SCREEN)
        await studio.take(
            "vendors", page.locator("body > *").first, until=page.locator("section").nth(1), margin=MARGIN
        )
    await page.close()


async def _happen(studio: Studio, webhook: str, happening: Happening) -> None:
    """Let something happen as long after the one before as it takes in a real business."""
    clock = studio.stage.clock
    clock.jump(clock.now() + happening.after * 6)
    await studio.send(webhook, *dump_facts([happening.at(clock.now())]))


def _present(story: Story) -> Iterator[Happening]:
    """Tell how the story goes on, with the first account that comes back brought forward: so each kind is told."""
    present = story.present()
    soon = [list(_until(present, 1)) for _ in range(2 * FLOOD)]
    back = next(one for one in soon if _is_reactivation(one[-1]))
    soon.remove(back)
    return chain(*soon[: UNTOLD + TOLD - 1], back, *soon[UNTOLD + TOLD - 1 :], present)


def _is_reactivation(happening: Happening) -> bool:
    return isinstance(happening.fact, MovementFact) and happening.fact.kind is MovementKind.REACTIVATION


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
    await studio.take("signal", dana.messages("Sent to you because"))


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
    told = ada.messages("just completed an order")
    await studio.take("event-message", told.first, until=told.last)


async def _report(studio: Studio) -> None:
    """Open the report, and share its link."""
    ada, dana = studio.ada, studio.dana
    await ada.go()
    async with ada.page.expect_popup() as opened:
        await ada.middle.get_by_role("link", name=REPORT).click()
    page = await opened.value
    await page.get_by_role("button", name="Allow").click()
    await expect(page.get_by_role("heading", name=REPORT)).to_be_visible()
    await page.set_viewport_size(LONG_SCREEN)
    await studio.take("report", page.locator("body > *").first, until=page.locator("section").first)
    link = page.url
    await page.close()
    await dana.page.set_viewport_size(LONG_SCREEN)
    await dana.go(REVENUE)
    await dana.say(f"Our month so far: {link}")
    await studio.take("unfurl", await _shared(dana))


async def _shared(seat: Seat) -> Locator:
    """Wait for the preview under the shared link, and for its picture."""
    shared = seat.messages("Our month so far")
    await expect(shared.locator(".unfurl").get_by_role("img", name=REPORT)).to_have_js_property("complete", value=True)
    return shared


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
    await studio.take_screen("home-member", dana)


async def _drawn_in(seat: Seat) -> None:
    """Wait until the picture of MRR is there."""
    await expect(seat.middle.get_by_role("img", name="MRR")).to_have_js_property("complete", value=True)


async def _expired(studio: Studio) -> None:
    """Look at the shared link when its picture has become old, in a browser that doesn't have it yet."""
    await studio.stage.browser.travel(to=(MONDAY + timedelta(days=1)).isoformat())
    browser = studio.ada.page.context.browser
    assert browser is not None
    async with seated(browser, studio.stage.sandbox.url, ADA, size=LONG_SCREEN, bypass_csp=True) as anew:
        await anew.go(REVENUE)
        await studio.take("preview-expired", await _shared(anew))


async def _home(studio: Studio) -> None:
    """Ask for a recap of each week, and look at the Home tab of a manager."""
    ada = studio.ada
    await ada.go()
    await ada.open_modal("New destination", "New destination")
    await ada.choose("Frequency", "Weekly")
    await ada.fill("Name", "Board weekly")
    await ada.choose("Channels", "general")
    await ada.submit_and_close()
    await expect(ada.section("Board weekly")).to_be_visible()
    await _drawn_in(ada)
    await studio.take_screen("home", ada)


async def _recap(studio: Studio) -> None:
    """Go to the Monday after the week."""
    ada = studio.ada
    await studio.stage.browser.travel(to=MONDAY.isoformat())
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
    account = next(one for one in reversed(_movements_of(studio.story)) if one.account_external_id == GROWING)
    before = account.mrr_after_minor or 0
    stage.clock.jump(stage.clock.now() + timedelta(minutes=10))
    for number, (amount, seats) in enumerate(((17_700, "20 → 23"), (23_600, "23 → 27"), (-5_900, "27 → 26"))):
        stage.clock.jump(stage.clock.now() + timedelta(seconds=50))
        changed = {
            "external_id": f"together-{number}",
            "kind": MovementKind.EXPANSION if amount > 0 else MovementKind.CONTRACTION,
            "amount_minor": amount,
            "mrr_before_minor": before,
            "mrr_after_minor": before + amount,
            "description": f"{seats} seats",
            "occurred_at": stage.clock.now(),
        }
        before += amount
        await studio.send(webhook, *dump_facts([account.model_copy(update=changed)]))
        await ada.go(GENERAL)
        card = ada.messages(f"{account.account_name} — ").filter(has_text="in the thread")
        await expect(card).to_contain_text(f"{account.account_name} — ${before // 100:,} MRR")
    await studio.take("thread", card)
    await ada.go(WINS)
    reply = ada.messages("replied to a thread")
    first = ada.messages("in 2 changes").first
    await first.locator("summary").click()
    await studio.take("group", first, until=reply)
    async with stage.database.write() as session:
        calm = await destination.named(session, ACME, "Calm and quick")
        await destination.remove(session, calm, by=ADA, now=stage.clock.now())


def _movements_of(story: Story) -> list[MovementFact]:
    return [one for one in story.history() if isinstance(one, MovementFact)]


async def _failing(studio: Studio, webhook: str, present: Iterator[Happening]) -> None:
    """Archive a channel: whoever answers for it hears what waits, why, and what to do; the Home tab says so too."""
    stage, ada = studio.stage, studio.ada
    channel = stage.slack.channels[REVENUE]
    await stage.slack.archive(channel, by=ADA)
    for happening in _until(present, 1):
        await _happen(studio, webhook, happening)
    await ada.go(REVENUE)
    await expect(ada.page.locator("#side").get_by_label("1 unread")).to_be_visible()
    await ada.enter("Runrate")
    notice = ada.messages("I can't post to")
    await expect(notice).to_have_count(1)
    await studio.take("failure-notice", notice)
    await ada.go()
    await expect(ada.section("I can't post to")).to_be_visible()
    await _drawn_in(ada)
    await ada.page.set_viewport_size(LONG_SCREEN)
    await studio.take("failure-home", ada.page.locator("#head"), until=ada.section("Last sent"))
    for happening in _until(present, FLOOD - 1):
        await _happen(studio, webhook, happening)
    await _mended(studio)


async def _mended(studio: Studio) -> None:
    """Bring the channel back: what waited is told together, and the end of the failure too."""
    stage, ada = studio.stage, studio.ada
    await stage.slack.unarchive(stage.slack.channels[REVENUE], by=ADA)
    await ada.page.get_by_role("link", name="Messages").click()
    await expect(ada.messages("works again")).to_have_count(1)
    await studio.take("failure-over", ada.messages("works again"))
    await ada.page.set_viewport_size(LONG_SCREEN)
    await ada.go(REVENUE)
    await expect(ada.messages(f"{FLOOD} MRR movements")).to_have_count(1)
    await studio.take("flood", ada.messages(f"{FLOOD} MRR movements"))


async def _left(studio: Studio) -> None:
    """Let a manager leave who answers for a destination: another one hears of it, and may take over."""
    stage, ada = studio.stage, studio.ada
    now = stage.clock.now() + timedelta(minutes=20)
    stage.clock.jump(now)
    async with stage.database.write() as session:
        await person.name_managers(session, ACME, [LIAM], by=ADA, now=now)
        wish = Wish(name="Enterprise deals", recipients=((RecipientKind.CHANNEL, GENERAL),))
        await destination.create(session, ACME, wish, by=LIAM, now=now)
    await stage.slack.deactivate(stage.slack.people[LIAM])
    await stage.sandbox.outbound.settled()
    await stage.database.wakeups.notify(Topic.RECAPS)
    await ada.go()
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
    await studio.take("group-dm", dana.page.locator("#head"), until=dana.messages("West team"))


async def _recaps(studio: Studio, webhook: str, present: Iterator[Happening]) -> None:
    """Let days pass: one on which nothing happens, one of which something is told late, and the end of the month."""
    stage, ada = studio.stage, studio.ada
    await ada.page.set_viewport_size(LONG_SCREEN)
    for name, frequency, place in (("Every day", "Daily", "wins"), ("Every month", "Monthly", "revenue")):
        await ada.go()
        await ada.open_modal("New destination", "New destination")
        await ada.choose("Frequency", frequency)
        await ada.fill("Name", name)
        await ada.choose("Channels", place)
        await ada.submit_and_close()
    await _morning(studio, days=3, told="No MRR movements on Wednesday 25 November", name="recap-empty")
    for happening in _until(present, A_DAY):
        await _happen(studio, webhook, happening)
    await _told(ada, happening)
    evening = stage.clock.now()
    await _morning(studio, days=4, told="MRR, Thursday 26 November", name="recap-daily")
    for happening in _until(present, 1):
        await studio.send(webhook, *dump_facts([happening.at(evening)]))
    await expect(ada.messages("Corrected on")).to_have_count(1)
    await studio.take("recap-corrected", ada.messages("Corrected on"))
    await _told(ada, happening)
    await _morning(studio, days=8, told="MRR, November 2026", name="recap-monthly", at=REVENUE)


async def _told(seat: Seat, happening: Happening) -> None:
    """Wait until a movement is told, so that it is not told on another day."""
    assert isinstance(happening.fact, MovementFact)
    await seat.go(REVENUE)
    await expect(seat.messages(f"{happening.fact.account_name} — ").last).to_be_visible()


async def _morning(studio: Studio, *, days: int, told: str, name: str, at: str = WINS) -> None:
    """Go to a morning so many days after the Monday, and take the recap that comes then."""
    ada = studio.ada
    await studio.stage.browser.travel(to=(MONDAY + timedelta(days=days)).isoformat())
    await ada.go(at)
    await expect(ada.messages(told)).to_have_count(1)
    await studio.take(name, ada.messages(told))


if __name__ == "__main__":
    asyncio.run(main())

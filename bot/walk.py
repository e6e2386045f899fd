"""A walk through the product as a person takes it, headless. Its evidence is read from the local Slack alone.

Ada is a manager. She works with a browser (`bot.sandbox.person`), and her billing system posts to the webhook URL that
she copied from a modal. Each flow answers what was seen in Slack, or raises `FlowError` with what was missing there.
"""

import asyncio
import contextlib
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from bot.sandbox import Sandbox
from bot.sandbox.errors import NotPossibleError
from bot.sandbox.person import Browser, Home, Message, Modal, Person

ACME, ADA, DANA = "T0ACME", "U0ADA", "U0DANA"
GLOBEX, GINA = "T0GLOBEX", "U1GINA"
REVENUE, WINS, DEALS = "C0REVENUE", "C0WINS", "C0DEALS"
TEMPLATE = "🎉 {{$.properties.name}} just completed an order for {{$.properties.total}}!"
PATIENCE = 8.0
QUIET = 1.5
"""Seconds after which a message that must not come would have come: several times what one takes here."""

KINDS = {
    "new_business": (120_000, 0),
    "expansion": (42_000, 120_000),
    "contraction": (-30_000, 162_000),
    "churn": (-132_000, 132_000),
    "reactivation": (90_000, 0),
}
"""Each kind's amount and the MRR before it, in minor units."""


class FlowError(Exception):
    """A flow did not do what it should; the message says what was missing in Slack."""


@dataclass(frozen=True)
class Flow:
    """What became of one flow."""

    ok: bool
    seconds: float
    evidence: Any

    def as_json(self) -> dict[str, Any]:
        """Give the flow as `runrate demo --once --json` prints it."""
        return {"ok": self.ok, "seconds": round(self.seconds, 3), "evidence": self.evidence}


class Walk:
    """The flows in their order; each builds on those before it."""

    def __init__(self, *, sandbox: Sandbox, app_url: str, browser: Browser) -> None:
        """Take the local Slack, the app's address and an open browser."""
        self._sandbox = sandbox
        self._app_url = app_url
        self._browser = browser
        self._ada: Person = browser.person(ACME, ADA)
        self._mark = secrets.token_hex(3)
        self._source = f"Billing {self._mark}"
        self._name = f"Every movement {self._mark}"
        self._webhook = ""

    @property
    def flows(self) -> Mapping[str, Callable[[], Awaitable[Any]]]:
        """Name the flows."""
        return {
            "install": self._install,
            "home": self._home,
            "source": self._add_source,
            "destination": self._destination,
            "movement": self._movement,
            "edit": self._edit,
            "private_channel": self._private_channel,
            "event_message": self._event_message,
            "signal": self._signal,
            "report": self._report,
            "recap": self._recap,
            "delete": self._delete,
            "uninstall": self._uninstall,
        }

    async def run(self, *, broken: str | None = None) -> AsyncIterator[tuple[str, Flow]]:
        """Go through the flows, the broken one under sabotage; after a failure the rest is not tried."""
        stopped_by = None
        for name, flow in self.flows.items():
            if stopped_by is not None:
                yield name, Flow(ok=False, seconds=0, evidence=f"not tried: {stopped_by} failed before")
                continue
            async with self._sabotage(name if name == broken else None):
                outcome = await _timed(flow)
            stopped_by = None if outcome.ok else name
            yield name, outcome

    @asynccontextmanager
    async def _sabotage(self, flow: str | None) -> AsyncIterator[None]:
        """Make Slack misbehave in the way that this flow can't survive."""
        if flow is None:
            yield
            return
        if flow == "uninstall":
            # The app subscribes to no event, so that it never learns of the uninstall.
            apps = self._sandbox.state.apps
            whole = dict(apps)
            apps.update({key: replace(app, manifest=_deaf(app.manifest)) for key, app in apps.items()})
            yield
            apps.update(whole)
            return
        await self._browser.fault("error", method=SABOTAGED[flow], code="internal_error")
        yield
        await self._browser.clear_faults()

    async def _install(self) -> Any:
        page = await self._ada.install(self._app_url)
        _expect(page.status == HTTPStatus.OK, f"the page after Allow answered {page.status}")
        bots = [one["name"] for one in (await self._acme())["people"] if one.get("is_bot") and not one["deleted"]]
        _expect("runrate" in bots, f"Acme has no bot user of Runrate, only {bots}")
        return {"bots_in_acme": bots}

    async def _home(self) -> Any:
        home = await self._ada.open_home()
        _expect("Runrate in Acme" in home.words, "the Home tab doesn't name the workspace")
        return {"buttons": home.buttons, "blocks": len(home.blocks)}

    async def _add_source(self) -> Any:
        modal = await self._open(await self._ada.home(), "Add source")
        result = await modal.submit({"Name": self._source, "What sends": "Your own system"})
        _expect(result.modal is not None and not result.errors, f"the form stayed: {result.errors or result.error}")
        shown = result.modal or modal
        found = re.search(re.escape(self._app_url) + r"/in/[\w-]+", shown.words)
        _expect(found is not None, "the modal shows no webhook URL")
        self._webhook = found.group() if found else ""
        await shown.close(all_of_them=True)
        home = await self._home_now(containing=self._source)
        _expect("Waiting for your first event" in home.words, "the Home tab doesn't wait for a first event")
        return {"home": _line(home.words, self._source)}

    async def _destination(self) -> Any:
        answered = await self._ada.run("/mrr new", channel=REVENUE)
        _expect(answered.modal is not None, f"/mrr new opened no modal: {answered.error or answered.words}")
        modal = answered.modal or await self._ada.modal()
        await self._submit(modal, {"Name": self._name})
        await self._home_now(containing=self._name)
        members = await self._until(self._bot_is_in_revenue, "the bot didn't join #revenue")
        listed = await self._ada.run("/mrr list", channel=REVENUE)
        _expect(self._name in listed.words, "/mrr list doesn't name the destination")
        return {"bot_in_revenue": members, "list": listed.words}

    async def _movement(self) -> Any:
        told = []
        for kind, (amount, before) in KINDS.items():
            message = await self._tell(kind, amount, before, account=f"Northwind {kind} {self._mark}", channel=REVENUE)
            told.append(message)
        return {"messages": told}

    async def _edit(self) -> Any:
        name = f"Big and small {self._mark}"
        form = await self._from_menu("Edit")
        form = await form.click("More options") or form
        await self._submit(form, {"Name": name, "Channels": [REVENUE, WINS], "Attributes to show": ["Country"]})
        self._name = name
        await self._home_now(containing=name)
        text = await self._tell("expansion", 10_000, 50_000, account=f"Contoso {self._mark}", channel=WINS)
        message = await self._ada.message(WINS, containing=f"Contoso {self._mark}", seconds=PATIENCE)
        _expect("Germany" in message.words, "the message in #wins doesn't show the chosen attribute")
        return {"message": text, "words": message.words}

    async def _private_channel(self) -> Any:
        """Mention the bot where it is not a member, invite it as Slackbot offers, and use its welcome's button."""
        await self._ada.say(DEALS, "what can <@RUNRATE> do here?".replace("RUNRATE", await self._bot_id()))
        question = await self._ada.message(DEALS, containing="Invite Them", seconds=PATIENCE)
        await question.click("Invite Them")
        welcome = await self._ada.message(DEALS, containing="I can post your MRR", seconds=PATIENCE)
        modal = await welcome.click("Post MRR here")
        _expect(modal is not None, "the welcome's button opened no modal")
        channels = (modal or await self._ada.modal()).filled["Channels"]
        await (modal or await self._ada.modal()).close()
        await asyncio.sleep(QUIET)
        stored = [one for one in await self._browser.stored(ACME, DEALS) if "I can post your MRR" in str(one["text"])]
        _expect(len(stored) == 1, f"{len(stored)} welcomes in #deals-private")
        return {"welcome": stored[0]["text"], "form_starts_with": channels}

    async def _event_message(self) -> Any:
        """Make a workflow, and let Segment's library's call arrive."""
        key = await self._segment_key()
        choices = {
            "Name": f"Orders {self._mark}",
            "When this event arrives": f"Order Completed {self._mark}",
            "Post this message": TEMPLATE,
            "To this channel": WINS,
            "Under this name": "Order desk",
            "With this icon": ":tada:",
        }
        await self._submit(await self._open(await self._home_now(), "New workflow"), choices)
        properties = {"name": f"Ada <!channel> {self._mark}", "total": "$120"}
        event = {
            "userId": "u_1",
            "event": f"Order Completed {self._mark}",
            "messageId": f"m-{self._mark}",
            "properties": properties,
        }
        await self._post(f"{self._app_url}/v1/track", {**event, "writeKey": key})
        message = await self._ada.message(WINS, containing=f"{self._mark} just completed", seconds=PATIENCE)
        _expect("<!channel>" not in message["text"], "the event mentioned the channel")
        return {"message": message["text"], "author": message.author}

    async def _segment_key(self) -> str:
        home = await self._home_now()
        modal = await self._open(home, "Add source")
        result = await modal.submit({"Name": f"Segment {self._mark}", "What sends": "Segment"})
        shown = result.modal or modal
        found = re.search(r"/in/([\w-]+)", shown.words)
        await shown.close(all_of_them=True)
        _expect(found is not None, "the modal shows no key")
        return found.group(1) if found else ""

    async def _signal(self) -> Any:
        """Name Dana the owner of an account, and let something happen there."""
        account = {"external_id": f"fabrikam-{self._mark}", "name": f"Fabrikam {self._mark}"}
        owner = {"type": "role", "account_external_id": account["external_id"], "role": "owner"}
        await self._post(self._webhook, {**owner, "email": "dana@acme.com"})
        hire = {"type": "signal", "kind": "new_hire", "person": "Sofia Marín", "title": "VP Finance"}
        await self._post(self._webhook, {**hire, "account": account, "occurred_at": self._now().isoformat()})
        dana = self._browser.person(ACME, DANA)
        message = await dana.message("@Runrate", containing=account["name"], seconds=PATIENCE)
        _expect("dana@acme.com is named as owner" in message.words, "the message doesn't say why Dana gets it")
        return {"message": message["text"], "words": message.words}

    async def _report(self) -> Any:
        """Share the report's link; open it as Ada, and as somebody of another workspace."""
        found = re.search(re.escape(self._app_url) + r"/reports/\w+", str((await self._home_now()).blocks))
        _expect(found is not None, "the Home tab shows no link to the report")
        url = found.group() if found else ""
        await self._ada.say(REVENUE, f"Our month so far: {url}")
        shared = await self._ada.message(REVENUE, containing="opens for members of Acme", seconds=PATIENCE)
        picture = next(one["image_url"] for one in shared.blocks if one["type"] == "image")
        async with self._browser.session.get(picture) as response:
            kind, size = response.content_type, len(await response.read())
        _expect(kind == "image/png", f"the preview's picture is {kind}")
        async with Browser(self._browser.url) as elsewhere:
            refused = await elsewhere.person(GLOBEX, GINA).sign_in(url)
        _expect("no such report" in refused.text, "the report opened for a member of another workspace")
        page = await self._ada.sign_in(url)
        _expect("opens for members of Acme" in page.text, f"the report didn't open for Ada: {page.status}")
        return {"unfurl": shared.words, "picture_bytes": size, "to_a_stranger": refused.status, "to_ada": page.status}

    async def _recap(self) -> Any:
        """Ask for a daily recap, let something happen, and travel to the morning after."""
        modal = await self._open(await self._home_now(), "New destination")
        await modal.fill({"Name": f"Each day {self._mark}", "Frequency": "Daily: a recap of the day before"})
        await self._submit(modal, {"Channels": [REVENUE], "Time": "09:00", "Time zone": "UTC"})
        account, today = f"Adventure Works {self._mark}", self._now()
        await self._tell("new_business", 9_000_000, 0, account=account, channel=REVENUE)
        morning = today.replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=1)
        await self._browser.travel(to=morning.isoformat())
        day = f"{today:%A} {today.day} {today:%B}"
        message = await self._ada.message(REVENUE, containing=f"MRR, {day}", seconds=PATIENCE)
        _expect(account in message.words, f"the recap of {day} doesn't name {account}")
        _expect("$90,000" in message.words, "the recap doesn't say the account's gain")
        charts = [block for block in message.blocks if block["type"] == "data_visualization"]
        _expect(len(charts) == 1, "the recap has no chart")
        await self._submit(await self._from_menu("Delete", near=f"Each day {self._mark}"), {})
        return {"message": message["text"], "words": message.words}

    async def _delete(self) -> Any:
        await self._submit(await self._from_menu("Delete"), {})
        before = len(await self._posts())
        account = f"Gone {self._mark}"
        await self._send("expansion", 10_000, 50_000, account=account)
        await asyncio.sleep(QUIET)
        posts = await self._posts()
        _expect(len(posts) == before, "a message was posted for a deleted destination")
        home = await self._home_now()
        _expect(self._name not in home.words, "the Home tab still lists the destination")
        return {"posted_after_deletion": len(posts) - before}

    async def _uninstall(self) -> Any:
        answered = await self._ada.run("/mrr new", channel=REVENUE)
        await self._submit(answered.modal or await self._ada.modal(), {"Name": self._name})
        await self._browser.control("uninstall", workspace=ACME)
        await asyncio.sleep(QUIET)
        before = len(await self._browser.calls())
        await self._send("expansion", 10_000, 50_000, account=f"Kept {self._mark}")
        await asyncio.sleep(QUIET)
        calls = len(await self._browser.calls()) - before
        _expect(calls == 0, f"the app called Slack {calls} times after it was uninstalled")
        await self._ada.install(self._app_url)
        kept = await self._ada.message(REVENUE, containing=f"Kept {self._mark}", seconds=PATIENCE)
        await self._submit(await self._from_menu("Delete"), {})
        return {"calls_while_uninstalled": calls, "after_reinstall": kept["text"]}

    async def _open(self, home: Home, button: str) -> Modal:
        modal = await home.click(button)
        _expect(modal is not None, f"“{button}” opened no modal")
        return modal or await self._ada.modal()

    async def _from_menu(self, choice: str, *, near: str | None = None) -> Modal:
        """Choose from the menu beside the walk's destination, or beside another one."""
        opened = await (await self._home_now()).click(choice, near=near or self._name)
        _expect(opened is not None, f"{choice} opened no modal")
        return opened or await self._ada.modal()

    async def _home_now(self, *, containing: str = "") -> Home:
        """Open the Home tab anew, as it is after what happened since, until it has these words."""
        ends = time.monotonic() + PATIENCE
        while True:
            await self._ada.open_home()
            with contextlib.suppress(NotPossibleError):
                return await self._ada.home(containing=containing, seconds=1)
            _expect(time.monotonic() < ends, f"the Home tab doesn't show “{containing}”")

    async def _submit(self, modal: Modal, choices: Mapping[str, Any]) -> None:
        result = await modal.submit(choices)
        _expect(result.closed, f"the form stayed: {result.errors or result.error}")

    async def _tell(self, kind: str, amount: int, before: int, *, account: str, channel: str) -> str:
        """Send a movement and wait for its one message in a channel."""
        await self._send(kind, amount, before, account=account)
        message: Message = await self._ada.message(channel, containing=account, seconds=PATIENCE)
        stored = [one for one in await self._browser.stored(ACME, channel) if account in str(one.get("text"))]
        _expect(len(stored) == 1, f"{len(stored)} messages about {account} in {channel}")
        _expect("metadata" in stored[0], "the message carries no delivery id")
        return str(message["text"])

    async def _send(self, kind: str, amount: int, before: int, *, account: str) -> None:
        movement = {
            "type": "movement",
            "kind": kind,
            "amount_minor": amount,
            "mrr_before_minor": before,
            "currency": "USD",
            "plan": "Scale",
            "occurred_at": self._now().isoformat(),
            "account": {"external_id": account, "name": account, "attributes": {"country": "Germany"}},
        }
        await self._post(self._webhook, movement)

    async def _post(self, url: str, body: Mapping[str, Any]) -> None:
        async with self._browser.session.post(url, json=body) as response:
            _expect(response.status == HTTPStatus.OK, f"{url.split('/in/', maxsplit=1)[0]} answered {response.status}")

    def _now(self) -> datetime:
        """Read the local Slack's clock, which is the app's as well."""
        return datetime.fromtimestamp(self._sandbox.now(), UTC)

    async def _posts(self) -> list[Any]:
        return await self._browser.calls("chat.postMessage")

    async def _bot_id(self) -> str:
        return next(str(one["id"]) for one in (await self._acme())["people"] if one.get("is_bot"))

    async def _bot_is_in_revenue(self) -> bool:
        acme = await self._acme()
        bots = {one["id"] for one in acme["people"] if one.get("is_bot")}
        return any(bots.intersection(one["members"]) for one in acme["channels"] if one["id"] == REVENUE)

    async def _acme(self) -> Mapping[str, Any]:
        """Look at the workspace's people and channels."""
        scene = await self._browser.ask("GET", "workspaces")
        return next(one for one in scene["workspaces"] if one["id"] == ACME)

    async def _until(self, look: Callable[[], Awaitable[bool]], missing: str) -> bool:
        ends = time.monotonic() + PATIENCE
        while not await look():
            _expect(time.monotonic() < ends, missing)
            await asyncio.sleep(0.05)
        return True


SABOTAGED = {
    "install": "oauth.v2.access",
    "home": "views.publish",
    "source": "views.open",
    "destination": "conversations.join",
    "movement": "chat.postMessage",
    "edit": "views.open",
    "private_channel": "chat.postMessage",
    "event_message": "chat.postMessage",
    "signal": "chat.postMessage",
    "report": "chat.unfurl",
    "recap": "chat.postMessage",
    "delete": "views.open",
}
"""The method that Slack refuses while a flow is broken on purpose."""


async def _timed(flow: Callable[[], Awaitable[Any]]) -> Flow:
    started = time.monotonic()
    try:
        evidence, ok = await flow(), True
    except (FlowError, NotPossibleError) as error:
        evidence, ok = str(error), False
    except Exception as error:  # noqa: BLE001 - whatever else goes wrong, it is this flow that failed
        evidence, ok = f"{type(error).__name__}: {error}", False
    return Flow(ok=ok, seconds=time.monotonic() - started, evidence=evidence)


def _expect(condition: bool, missing: str) -> None:
    if not condition:
        raise FlowError(missing)


def _deaf(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {**manifest, "settings": {**manifest["settings"], "event_subscriptions": {}}}


def _line(words: str, containing: str) -> str:
    return next((line for line in words.splitlines() if containing in line), "")

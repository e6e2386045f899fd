"""A person at a browser, to be driven by tests and by the demo: over HTTP only, as the page in a real browser is.

```python
async with Browser(sandbox.url) as browser:
    ada = browser.person("T0ACME", "U0ADA")
    await ada.install("http://127.0.0.1:3000")
    await ada.open_home()
    modal = await ada.click("New destination")
    await modal.fill({"Name": "Every movement", "Channels": ["#revenue"]})
    result = await modal.submit()
    message = await ada.message("#revenue", containing="Northwind")
```
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp

from bot.sandbox import webpage
from bot.sandbox.elements import EXTERNAL, Placed, placed_in
from bot.sandbox.errors import NotPossibleError
from bot.sandbox.records import Json
from bot.sandbox.webpage import Page

T = TypeVar("T")
PATIENCE = 30.0
WORDY = ("text", "alt_text", "title", "url")


class Browser:
    """The one browser in which everybody's pages stand; it keeps cookies."""

    def __init__(self, sandbox_url: str) -> None:
        self.url = sandbox_url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("Open the browser with “async with Browser(…) as browser”.")
        return self._session

    def person(self, workspace: str, user: str) -> "Person":
        return Person(self, workspace, user)

    async def open(self, url: str) -> Page:
        async with self.session.get(url) as response:
            return webpage.read(response.status, str(response.url), await response.text())

    async def send(self, page: Page, fields: Iterable[tuple[str, str]]) -> Page:
        """Send the page's form with these fields."""
        form = page.form()
        async with self.session.post(form.action, data=list(fields)) as response:
            return webpage.read(response.status, str(response.url), await response.text())

    # --- the scene, and what it bears witness to -----------------------------------------------------------------

    async def control(self, do: str, **what: Any) -> None:
        """Make something happen: archive, rename, remove_bot, deactivate, revoke, uninstall and the like."""
        await self.ask("POST", "control", {"do": do, **what})

    async def fault(self, fault: str, **what: Any) -> None:
        await self.ask("POST", "faults", {"fault": fault, **what})

    async def clear_faults(self) -> None:
        await self.ask("DELETE", "faults")

    async def travel(self, **where: Any) -> None:
        """Set the clock ahead: by `seconds`, or `to` a moment in ISO 8601; only where the sandbox was given a clock."""
        await self.ask("POST", "travel", where)

    async def calls(self, method: str | None = None) -> list[Json]:
        """Return the Web API calls that the local Slack answered."""
        answer = await self.ask("GET", "calls", {"method": method} if method else {})
        return list(answer["calls"])

    async def deliveries(self) -> list[Json]:
        """Return the events that were sent to apps, with what came of each attempt."""
        answer = await self.ask("GET", "deliveries")
        return list(answer["deliveries"])

    async def stored(self, workspace: str, channel: str) -> list[Json]:
        """Return a channel's messages as Slack stores them, metadata included."""
        answer = await self.ask("GET", "messages", {"workspace": workspace, "channel": channel})
        return list(answer["messages"])

    async def ask(self, method: str, path: str, asked: Json | None = None) -> Json:
        """Call one of the sandbox's own endpoints; what it refuses is raised with its sentence."""
        given: Json = {"params" if method == "GET" else "json": asked or {}}
        async with self.session.request(method, f"{self.url}/_sandbox/{path}", **given) as response:
            answer: Json = await response.json()
        if "error" in answer and response.status >= HTTPStatus.BAD_REQUEST:
            raise NotPossibleError(answer["error"])
        return answer


class Surface(dict[str, Any]):
    """Blocks on somebody's screen, with the rest of what was drawn there as a dictionary."""

    def __init__(self, owner: "Person", drawn: Json) -> None:
        super().__init__(drawn)
        self.owner = owner

    @property
    def at(self) -> Json:
        return {"view_id": self["id"]}

    @property
    def blocks(self) -> list[Json]:
        attached = [block for one in self.get("attachments") or [] for block in one.get("blocks", [])]
        return [*(self.get("blocks") or []), *attached]

    @property
    def placed(self) -> list[Placed]:
        return list(placed_in(self.blocks))

    @property
    def words(self) -> str:
        """All words that a person can read here."""
        return " ".join(_words(self.blocks))

    @property
    def buttons(self) -> list[str]:
        """The words on the buttons and in the menus behind them."""
        return [words for one in self.placed if one.shape is None for words in _pressed_by(one)]

    @property
    def fields(self) -> list[str]:
        """The labels of what can be filled in."""
        return [one.label for one in self.placed if one.shape is not None]

    async def click(self, what: str, *, option: Any = None, near: str | None = None) -> "Modal | None":
        """Press what has these words or this action id; return the modal that opened or changed, or None.

        `option` is what to choose in a menu; `near` tells apart several of the same words by what stands beside them.
        """
        placed, implied = self._find(what, near)
        asked = {"at": self.at, "action_id": placed.action_id, "block_id": placed.block_id}
        answer = await self.owner.do("click", **asked, value=implied if option is None else option)
        if answer["error"]:
            raise NotPossibleError(answer["error"])
        return Modal(self.owner, answer["modal"]) if answer["modal"] else None

    async def fill(self, choices: Mapping[str, Any]) -> None:
        """Fill in fields by their labels, action ids or block ids: words, an option's words, a channel, or a list."""
        for label, choice in choices.items():
            placed = self._field(label)
            if placed.type in EXTERNAL:
                await self._ask_for_options(placed, choice)
            values = {placed.block_id: {placed.action_id: choice}}
            answer = await self.owner.do("fill", at=self.at, values=values)
            if answer["error"]:
                raise NotPossibleError(answer["error"])
            self._filled(answer)

    def _filled(self, _answer: Json) -> None:
        """Take over what filling in changed; a Home tab or a message is looked at anew instead."""

    async def _ask_for_options(self, placed: Placed, choice: Any) -> None:
        place = {"at": self.at, "action_id": placed.action_id, "block_id": placed.block_id}
        for one in choice if isinstance(choice, list) else [choice]:
            await self.owner.do("options", **place, value=str(one))

    def _field(self, label: str) -> Placed:
        fields = [one for one in self.placed if one.shape is not None]
        for one in fields:
            if label in (one.label, one.action_id, one.block_id):
                return one
        raise NotPossibleError(f"There is no field “{label}” here; there are: {_listing(self.fields)}.")

    def _find(self, what: str, near: str | None) -> tuple[Placed, str | None]:
        """Find an element by its words or action id, or an option of a menu by its words, which is then implied."""
        by_name = [(one, None) for one in self.placed if what in (one.label, one.action_id)]
        by_option = [(one, what) for one in self.placed if one.offers and what in _pressed_by(one)]
        found: list[tuple[Placed, str | None]] = [*by_name] or [*by_option]
        if not found:
            raise NotPossibleError(f"There is no button “{what}” here; there are: {_listing(self.buttons)}.")
        if near is not None:
            return min(found, key=lambda one: self._distance(one[0], near))
        if len(found) > 1:
            raise NotPossibleError(f"There are {len(found)} of “{what}” here; tell them apart with near=….")
        return found[0]

    def _distance(self, placed: Placed, near: str) -> int:
        """Count the blocks from the last one with these words down to the element; one above them is far away."""
        marked = [index for index, block in enumerate(self.blocks) if near in " ".join(_words([block]))]
        if not marked:
            raise NotPossibleError(f"The words “{near}” are not here. There is: {self.words[:500]}")
        here = next(index for index, block in enumerate(self.blocks) if block == placed.block)
        return min((here - index for index in marked if index <= here), default=len(self.blocks))


class Home(Surface):
    """An app's Home tab."""


class Message(Surface):
    """A message as somebody sees it."""

    @property
    def at(self) -> Json:
        return {"channel": self["channel"], "ts": self["ts"]}

    @property
    def words(self) -> str:
        return super().words or str(self.get("text", ""))

    @property
    def author(self) -> str:
        return str(self["author"])

    @property
    def is_ephemeral(self) -> bool:
        return bool(self.get("is_ephemeral"))


@dataclass(frozen=True)
class Result:
    """What became of a submitted modal: `errors` by the fields' labels, `modal` what is on the screen now."""

    closed: bool
    errors: dict[str, str]
    error: str | None
    modal: "Modal | None"


class Modal(Surface):
    """A modal that lies on top."""

    @property
    def title(self) -> str:
        return str(self["title"]["text"])

    @property
    def filled(self) -> dict[str, Any]:
        """What is filled in, as the app would see it, by the fields' labels."""
        state = self["state"]["values"]
        return {one.label: _held(state[one.block_id][one.action_id]) for one in self.placed if one.shape is not None}

    async def submit(self, choices: Mapping[str, Any] | None = None) -> Result:
        """Press the modal's button, after filling in what is given."""
        await self.fill(choices or {})
        answer = await self.owner.do("submit", view_id=self["id"])
        labels = {one.block_id: one.label for one in self.placed if one.is_input}
        errors = {labels[block_id]: error for block_id, error in answer["errors"].items()}
        modal = Modal(self.owner, answer["view"]) if answer["view"] else None
        return Result(answer["closed"], errors, answer["error"], modal)

    async def close(self, *, all_of_them: bool = False) -> "Modal | None":
        """Press Cancel, or the cross that closes the whole stack; return the modal that was beneath."""
        answer = await self.owner.do("close", view_id=self["id"], clear=all_of_them)
        return Modal(self.owner, answer["view"]) if answer["view"] else None

    def _filled(self, answer: Json) -> None:
        if answer["modal"] and answer["modal"]["id"] == self["id"]:
            self.clear()
            self.update(answer["modal"])


@dataclass(frozen=True)
class Answered:
    """What a person sees of a command: the message that answers it, the modal it opened, or that it failed."""

    status: int | None
    message: Message | None
    modal: Modal | None
    error: str | None

    @property
    def words(self) -> str:
        return self.message.words if self.message else ""


class Person:
    """Somebody with a browser."""

    def __init__(self, browser: Browser, workspace: str, user: str) -> None:
        self.browser = browser
        self.workspace = workspace
        self.id = user

    async def do(self, act: str, **what: Any) -> Json:
        return await self.browser.ask("POST", act, {"workspace": self.workspace, "as": self.id, **what})

    async def sees(self) -> Json:
        """Return all that this person sees."""
        return await self.browser.ask("GET", "see", {"workspace": self.workspace, "as": self.id})

    async def until(self, look: Callable[[Json], T | None], *, waiting_for: str, seconds: float = PATIENCE) -> T:
        """Look, again after each change, until there is something to return."""
        ends = time.monotonic() + seconds
        while True:
            seen = await self.sees()
            if found := look(seen):
                return found
            left = ends - time.monotonic()
            if left <= 0:
                raise NotPossibleError(f"After {seconds:g} s {self.id} still doesn't see {waiting_for}.")
            await self.browser.ask("GET", "changes", {"since": seen["change"], "wait": f"{min(left, 1.0):.3f}"})

    # --- installing ----------------------------------------------------------------------------------------------

    async def install(
        self,
        app_url: str,
        *,
        allow: bool = True,
        without: Iterable[str] = (),
        path: str = "/slack/install",
        organisation: str = "",
    ) -> Page:
        """Install the app from its own page: Allow, or Cancel; `without` unticks optional scopes.

        With `organisation`, for all of it.
        """
        asked = await self.browser.open(app_url.rstrip("/") + path)
        if not asked.forms:
            return asked
        unticked = {("optional", scope) for scope in without}
        chosen = {"person", "organisation"}
        kept = [one for one in asked.form().fields if one[0] not in chosen and one not in unticked]
        answers = [("person", self.id), ("organisation", organisation), ("decision", "allow" if allow else "cancel")]
        return await self.browser.send(asked, [*kept, *answers])

    async def sign_in(self, url: str, *, allow: bool = True) -> Page:
        """Open a page of the app for which one signs in with Slack, and sign in where it asks."""
        asked = await self.browser.open(url)
        if "openid/connect/authorize" not in asked.url:
            return asked
        kept = [one for one in asked.form().fields if one[0] != "person"]
        return await self.browser.send(
            asked, [*kept, ("person", self.id), ("decision", "allow" if allow else "cancel")]
        )

    # --- the app's Home tab and its modals -----------------------------------------------------------------------

    async def open_home(self, *, seconds: float = PATIENCE) -> Home:
        """Open the Home tab, and wait for the app to publish one if there was none."""
        answer = await self.do("home")
        return Home(self, answer["view"]) if answer["view"] else await self.home(seconds=seconds)

    async def home(self, *, containing: str = "", seconds: float = PATIENCE) -> Home:
        """Look at the Home tab as it is, or once it has these words."""

        def look(seen: Json) -> Home | None:
            home = Home(self, seen["home"]) if seen["home"] else None
            return home if home and containing in home.words else None

        return await self.until(look, waiting_for=f"a Home tab with “{containing}”", seconds=seconds)

    async def modal(self, *, containing: str = "", seconds: float = PATIENCE) -> Modal:
        """Look at the modal on top, once there is one with these words."""

        def look(seen: Json) -> Modal | None:
            modal = Modal(self, seen["modals"][-1]) if seen["modals"] else None
            return modal if modal and containing in f"{modal.title} {modal.words}" else None

        return await self.until(look, waiting_for=f"a modal with “{containing}”", seconds=seconds)

    async def click(self, what: str, *, option: Any = None, near: str | None = None) -> Modal | None:
        """Press something in the modal on top, or else on the Home tab."""
        seen = await self.sees()
        drawn = seen["modals"][-1] if seen["modals"] else seen["home"]
        if drawn is None:
            raise NotPossibleError(f"{self.id} has neither a modal nor a Home tab on the screen.")
        return await Surface(self, drawn).click(what, option=option, near=near)

    # --- conversations -------------------------------------------------------------------------------------------

    async def run(self, typed: str, *, channel: str) -> Answered:
        """Type a slash command in a channel."""
        before = {message["ts"] for message in await self.messages(channel)}
        answer = await self.do("command", channel=channel, text=typed)
        news = [message for message in await self.messages(channel) if message["ts"] not in before]
        modal = Modal(self, answer["modal"]) if answer["modal"] else None
        return Answered(answer["status"], news[-1] if news else None, modal, answer["error"])

    async def say(self, channel: str, text: str, *, thread_ts: str | None = None, broadcast: bool = False) -> str:
        """Post a message and return its timestamp; in a thread, `broadcast` sends it to the channel as well."""
        answer = await self.do("say", channel=channel, text=text, thread_ts=thread_ts, broadcast=broadcast)
        return str(answer["ts"])

    async def invite(self, channel: str, user: str) -> None:
        await self.do("invite", channel=channel, user=user)

    async def kick(self, channel: str, user: str) -> None:
        await self.do("kick", channel=channel, user=user)

    async def join(self, channel: str) -> None:
        await self.do("join", channel=channel)

    async def leave(self, channel: str) -> None:
        await self.do("leave", channel=channel)

    async def messages(self, channel: str) -> list[Message]:
        """Return what this person sees in a conversation: its id, a `#channel`, or `@name` for a direct one."""
        return self._messages(await self.sees(), channel)

    async def message(self, channel: str, *, containing: str = "", seconds: float = PATIENCE) -> Message:
        """Return the latest message with these words, once there is one."""

        def look(seen: Json) -> Message | None:
            fitting = [one for one in self._messages(seen, channel) if containing in one.words]
            return fitting[-1] if fitting else None

        waiting_for = f"a message with “{containing}” in {channel}"
        return await self.until(look, waiting_for=waiting_for, seconds=seconds)

    def _messages(self, seen: Json, channel: str) -> list[Message]:
        for place in seen["channels"]:
            if channel in (place["id"], f"#{place['name']}"):
                return [Message(self, one) for one in place["messages"]]
        for place in seen["directs"]:
            if channel in (place["id"], f"@{place['name']}"):
                return [Message(self, one) for one in place["messages"]]
        if channel.startswith(("@", "D")):
            # A direct conversation begins with its first message.
            return []
        raise NotPossibleError(f"{self.id} sees no channel {channel}.")


def _words(drawn: Any) -> Iterator[str]:
    if isinstance(drawn, list):
        for one in drawn:
            yield from _words(one)
    elif isinstance(drawn, dict):
        for name, value in drawn.items():
            if isinstance(value, str) and name in WORDY:
                yield value
            elif name not in {"confirm", "placeholder"}:
                yield from _words(value)


def _pressed_by(placed: Placed) -> list[str]:
    options = [option["text"]["text"] for option in placed.options]
    return options or [placed.label]


def _held(value: Json) -> Any:
    return next(held for name, held in value.items() if name != "type")


def _listing(words: list[str]) -> str:
    return ", ".join(f"“{one}”" for one in words) or "none"

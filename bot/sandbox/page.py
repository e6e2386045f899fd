"""The plain page: one person's Slack in a browser, drawn on the server and kept fresh by a small script."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web
from jinja2 import Environment, FileSystemLoader

from bot.sandbox.app import SlackApp
from bot.sandbox.client import CLIENTS
from bot.sandbox.clients import Clients
from bot.sandbox.drawing import Drawing
from bot.sandbox.elements import CHANNEL_PICKERS, PEOPLE_PICKERS, Placed, Values
from bot.sandbox.interactions import InMessage
from bot.sandbox.mrkdwn import PICTURES
from bot.sandbox.people import SLACKBOT
from bot.sandbox.records import Channel, Json, Message, Person, View
from bot.sandbox.screen import Screen

if TYPE_CHECKING:
    from bot.sandbox.server import Sandbox

TEMPLATES = Path(__file__).parent / "templates"
ASSETS = {"page.css": "text/css", "page.js": "text/javascript"}
HOME = "home"
MOST_SHOWN = 200
INPUTS = {
    "plain_text_input": "text",
    "email_text_input": "email",
    "url_text_input": "url",
    "number_input": "number",
    "datepicker": "date",
    "timepicker": "time",
}
# Nothing but our own script runs, and no other page may put this one in a frame.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; "
    "img-src http: https: data:; base-uri 'none'; frame-ancestors 'none'"
)

_templates = Environment(
    loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True, auto_reload=False
)


@dataclass(frozen=True)
class Choice:
    """One line of a menu."""

    value: str
    label: str
    description: str = ""


@dataclass(frozen=True)
class Surface:
    """Blocks with what was put into them and how a click on them is addressed."""

    screen: Screen
    blocks: list[Json]
    values: Values
    at: Json
    errors: dict[str, str] = field(default_factory=dict)
    trouble: str | None = None

    @property
    def address(self) -> str:
        return orjson.dumps(self.at).decode()

    def held(self, block: Json, element: Json) -> Any:
        """Return what an element holds: a text, an option, an id, or a list of these."""
        value = self.values.get(block.get("block_id", ""), {}).get(element.get("action_id", ""), {})
        return next((held for name, held in value.items() if name != "type"), None)

    def single(self, held: Any) -> str:
        return str(held["value"] if isinstance(held, dict) else held or "")

    def many(self, held: Any) -> list[str]:
        return [self.single(one) for one in held or []]

    def choices(self, element: Json) -> list[Choice]:
        """List what a menu offers to this person."""
        kind = element["type"]
        if kind in CHANNEL_PICKERS:
            places = self.screen.places(kind, element)
            return [Choice(place.id, self._title(place)) for place in places]
        if kind in PEOPLE_PICKERS:
            return [Choice(person.id, person.real_name) for person in self.screen.people()]
        options = Placed({}, element).options
        return [Choice(one["value"], one["text"]["text"], _words(one.get("description"))) for one in options]

    def _title(self, channel: Channel) -> str:
        sign, note = ("", "") if channel.is_direct else ("", " (private)") if channel.is_private else ("#", "")
        return f"{sign}{self.screen.title(channel)}{note}"


@dataclass(frozen=True)
class Line:
    """A message with its author, as it stands in a conversation."""

    message: Message
    author: str
    is_bot: bool
    picture: str | None
    surface: Surface
    replies: list["Line"]

    @property
    def sign(self) -> str:
        """What stands in for a picture: the borrowed emoji, or a letter."""
        return PICTURES.get((self.message.icon_emoji or "").strip(":"), self.author[:1])


class Page:
    """One person's page: where they are, and all that is drawn there."""

    def __init__(self, clients: Clients, query: dict[str, str]) -> None:
        self.clients = clients
        self.slack = clients.slack
        self.person = _chosen(clients, query.get("as", ""))
        self.screen = clients.screen(self.person)
        self.draw = Drawing(self.slack, self.person)
        self.app = clients.app()
        self.channel = self._channel(query.get("at", ""))
        self.at = self.channel.id if self.channel else HOME

    @property
    def workspace_name(self) -> str:
        return self.slack.workspaces[self.person.workspace_id].name

    @property
    def everybody(self) -> Iterator[tuple[str, list[Person]]]:
        for workspace in self.slack.workspaces.values():
            people = [one for one in self.slack.people_of(workspace.id) if _can_be(one)]
            yield workspace.name, people

    @property
    def apps(self) -> list[tuple[SlackApp, bool]]:
        here = self.person.workspace_id
        return [(app, self.slack.installation(app.id, here) is not None) for app in self.slack.apps.values()]

    @property
    def installed(self) -> bool:
        return self.slack.installation(self.app.id, self.person.workspace_id) is not None

    @property
    def channels(self) -> list[Channel]:
        seen = [one for one in self.slack.visible_channels(self.person) if not one.is_direct]
        return sorted(seen, key=lambda one: (one.is_archived, one.name))

    @property
    def directs(self) -> list[Channel]:
        return [one for one in self.slack.visible_channels(self.person) if one.is_direct and one.messages]

    @property
    def home(self) -> Surface | None:
        view = self.slack.home(self.app.id, self.person.workspace_id, self.person.id)
        return self.view_surface(view) if view else None

    @property
    def modal(self) -> tuple[View, Surface] | None:
        modals = self.screen.modals()
        return (modals[-1], self.view_surface(modals[-1])) if modals else None

    def _channel(self, channel_id: str) -> Channel | None:
        channel = self.slack.channels.get(channel_id)
        return channel if channel and self.slack.can_see(self.person, channel) else None

    def link(self, at: str) -> str:
        return f"/?as={self.person.id}&at={at}"

    def name(self, channel: Channel) -> str:
        return self.screen.title(channel)

    def latest(self, channel: Channel) -> str:
        messages = self.clients.messages(self.person, channel)
        return messages[-1].ts if messages else ""

    def is_member(self, channel: Channel) -> bool:
        return self.person.id in channel.members

    def is_closed(self, channel: Channel) -> str | None:
        """Say why nobody can write here, if so."""
        if channel.is_archived:
            return "This channel is archived."
        bots = [self.slack.people[one] for one in channel.members if self.slack.people[one].is_bot]
        read_only = any(self.slack.apps[bot.app_id].messages_tab_read_only for bot in bots if bot.app_id)
        return "Sending messages to this app has been turned off." if channel.kind == "im" and read_only else None

    def days(self, channel: Channel) -> Iterator[tuple[str, list[Line]]]:
        """Group the conversation by day, each thread under its first message."""
        messages = self.clients.messages(self.person, channel)[-MOST_SHOWN:]
        firsts = {message.ts for message in messages}
        day, lines = "", list[Line]()
        for message in messages:
            if message.thread_ts in firsts and message.thread_ts != message.ts:
                continue
            if self.draw.day(message.ts) != day and lines:
                yield day, lines
                lines = []
            day = self.draw.day(message.ts)
            replies = [one for one in messages if one.thread_ts == message.ts and one.ts != message.ts]
            lines.append(self.line(channel, message, [self.line(channel, one, []) for one in replies]))
        if lines:
            yield day, lines

    def line(self, channel: Channel, message: Message, replies: list[Line]) -> Line:
        author = self.slack.people[message.user_id]
        return Line(
            message=message,
            author=message.username or author.real_name,
            is_bot=author.is_bot,
            picture=self.draw.web(message.icon_url),
            surface=self.message_surface(self.screen.message(channel, message.ts)),
            replies=replies,
        )

    def view_surface(self, view: View) -> Surface:
        return Surface(
            screen=self.screen,
            blocks=view.body["blocks"],
            values=view.state,
            at={"view_id": view.id},
            errors=self.screen.errors(view),
            trouble=self.screen.trouble(view),
        )

    def message_surface(self, place: InMessage) -> Surface:
        author = self.slack.people[place.message.user_id]
        # What people write is drawn from its text, where their *emphasis* still stands.
        drawn_from_text = not author.is_bot and author.id != SLACKBOT
        return Surface(
            screen=self.screen,
            blocks=[] if drawn_from_text else place.message.blocks or [],
            values=place.values,
            at={"channel": place.channel.id, "ts": place.message.ts},
            trouble=self.screen.trouble(place.message),
        )

    def html(self) -> str:
        template = _templates.get_template("page.html")
        return template.render(page=self, draw=self.draw, inputs=INPUTS, change=self.slack.changes.count)


def add_routes(web_app: web.Application, _sandbox: "Sandbox") -> None:
    web_app.router.add_get("/", _show)
    web_app.router.add_get("/_sandbox/{asset:page\\.(?:css|js)}", _asset)


async def _show(request: web.Request) -> web.Response:
    page = Page(request.app[CLIENTS], dict(request.query))
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    return web.Response(text=page.html(), content_type="text/html", headers=headers)


async def _asset(request: web.Request) -> web.Response:
    name = request.match_info["asset"]
    return web.Response(text=(TEMPLATES / name).read_text(), content_type=ASSETS[name])


def _chosen(clients: Clients, user_id: str) -> Person:
    """Find whose page it is; nobody in particular means the first person there is."""
    people = [person for person in clients.slack.people.values() if _can_be(person)]
    return next((person for person in people if person.id == user_id), people[0])


def _can_be(person: Person) -> bool:
    return not (person.is_bot or person.deleted or person.id == SLACKBOT)


def _words(text: Json | None) -> str:
    return str(text["text"]) if text else ""

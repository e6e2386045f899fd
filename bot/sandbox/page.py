"""The workspace in a browser: one person's Slack, drawn on the server and kept fresh by a small script."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader

from bot.sandbox import remembered, shapes
from bot.sandbox.app import SlackApp
from bot.sandbox.client import CLIENTS
from bot.sandbox.clients import Clients
from bot.sandbox.drawing import Drawing
from bot.sandbox.people import SLACKBOT
from bot.sandbox.records import Channel, File, Person, View
from bot.sandbox.surface import Surface
from bot.sandbox.talk import Talk
from bot.sandbox.world import World

TEMPLATES = Path(__file__).parent / "templates"
ASSETS = {".css": "text/css", ".js": "text/javascript"}
HOME = "home"
INPUTS = {
    "plain_text_input": "text",
    "email_text_input": "email",
    "url_text_input": "url",
    # A number field of the browser would swallow what is no number, and with it Slack's sentence about it.
    "number_input": "text",
    "datepicker": "date",
    "timepicker": "time",
    "datetimepicker": "datetime-local",
}
# Nothing but our own script runs, and no other page may put this one in a frame.
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; "
    "img-src http: https: data:; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

templates = Environment(
    loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True, auto_reload=False
)


@dataclass(frozen=True)
class Entry:
    """A line of the sidebar; `count` is the number beside it, `is_new` its bold letters."""

    at: str
    name: str
    kind: str
    href: str
    is_current: bool = False
    is_new: bool = False
    count: int = 0
    is_faint: bool = False
    tag: str = ""


class Page:
    """One person's page: where they are, and all that is drawn there."""

    def __init__(self, clients: Clients, query: dict[str, str], *, travels: bool = False) -> None:
        self.clients = clients
        self.slack = clients.slack
        self.travels = travels
        self.person = chosen(clients, query.get("as", ""))
        self.screen = clients.screen(self.person)
        self.draw = Drawing(self.slack, self.person)
        self.app = clients.app()
        self.channel = self._channel(query.get("at", ""))
        self.at = self.channel.id if self.channel else HOME
        self.pointed_at = query.get("m", "")

    # --- around ----------------------------------------------------------------------------------------------------

    @property
    def workspace_name(self) -> str:
        return self.slack.workspaces[self.person.workspace_id].name

    @property
    def everybody(self) -> Iterator[tuple[str, list[Person]]]:
        for workspace in self.slack.workspaces.values():
            people = [one for one in self.slack.people_of(workspace.id) if _can_be(one)]
            yield workspace.name, people

    @property
    def title(self) -> str:
        if not self.channel or self.is_with_app:
            return self.app.name
        return self.screen.title(self.channel)

    @property
    def installed(self) -> bool:
        return self.slack.installation(self.app.id, self.person.workspace_id) is not None

    @property
    def has_access(self) -> bool:
        """Say whether the app's token still opens anything."""
        installation = self.slack.installation(self.app.id, self.person.workspace_id)
        return installation is not None and self.slack.tokens[installation.token].ended is None

    @property
    def now(self) -> str:
        """The time on the person's wall, for where it is not that of the machine."""
        return self.draw.written(self.slack.now(), "{date_long}, {time}")

    # --- the sidebar -----------------------------------------------------------------------------------------------

    @property
    def apps(self) -> list[Entry]:
        return [self._app_entry(app) for app in self.slack.apps.values()]

    def _app_entry(self, app: SlackApp) -> Entry:
        direct = self._direct_with(app)
        count = len(self.clients.unread(self.person, direct)) if direct else 0
        installed = self.slack.installation(app.id, self.person.workspace_id) is not None
        is_here = app is self.app and (self.channel is None or self.is_with_app)
        return Entry(
            at=HOME,
            name=app.name,
            kind="app",
            href=self.link(direct.id if direct and count else HOME),
            is_current=is_here,
            is_new=bool(count),
            count=count,
            tag="" if installed else "not installed",
        )

    @property
    def channels(self) -> list[Entry]:
        seen = [one for one in self.slack.visible_channels(self.person) if not one.is_direct]
        return [self._entry(one) for one in sorted(seen, key=lambda one: (one.is_archived, one.name))]

    @property
    def directs(self) -> list[Entry]:
        own = [one for one in self.slack.visible_channels(self.person) if one.is_direct and not self._is_of_app(one)]
        shown = [one for one in own if one.messages or one.ephemerals or one is self.channel]
        return [self._entry(one) for one in sorted(shown, key=lambda one: max(one.messages, default=""), reverse=True)]

    def _entry(self, channel: Channel) -> Entry:
        unread = self.clients.unread(self.person, channel)
        named = [one for one in unread if channel.is_direct or self.clients.names(self.person, one)]
        return Entry(
            at=channel.id,
            name=self.screen.title(channel),
            kind=channel.kind,
            href=self.link(channel.id),
            is_current=channel is self.channel,
            is_new=bool(unread),
            count=len(named),
            is_faint=channel.is_archived or self.person.id not in channel.members,
            tag="archived" if channel.is_archived else "shared" if channel.is_shared else "",
        )

    def link(self, at: str, ts: str = "") -> str:
        return self.draw.leads.page(at, ts)

    # --- the app's own place -----------------------------------------------------------------------------------------

    @property
    def home(self) -> Surface | None:
        view = self.slack.home(self.app.id, self.person.workspace_id, self.person.id)
        return self.view_surface(view) if view else None

    @property
    def is_with_app(self) -> bool:
        return self.channel is not None and self._is_of_app(self.channel)

    @property
    def tab(self) -> str:
        """Name the app's tab that is open, as the app hears of it; empty elsewhere."""
        if self.channel is None:
            return "home"
        return "messages" if self.messages_tab and self.messages_tab.is_current else ""

    @cached_property
    def messages_tab(self) -> Entry | None:
        """The app's conversation with this person, beside its Home tab."""
        direct = self._direct_with(self.app)
        return self._entry(direct) if direct else None

    def _direct_with(self, app: SlackApp) -> Channel | None:
        bot = self.slack.bot(app.id, self.person.workspace_id)
        return self.slack.direct(self.person.workspace_id, [self.person.id, bot.id]) if bot else None

    def _is_of_app(self, channel: Channel) -> bool:
        return channel.kind == "im" and any(self.slack.people[one].is_bot for one in channel.members)

    # --- the conversation --------------------------------------------------------------------------------------------

    def _channel(self, channel_id: str) -> Channel | None:
        channel = self.slack.channels.get(channel_id)
        return channel if channel and self.slack.can_see(self.person, channel) else None

    @cached_property
    def talk(self) -> Talk | None:
        return Talk(self.clients, self.person, self.channel, self.draw) if self.channel else None

    @property
    def is_member(self) -> bool:
        return self.channel is not None and self.person.id in self.channel.members

    @property
    def closed(self) -> str | None:
        """Say why nobody can write here, if so."""
        if self.channel is None:
            return None
        if self.channel.is_archived:
            return "This channel is archived."
        bots = [self.slack.people[one] for one in self.channel.members if self.slack.people[one].is_bot]
        read_only = any(self.slack.apps[bot.app_id].messages_tab_read_only for bot in bots if bot.app_id)
        return "Sending messages to this app has been turned off." if self.is_with_app and read_only else None

    @property
    def colleagues(self) -> list[Person]:
        return [one for one in self.screen.people() if one.id != SLACKBOT]

    @property
    def known(self) -> dict[str, list[dict[str, Any]]]:
        """What the composer can complete: commands of installed apps, people, groups and channels."""
        here = self.person.workspace_id
        installed = [app for app in self.slack.apps.values() if self.slack.installation(app.id, here)]
        groups = [one for one in self.slack.user_groups.values() if one.workspace_id == here and not one.disabled_at]
        places = [one for one in self.slack.visible_channels(self.person) if not one.is_direct and not one.is_archived]
        return {
            "/": [_command(app, name) for app in installed for name in app.commands],
            "@": [
                *({"name": one.name, "words": one.real_name, "note": _note(one)} for one in self.colleagues),
                *({"name": one.handle, "words": one.name, "note": f"{len(one.members)} people"} for one in groups),
                {"name": "here", "words": "", "note": "Everybody who is online here"},
                {"name": "channel", "words": "", "note": "Everybody here"},
            ],
            "#": [{"name": one.name, "words": "", "note": one.topic} for one in places],
        }

    def picture_of(self, file: File) -> str | None:
        return shapes.file_address(self.slack.url, file) if file.is_picture else None

    # --- modals ------------------------------------------------------------------------------------------------------

    @property
    def modal(self) -> tuple[View, Surface] | None:
        modals = self.screen.modals()
        return (modals[-1], self.view_surface(modals[-1])) if modals else None

    def view_surface(self, view: View) -> Surface:
        return Surface(
            screen=self.screen,
            blocks=view.body["blocks"],
            values=view.state,
            at={"view_id": view.id},
            errors=self.screen.errors(view),
            trouble=self.screen.trouble(view),
        )

    def html(self) -> str:
        template = templates.get_template("page.html")
        return template.render(page=self, draw=self.draw, inputs=INPUTS, change=self.slack.changes.count)


def add_routes(web_app: web.Application, world: World) -> None:
    async def show(request: web.Request) -> web.Response:
        query = dict(request.query)
        query.setdefault("as", remembered.remembered(request))
        shown = Page(request.app[CLIENTS], query, travels=world.travel is not None)
        response = web.Response(text=shown.html(), content_type="text/html", headers=HEADERS)
        remembered.remember(response, shown.person.id)
        return response

    web_app.router.add_get("/", show)
    web_app.router.add_get("/archives/{channel}", _follow)
    web_app.router.add_get("/archives/{channel}/{message:p\\d{16}}", _follow)
    web_app.router.add_get("/_sandbox/{asset:[a-z]+\\.(?:css|js)}", _asset)


async def _follow(request: web.Request) -> web.Response:
    """Follow a permalink whose domain was replaced by ours."""
    person = chosen(request.app[CLIENTS], request.query.get("as") or remembered.remembered(request))
    digits = request.match_info.get("message", "")[1:]
    ts = f"{digits[:10]}.{digits[10:]}" if digits else ""
    raise web.HTTPFound(Drawing(request.app[CLIENTS].slack, person).leads.page(request.match_info["channel"], ts))


async def _asset(request: web.Request) -> web.Response:
    path = TEMPLATES / request.match_info["asset"]
    if not path.is_file():
        raise web.HTTPNotFound
    headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return web.Response(text=path.read_text(), content_type=ASSETS[path.suffix], headers=headers)


def chosen(clients: Clients, user_id: str) -> Person:
    """Find whose page it is; nobody in particular means the first person there is."""
    people = [person for person in clients.slack.people.values() if _can_be(person)]
    return next((person for person in people if person.id == user_id), people[0])


def _can_be(person: Person) -> bool:
    return not (person.is_bot or person.deleted or person.id == SLACKBOT)


def _note(person: Person) -> str:
    return "app" if person.is_bot else person.title


def _command(app: SlackApp, name: str) -> dict[str, str]:
    declared = app.commands[name]
    return {
        "name": name.removeprefix("/"),
        "words": declared.get("description", ""),
        "note": app.name,
        "hint": declared.get("usage_hint", ""),
    }

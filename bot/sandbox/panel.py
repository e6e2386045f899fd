"""The chaos panel, away from the calm workspace: what can go wrong, what time it is, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from aiohttp import web

from bot.sandbox import remembered
from bot.sandbox.client import CLIENTS, answered, asked_of, plainly
from bot.sandbox.clients import Clients
from bot.sandbox.control import FIRST_EVENTS
from bot.sandbox.drawing import Drawing
from bot.sandbox.errors import NotPossibleError
from bot.sandbox.faults import Fault
from bot.sandbox.methods import METHODS
from bot.sandbox.outbound import Delivery
from bot.sandbox.page import HEADERS, chosen, templates
from bot.sandbox.reading import Reading
from bot.sandbox.records import Call, Channel, Json, Organisation, Person, Workspace
from bot.sandbox.world import World

NEWEST = 40
OPENING_HOUR = 9
WEEK = 7
FARTHEST = timedelta(days=3650)
# What can be ordered, in words, each with the name it has among the faults.
FAULTS: Mapping[str, str] = {
    "lose_response": "do it, but lose the answer",
    "http_500": "answer 500",
    "limit": "answer 429, come back in …",
    "delay": "answer late, after …",
    "drop_request": "drop the connection",
    "error": "refuse with the error …",
    "unthread": "post a reply outside its thread",
}
# What a workspace's messages can show, in words.
SHOWS: Mapping[str, str] = {
    "charts": "charts and pictures",
    "pictures": "pictures, no charts",
    "words": "words alone",
}
# What an app calls most often comes first.
COMMON = ("chat.postMessage", "chat.update", "chat.unfurl", "views.publish", "views.open", "conversations.join")


@dataclass(frozen=True)
class Jump:
    """A button that sets the clock ahead: its words, and what it asks for."""

    label: str
    asked: Json


@dataclass(frozen=True)
class Witnessed:
    """A Web API call as the panel shows it."""

    call: Call
    time: str
    place: str

    @property
    def answer(self) -> str:
        return "ok" if self.call.answer.get("ok") else str(self.call.answer.get("error") or self.call.status)

    @property
    def is_good(self) -> bool:
        return bool(self.call.answer.get("ok")) and not self.call.fault


@dataclass(frozen=True)
class Sent:
    """An event on its way to the app, as the panel shows it."""

    delivery: Delivery
    time: str

    @property
    def kind(self) -> str:
        return str(self.delivery.envelope["event"]["type"])

    @property
    def outcome(self) -> str:
        answers = [str(one.status or one.failure) for one in self.delivery.answers]
        return " → ".join(answers) or "under way"


class Panel:
    """All that the panel shows one person."""

    def __init__(self, world: World, clients: Clients, query: Mapping[str, str]) -> None:
        self.world = world
        self.slack = clients.slack
        self.person = chosen(clients, query.get("as", ""))
        self.at = query.get("at", "")
        self.draw = Drawing(self.slack, self.person)
        self.app = clients.app()
        self.faults_offered, self.methods = FAULTS, [*COMMON, *sorted(set(METHODS) - set(COMMON))]
        self.first_events = FIRST_EVENTS
        self.shows_offered = SHOWS
        self.readings: Mapping[str, Reading] = {}
        self._outbound = clients.outbound

    async def read(self) -> None:
        """Take the owner's readings, for the workspace whose panel this is."""
        workspace_id = self.person.workspace_id
        self.readings = {title: await read(workspace_id) for title, read in self.world.readings.items()}

    def cell(self, value: str | datetime) -> str:
        """Write what stands in a reading's table."""
        return value if isinstance(value, str) else self.draw.written(value.timestamp(), "{time_secs}")

    @property
    def workspace_name(self) -> str:
        return self.slack.workspaces[self.person.workspace_id].name

    @property
    def shows(self) -> str:
        return self.slack.workspaces[self.person.workspace_id].shows

    @property
    def back(self) -> str:
        return self.draw.leads.page(self.at or "home")

    @property
    def now(self) -> str:
        return datetime.fromtimestamp(self.slack.now(), UTC).strftime("%A %-d %B %Y, %H:%M UTC")

    @property
    def jumps(self) -> list[Jump]:
        return jumps(datetime.fromtimestamp(self.slack.now(), UTC)) if self.world.travel else []

    @property
    def installed(self) -> bool:
        return self.slack.installation(self.app.id, self.person.workspace_id) is not None

    @property
    def organisation(self) -> Organisation | None:
        return next(iter(self.slack.organisations.values()), None)

    @property
    def bot_of_organisation(self) -> Person | None:
        """The bot user of an app that the organisation installed; it is in the workspaces that the app was added to."""
        return self.slack.bot(self.app.id, self.organisation.id) if self.organisation else None

    @property
    def channels(self) -> list[Channel]:
        own = [one for one in self.slack.channels_of(self.person.workspace_id) if not one.is_direct]
        return sorted(own, key=lambda one: one.name)

    @property
    def others(self) -> list[Workspace]:
        """The workspaces with which a channel can be shared."""
        return [one for one in self.slack.workspaces.values() if one.id != self.person.workspace_id]

    @property
    def people(self) -> list[Person]:
        own = [one for one in self.slack.people.values() if self.person.workspace_id in one.workspace_ids]
        return sorted((one for one in own if not one.is_bot), key=lambda one: one.real_name)

    def has_bot(self, channel: Channel) -> bool:
        bot = self.slack.bot(self.app.id, self.person.workspace_id)
        return bot is not None and bot.id in channel.members

    @property
    def faults(self) -> list[str]:
        return [self._in_words(one) for one in self.world.faults.in_force()]

    def _in_words(self, fault: Fault) -> str:
        details = {
            "limit": f"{fault.retry_after} s",
            "delay": f"{fault.seconds:g} s",
            "error": fault.code,
        }
        words = FAULTS[fault.fault].replace("…", details.get(fault.fault, ""))
        often = "until cleared" if fault.times is None else f"{fault.times} more time{'s' if fault.times != 1 else ''}"
        return f"{fault.method or 'Any call'}: {words} ({often})"

    @property
    def calls(self) -> list[Witnessed]:
        newest = islice(reversed(self.slack.calls), NEWEST)
        return [Witnessed(one, self.draw.written(one.at, "{time_secs}"), self._place(one.args)) for one in newest]

    @property
    def events(self) -> list[Sent]:
        newest = islice(reversed(self._outbound.deliveries), NEWEST)
        return [Sent(one, self.draw.written(one.envelope["event_time"], "{time_secs}")) for one in newest]

    def _place(self, args: Json) -> str:
        """Name where a call was aimed: a channel or a person."""
        named = str(args.get("channel") or args.get("channel_id") or args.get("user_id") or args.get("user") or "")
        channel, person = self.slack.channels.get(named), self.slack.people.get(named)
        if channel:
            people = [self.slack.people[one].real_name for one in channel.members if not self.slack.people[one].is_bot]
            return ", ".join(people) if channel.is_direct else f"#{channel.name}"
        return person.real_name if person else named

    def html(self) -> str:
        return templates.get_template("panel.html").render(panel=self, change=self.slack.changes.count)


def jumps(now: datetime) -> list[Jump]:
    """List where one may want to go: a little ahead, and to the mornings on which recaps are due."""
    morning = now.replace(hour=OPENING_HOUR, minute=0, second=0, microsecond=0)
    tomorrow = morning + timedelta(days=1 if now >= morning else 0)
    monday = morning + timedelta(days=-now.weekday() % WEEK)
    monday += timedelta(days=WEEK if monday <= now else 0)
    first = (morning.replace(day=1) + timedelta(days=32)).replace(day=1)
    return [
        Jump("+1 hour", {"seconds": 3600}),
        Jump("+1 day", {"seconds": 86_400}),
        *(
            Jump(f"{at:%A %-d %B}, 09:00 UTC", {"to": at.isoformat()})
            for at in dict.fromkeys((tomorrow, monday, first))
        ),
    ]


def add_routes(web_app: web.Application, world: World) -> None:
    async def show(request: web.Request) -> web.Response:
        query = {"as": remembered.remembered(request), **request.query}
        shown = Panel(world, request.app[CLIENTS], query)
        await shown.read()
        return web.Response(text=shown.html(), content_type="text/html", headers=HEADERS)

    async def travel(request: web.Request) -> web.Response:
        await _travel(world, await asked_of(request))
        return answered({"now": world.now()})

    async def pull(request: web.Request) -> web.Response:
        return answered(await _pull(world, await asked_of(request)))

    async def manage(_request: web.Request) -> web.Response:
        # What an organisation's admins do on a page of Slack's for each app is done here.
        raise web.HTTPFound("/chaos#app")

    web_app.router.add_get("/chaos", show)
    web_app.router.add_get("/manage/{organisation}/integrations/profile/{app}/workspaces/add", manage)
    web_app.router.add_post("/_sandbox/travel", plainly(travel))
    web_app.router.add_post("/_sandbox/lever", plainly(pull))


async def _travel(world: World, asked: Json) -> None:
    """Set the clock to `to` (ISO 8601, with its zone), or ahead by `seconds`."""
    if world.travel is None:
        raise NotPossibleError("This Slack has no time machine: it was started without one.")
    now = datetime.fromtimestamp(world.now(), UTC)
    to = _named(asked, now)
    if not now <= to <= now + FARTHEST:
        raise NotPossibleError("The clock goes ahead only, by at most ten years.")
    await world.travel(to)
    for workspace_id in world.state.workspaces:
        world.state.changes.add("time", workspace_id)


def _named(asked: Json, now: datetime) -> datetime:
    try:
        if "seconds" in asked:
            return now + timedelta(seconds=float(asked["seconds"]))
        to = datetime.fromisoformat(str(asked.get("to")))
    except (OverflowError, TypeError, ValueError) as error:
        raise NotPossibleError("Say where to with “to”, such as 2026-11-23T09:00:00+00:00, or “seconds”.") from error
    if to.tzinfo is None:
        raise NotPossibleError("Say in which zone: 2026-11-23T09:00:00+00:00 is in UTC.")
    return to.astimezone(UTC)


async def _pull(world: World, asked: Json) -> Json:
    lever = world.levers.get(str(asked.get("name")))
    if lever is None:
        raise NotPossibleError(f"Name one of these with “name”: {', '.join(world.levers) or 'there are none'}.")
    return {"said": await lever()}

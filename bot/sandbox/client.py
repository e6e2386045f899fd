"""The HTTP endpoints through which a person acts and looks, and a few more to direct the scene and to bear witness.

All stand under `/_sandbox/`, take and answer JSON, and are the sandbox's own: Slack has none of them. A refusal is a
400 with a sentence under `error`. The body must be declared as JSON, so that no web page elsewhere can post to them.
"""

import base64
import binascii
import dataclasses
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import orjson
from aiohttp import web

from bot.sandbox import control, replies, shapes
from bot.sandbox.addresses import Addresses
from bot.sandbox.clients import Clients
from bot.sandbox.conversing import INVITE, LEAVE_BE
from bot.sandbox.errors import NotPossibleError, SlackError
from bot.sandbox.faults import Faults
from bot.sandbox.interactions import InMessage, Place
from bot.sandbox.people import SLACKBOT
from bot.sandbox.records import Channel, Json, Person, View
from bot.sandbox.screen import Screen
from bot.sandbox.world import World

LONGEST_POLL = 25.0
CLIENTS = web.AppKey("clients", Clients)


class Act:
    """One request of a person, with what it names looked up."""

    def __init__(self, clients: Clients, asked: Json) -> None:
        self.clients = clients
        self.asked = asked
        self.person: Person = clients.person(self.text("workspace"), self.text("as"))
        self.screen: Screen = clients.screen(self.person)

    def text(self, name: str) -> str:
        value = self.asked.get(name)
        if not isinstance(value, str):
            raise NotPossibleError(f"“{name}” is missing.")
        return value

    @property
    def channel(self) -> Channel:
        return self.clients.channel(self.person, self.text("channel"))

    @property
    def user(self) -> Person:
        return self._user(self.text("user"))

    @property
    def users(self) -> list[Person]:
        named = self.asked.get("users")
        if not isinstance(named, list) or not named:
            raise NotPossibleError("Name the people with “users”, a list of their ids.")
        return [self._user(str(one)) for one in named]

    def _user(self, user_id: str) -> Person:
        user = self.clients.slack.people.get(user_id)
        if user is None:
            raise NotPossibleError(f"There is nobody with the id {user_id}.")
        return user

    @property
    def view(self) -> View:
        return self.screen.view(self.text("view_id")).view

    @property
    def place(self) -> Place:
        """Where it happens: `at` names a view, or a message by its channel and timestamp."""
        at = self.asked.get("at") or self.asked
        if "view_id" in at:
            return self.screen.view(at["view_id"])
        return self.screen.message(self.clients.channel(self.person, str(at.get("channel"))), str(at.get("ts")))

    def shown(self, view: View | None) -> Json | None:
        return self.clients.shown_view(self.person, view) if view else None

    def top(self) -> View | None:
        modals = self.screen.modals()
        return modals[-1] if modals else None

    def modal_after(self, before: tuple[str, str] | None) -> Json | None:
        """Return the modal on top when it is another one, or shows other things, than before."""
        top = self.top()
        return self.shown(top) if top and (top.id, top.hash) != before else None

    def seen_modal(self) -> tuple[str, str] | None:
        top = self.top()
        return (top.id, top.hash) if top else None


async def _home(act: Act) -> Json:
    tab = act.asked.get("tab", "home")
    view = await act.clients.open_home(act.person, act.clients.app(act.asked.get("app")), tab=tab)
    return {"view": act.shown(view)}


async def _click(act: Act) -> Json:
    place, before = act.place, act.seen_modal()
    action_id = act.text("action_id")
    if isinstance(place, InMessage) and place.message.user_id == SLACKBOT and action_id in {INVITE, LEAVE_BE}:
        await act.clients.conversing.answer_slackbot(act.person, place.channel, place.message, action_id)
        return {"url": None, "error": None, "modal": None}
    clicked = await act.screen.click(place, action_id, act.asked.get("block_id"), act.asked.get("value"))
    leads = Addresses(act.clients.slack, act.person)(clicked.url) if clicked.url else None
    return {"url": clicked.url, "leads": leads, "error": clicked.error, "modal": act.modal_after(before)}


async def _fill(act: Act) -> Json:
    filled = await act.screen.fill(act.place, act.asked["values"])
    return {"error": filled.error, "modal": act.shown(act.top())}


async def _options(act: Act) -> Json:
    return await act.screen.suggest(act.place, act.text("action_id"), act.asked.get("block_id"), act.text("value"))


async def _submit(act: Act) -> Json:
    submitted = await act.screen.submit(act.view, act.asked.get("values") or {})
    return {**dataclasses.asdict(submitted), "view": act.shown(act.top())}


async def _close(act: Act) -> Json:
    await act.screen.close(act.view, clear=bool(act.asked.get("clear")))
    return {"view": act.shown(act.top())}


async def _command(act: Act) -> Json:
    before = act.seen_modal()
    commanded = await act.clients.conversing.run(act.person, act.channel, act.text("text"))
    return {**dataclasses.asdict(commanded), "modal": act.modal_after(before)}


async def _say(act: Act) -> Json:
    thread_ts = act.asked.get("thread_ts")
    broadcast = bool(act.asked.get("broadcast"))
    message = await act.clients.conversing.say(
        act.person, act.channel, act.text("text"), thread_ts=thread_ts, broadcast=broadcast
    )
    return {"ts": message.ts}


async def _read(act: Act) -> Json:
    act.clients.read(act.person, act.channel, act.text("ts"))
    return {}


async def _dismiss(act: Act) -> Json:
    act.clients.conversing.dismiss(act.person, act.channel, act.text("ts"))
    return {}


async def _direct(act: Act) -> Json:
    channel = act.clients.conversing.direct(act.person, act.users)
    return {"channel": channel.id}


async def _upload(act: Act) -> Json:
    """Store a file that a person chose; its content comes in base64."""
    try:
        content = base64.b64decode(act.text("content"), validate=True)
    except binascii.Error as error:
        raise NotPossibleError("“content” is no base64.") from error
    return {"file": act.clients.store_file(act.person, act.text("name"), content).id}


async def _invite(act: Act) -> Json:
    await act.clients.conversing.invite(act.person, act.channel, act.user)
    return {}


async def _kick(act: Act) -> Json:
    await act.clients.conversing.kick(act.person, act.channel, act.user)
    return {}


async def _join(act: Act) -> Json:
    await act.clients.conversing.join(act.person, act.channel)
    return {}


async def _leave(act: Act) -> Json:
    await act.clients.conversing.leave(act.person, act.channel)
    return {}


ACTS: Mapping[str, Callable[[Act], Awaitable[Json]]] = {
    "home": _home,
    "click": _click,
    "fill": _fill,
    "options": _options,
    "submit": _submit,
    "close": _close,
    "command": _command,
    "say": _say,
    "invite": _invite,
    "kick": _kick,
    "join": _join,
    "leave": _leave,
    "read": _read,
    "dismiss": _dismiss,
    "direct": _direct,
    "upload": _upload,
}
Handler: TypeAlias = Callable[[web.Request], Awaitable[web.Response]]


def add_routes(web_app: web.Application, world: World) -> None:
    clients = web_app[CLIENTS] = Clients(world.state, world.outbound)
    witness, faults = Witness(clients), Misbehaviour(world.faults)
    web_app.add_routes(
        [
            *[web.post(f"/_sandbox/{name}", _acting(clients, act)) for name, act in ACTS.items()],
            web.get("/_sandbox/workspaces", witness.workspaces),
            web.get("/_sandbox/see", plainly(witness.see)),
            web.get("/_sandbox/messages", plainly(witness.messages)),
            web.get("/_sandbox/changes", witness.changes),
            web.get("/_sandbox/calls", witness.calls),
            web.get("/_sandbox/deliveries", witness.deliveries),
            web.post("/_sandbox/control", plainly(_controlling(clients))),
            web.get("/_sandbox/faults", faults.list),
            web.post("/_sandbox/faults", plainly(faults.add)),
            web.delete("/_sandbox/faults", faults.clear),
            *[web.post(f"/{kind}/{{workspace}}/{{right}}", _answering(clients)) for kind in REPLY_PATHS],
        ]
    )


REPLY_PATHS = ("commands", "actions", "app")


class Witness:
    """Answers what is there, to the page, to tests and to the demo."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._slack = clients.slack

    async def workspaces(self, _request: web.Request) -> web.Response:
        return answered({"workspaces": [self._workspace(one) for one in self._slack.workspaces]})

    async def see(self, request: web.Request) -> web.Response:
        person = self._clients.person(request.query.get("workspace", ""), request.query.get("as", ""))
        return answered(self._clients.sees(person))

    async def messages(self, request: web.Request) -> web.Response:
        """Answer every message of a channel as it is stored, metadata included, and the ephemeral ones beside them."""
        channel = self._slack.channel(request.query.get("workspace", ""), request.query.get("channel", ""))
        if channel is None:
            raise NotPossibleError("There is no such channel in this workspace.")
        ephemerals = [
            {**shapes.message(self._slack, one), "ephemeral_for": one.ephemeral_for}
            for one in channel.ephemerals.values()
        ]
        stored = [shapes.message(self._slack, one) for one in channel.messages.values()]
        return answered({"messages": stored, "ephemerals": ephemerals})

    async def changes(self, request: web.Request) -> web.Response:
        """Wait for something after the change numbered `since`, at most `wait` seconds."""
        since, wait = int(request.query.get("since", "0")), float(request.query.get("wait", LONGEST_POLL))
        changes = await self._slack.changes.wait(since, seconds=min(wait, LONGEST_POLL))
        return answered({"count": self._slack.changes.count, "changes": [dataclasses.asdict(one) for one in changes]})

    async def calls(self, request: web.Request) -> web.Response:
        """Answer the Web API calls that were made, all or those of one method."""
        method = request.query.get("method")
        calls = [dataclasses.asdict(one) for one in self._slack.calls if method in (None, one.method)]
        return answered({"calls": calls})

    async def deliveries(self, _request: web.Request) -> web.Response:
        deliveries = [
            {
                "workspace": one.workspace_id,
                "event_id": one.envelope["event_id"],
                "event": one.envelope["event"],
                "attempts": [{"status": answer.status, "failure": answer.failure} for answer in one.answers],
                "delivered": one.delivered,
            }
            for one in self._clients.outbound.deliveries
        ]
        return answered({"deliveries": deliveries})

    def _workspace(self, workspace_id: str) -> Json:
        people = [shapes.person(one) for one in self._slack.people_of(workspace_id)]
        channels = [
            {"id": one.id, "name": one.name, "kind": one.kind, "members": one.members, "is_archived": one.is_archived}
            for one in self._slack.channels_of(workspace_id)
            if not one.is_direct
        ]
        return {**shapes.team(self._slack.workspaces[workspace_id]), "people": people, "channels": channels}


class Misbehaviour:
    """Takes orders for faults."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    async def add(self, request: web.Request) -> web.Response:
        try:
            self._faults.add_from(await asked_of(request))
        except ValueError as error:
            raise NotPossibleError(str(error)) from error
        return answered({})

    async def list(self, _request: web.Request) -> web.Response:
        return answered({"faults": [dataclasses.asdict(one) for one in self._faults.in_force()]})

    async def clear(self, _request: web.Request) -> web.Response:
        self._faults.clear()
        return answered({})


def _acting(clients: Clients, act: Callable[[Act], Awaitable[Json]]) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        return answered(await act(Act(clients, await asked_of(request))))

    return plainly(answer)


def _controlling(clients: Clients) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        await control.happen(clients.slack, await asked_of(request))
        return answered({})

    return answer


def _answering(clients: Clients) -> Handler:
    """Take what an app posts to a `response_url`."""

    async def answer(request: web.Request) -> web.Response:
        right = clients.slack.response_urls.get(request.match_info["right"])
        try:
            replies.use(clients.slack, right, await asked_of(request))
        except SlackError as refused:
            return answered(refused.answer, status=404 if refused.code in {"used_url", "expired_url"} else 400)
        except NotPossibleError:
            return answered({"ok": False, "error": "invalid_payload"}, status=400)
        return answered({"ok": True})

    return answer


def plainly(handler: Handler) -> Handler:
    """Answer what cannot be done with its sentence."""

    async def answer(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except NotPossibleError as refused:
            return answered({"error": str(refused)}, status=400)

    return answer


async def asked_of(request: web.Request) -> Json:
    if request.content_type != "application/json":
        raise NotPossibleError("Send JSON, with Content-Type: application/json.")
    try:
        asked: Any = orjson.loads(await request.read())
    except orjson.JSONDecodeError as error:
        raise NotPossibleError("This is no JSON.") from error
    if not isinstance(asked, dict):
        raise NotPossibleError("Send an object.")
    return asked


def answered(answer: Json, *, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(answer), status=status, content_type="application/json")

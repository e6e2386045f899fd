"""The payloads that reach the app when a person clicks, types, submits, closes or runs a command."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from bot.sandbox import shapes
from bot.sandbox.app import SlackApp
from bot.sandbox.elements import Placed, Values, placed_in
from bot.sandbox.outbound import verification_token
from bot.sandbox.records import Channel, Json, Message, Organisation, Person, ResponseUrl, View
from bot.sandbox.state import Slack

# The app and the workspace that an element belongs to; nobody's app where a person wrote it.
Owner: TypeAlias = tuple[str | None, str]


@dataclass(frozen=True)
class Actor:
    """A person before an app that is installed in `workspace_id`, which may not be the person's own workspace."""

    slack: Slack
    app: SlackApp
    person: Person
    workspace_id: str

    def common(self) -> Json:
        person, org = self.person, self.organisation
        team = {"id": self.workspace_id, "domain": self.slack.workspaces[self.workspace_id].domain}
        return {
            "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": self._home},
            "api_app_id": self.app.id,
            "token": verification_token(self.app),
            "enterprise": {"id": org.id, "name": org.name} if org else None,
            "is_enterprise_install": org is not None,
            "team": None if org else team,
        }

    @property
    def _home(self) -> str:
        person = self.person
        return self.workspace_id if self.workspace_id in person.workspace_ids else person.workspace_id

    @property
    def organisation(self) -> Organisation | None:
        """The organisation that installed the app; it gets no team then, but with the user."""
        return self.slack.organisation_of(self.app.id, self.workspace_id)

    def drawn(self, view: View) -> Json:
        return shapes.view(view, enterprise_id=self.organisation.id if self.organisation else None)

    def trigger(self, view: View | None = None) -> str:
        modal = view.id if view and view.kind == "modal" else None
        return self.slack.make_trigger(self.app.id, self.workspace_id, self.person.id, view_id=modal).id

    def response_address(self, channel: Channel, kind: str, *, message_ts: str | None = None) -> str:
        right = self.slack.make_response_url(
            self.app.id, channel, self.person.id, workspace_id=self.workspace_id, message_ts=message_ts
        )
        return response_address(self.slack, right, kind)


@dataclass(frozen=True)
class InView:
    """Blocks in a modal or a Home tab."""

    view: View

    @property
    def blocks(self) -> list[Json]:
        return list(self.view.body["blocks"])

    @property
    def values(self) -> Values:
        return self.view.state

    @property
    def key(self) -> str:
        return self.view.id

    @property
    def showing(self) -> str:
        """What changes when other things are shown here."""
        return self.view.hash

    def owner(self, _placed: Placed | None = None) -> Owner:
        return self.view.app_id, self.view.workspace_id

    def described(self, actor: Actor, _placed: Placed) -> Json:
        return {"container": {"type": "view", "view_id": self.view.id}, "view": actor.drawn(self.view)}

    def clicked(self, actor: Actor) -> Json:
        return {"trigger_id": actor.trigger(self.view)}


@dataclass(frozen=True)
class InMessage:
    """Blocks in a message; `values` is what this person put in there."""

    channel: Channel
    message: Message
    values: Values

    @property
    def blocks(self) -> list[Json]:
        attached = [block for one in self.message.attachments or [] for block in one.get("blocks", [])]
        return [*(self.message.blocks or []), *attached]

    @property
    def key(self) -> str:
        return self.message.ts

    @property
    def showing(self) -> str:
        return self.message.ts

    def unfurl(self, placed: Placed) -> Json | None:
        """Find the unfurl that an element stands in; it belongs to the app that unfurled, the message to its author."""
        unfurls = [one for one in self.message.attachments or [] if one.get("is_app_unfurl")]
        return next((one for one in unfurls if placed in placed_in(one.get("blocks", []))), None)

    def owner(self, placed: Placed | None = None) -> Owner:
        unfurl = self.unfurl(placed) if placed else None
        return (unfurl["app_id"], unfurl["bot_team_id"]) if unfurl else (self.message.app_id, self.message.workspace_id)

    def described(self, actor: Actor, placed: Placed) -> Json:
        """Describe the message; it is left out itself when it is ephemeral, or when only an unfurl is the app's."""
        ephemeral, unfurl = self.message.ephemeral_for is not None, self.unfurl(placed)
        container = {"type": "message", "message_ts": self.message.ts, "channel_id": self.channel.id}
        thread = {"thread_ts": self.message.thread_ts} if self.message.thread_ts else {}
        place: Json = {
            "container": {**container, "is_ephemeral": ephemeral, **thread},
            "channel": {"id": self.channel.id, "name": shown_name(self.channel)},
        }
        if unfurl:
            return {**place, "container": place["container"] | _in_unfurl(unfurl), "app_unfurl": unfurl}
        return place if ephemeral else {**place, "message": shapes.message(actor.slack, self.message)}

    def clicked(self, actor: Actor) -> Json:
        address = actor.response_address(self.channel, "actions", message_ts=self.message.ts)
        return {"trigger_id": actor.trigger(), "state": {"values": self.values}, "response_url": address}


Place: TypeAlias = InView | InMessage


def _in_unfurl(unfurl: Json) -> Json:
    named = {"attachment_id": unfurl["id"], "app_unfurl_url": unfurl["app_unfurl_url"]}
    return {"type": "message_attachment", "is_app_unfurl": True, **named}


def action(actor: Actor, place: Place, placed: Placed, value: Json | None) -> Json:
    return {
        "type": "block_actions",
        **actor.common(),
        **place.described(actor, placed),
        **place.clicked(actor),
        "actions": [placed.action(value, at=actor.slack.next_ts())],
    }


def suggestion(actor: Actor, place: Place, placed: Placed, typed: str) -> Json:
    asked: dict[str, Any] = {"action_id": placed.action_id, "block_id": placed.block_id, "value": typed}
    return {"type": "block_suggestion", **actor.common(), **place.described(actor, placed), **asked}


def submission(actor: Actor, view: View) -> Json:
    return {
        "type": "view_submission",
        **actor.common(),
        "trigger_id": actor.trigger(view),
        "view": actor.drawn(view),
        "response_urls": _response_urls(actor, view),
    }


def closing(actor: Actor, view: View, *, cleared: bool) -> Json:
    return {"type": "view_closed", **actor.common(), "view": actor.drawn(view), "is_cleared": cleared}


def command_form(actor: Actor, channel: Channel, command: str, text: str, right: ResponseUrl) -> dict[str, str]:
    common, org = actor.common(), actor.organisation
    return {
        "token": common["token"],
        "team_id": actor.workspace_id,
        "team_domain": actor.slack.workspaces[actor.workspace_id].domain,
        **({"enterprise_id": org.id, "enterprise_name": org.name} if org else {}),
        "channel_id": channel.id,
        "channel_name": shown_name(channel),
        "user_id": actor.person.id,
        "user_name": actor.person.name,
        "command": command,
        "text": text,
        "api_app_id": actor.app.id,
        "is_enterprise_install": "true" if org else "false",
        "response_url": response_address(actor.slack, right, "commands"),
        "trigger_id": actor.trigger(),
    }


def shown_name(channel: Channel) -> str:
    """The name that Slack tells with a command or a click: private places are not named."""
    return {"im": "directmessage", "private": "privategroup"}.get(channel.kind, channel.name)


def response_address(slack: Slack, right: ResponseUrl, kind: str) -> str:
    return f"{slack.url}/{kind}/{right.workspace_id}/{right.id}"


def _response_urls(actor: Actor, view: View) -> list[Json]:
    """Make one address for each channel menu of the modal that asked for it and was filled in."""
    answers = []
    for block in view.body["blocks"]:
        element = block.get("element", {})
        if not element.get("response_url_enabled"):
            continue
        chosen = view.state[block["block_id"]][element["action_id"]]
        channel = actor.slack.channels.get(chosen.get("selected_conversation") or chosen.get("selected_channel") or "")
        if channel:
            place = {"block_id": block["block_id"], "action_id": element["action_id"], "channel_id": channel.id}
            answers.append({**place, "response_url": actor.response_address(channel, "app")})
    return answers

"""Everything the local Slack knows, and how to find it."""

import itertools
import secrets
import string
from collections import deque
from collections.abc import Callable
from typing import Any

from bot.sandbox.app import SlackApp
from bot.sandbox.changes import Changes
from bot.sandbox.errors import SlackError
from bot.sandbox.identity import IdTokens
from bot.sandbox.records import (
    RESPONSE_URL_SECONDS,
    TRIGGER_SECONDS,
    Call,
    Channel,
    File,
    Installation,
    Json,
    Message,
    OAuthCode,
    Organisation,
    Person,
    Posted,
    ResponseUrl,
    SignIn,
    Token,
    Trigger,
    UserGroup,
    View,
    Workspace,
)

CALLS_KEPT = 100_000
DIGITS = string.digits + string.ascii_uppercase


class Store:
    """All workspaces with their people, channels, views and tokens. Ids are unique across workspaces."""

    def __init__(self, *, now: Callable[[], float]) -> None:
        self.now = now
        self.url = ""
        self.changes = Changes()
        self.calls: deque[Call] = deque(maxlen=CALLS_KEPT)
        self.apps: dict[str, SlackApp] = {}
        self.workspaces: dict[str, Workspace] = {}
        self.organisations: dict[str, Organisation] = {}
        self.people: dict[str, Person] = {}
        self.channels: dict[str, Channel] = {}
        self.user_groups: dict[str, UserGroup] = {}
        self.installations: dict[tuple[str, str], Installation] = {}
        self.tokens: dict[str, Token] = {}
        self.codes: dict[str, OAuthCode] = {}
        self.sign_ins: dict[str, SignIn] = {}
        self.id_tokens = IdTokens()
        self.files: dict[str, File] = {}
        # By the unfurl id that an app was told.
        self.shared_links: dict[str, Posted] = {}
        # Domains that stand in for the apps' own, each with the address on this machine that it leads to.
        self.pretend_domains: dict[str, str] = {}
        self.trigger_seconds = TRIGGER_SECONDS
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.views: dict[str, View] = {}
        self.homes: dict[tuple[str, str, str], str] = {}
        self.stacks: dict[tuple[str, str], list[str]] = {}
        # Counted from the clock, so that a restarted sandbox never gives an id that an app has already seen.
        self._numbers = itertools.count(int(now() * 1000))
        self._last_ts = 0
        self._directs: dict[tuple[str, frozenset[str]], Channel] = {}

    # --- ids and times -------------------------------------------------------------------------------------------

    def next_id(self, prefix: str) -> str:
        """Make an id that looks like Slack's: the prefix, then digits and capitals."""
        return prefix + _base36(next(self._numbers))

    def next_ts(self) -> str:
        """Make a message timestamp: strictly growing, as it is also the message's id."""
        self._last_ts = max(self._last_ts + 1, int(self.now() * 1_000_000))
        seconds, micros = divmod(self._last_ts, 1_000_000)
        return f"{seconds}.{micros:06d}"

    # --- finding -------------------------------------------------------------------------------------------------

    def channel(self, workspace_id: str, channel_id: str) -> Channel | None:
        """Find a channel that this workspace has, as its home or by Slack Connect."""
        channel = self.channels.get(channel_id)
        return channel if channel and workspace_id in channel.workspace_ids else None

    def channel_named(self, workspace_id: str, name: str) -> Channel | None:
        wanted = name.removeprefix("#")
        return next((one for one in self.channels_of(workspace_id) if one.name == wanted and not one.is_direct), None)

    def channels_of(self, workspace_id: str) -> list[Channel]:
        return [channel for channel in self.channels.values() if workspace_id in channel.workspace_ids]

    def visible_channels(self, person: Person) -> list[Channel]:
        """The conversations that this member can see: their own, and public ones unless they are a guest."""
        here = [one for one in self.channels.values() if set(person.workspace_ids) & set(one.workspace_ids)]
        return [channel for channel in here if self.can_see(person, channel)]

    def can_see(self, person: Person, channel: Channel) -> bool:
        if person.id in channel.members:
            return True
        is_here = bool(set(person.workspace_ids) & set(channel.workspace_ids))
        return channel.kind == "public" and not person.is_restricted and is_here

    def person(self, workspace_id: str, user_id: str) -> Person | None:
        """Find a person whom this workspace knows: its own, or one met in a shared channel."""
        person = self.people.get(user_id)
        if person is None or not person.workspace_id or workspace_id in person.workspace_ids:
            return person
        shared = any(user_id in one.members for one in self.channels_of(workspace_id) if one.is_shared)
        return person if shared else None

    def people_of(self, workspace_id: str) -> list[Person]:
        """List the people of a workspace, or of a whole organisation."""
        people = self.people.values()
        return [
            one for one in people if not one.workspace_id or workspace_id in (*one.workspace_ids, one.enterprise_id)
        ]

    def app_by_client_id(self, client_id: str) -> SlackApp | None:
        return next((app for app in self.apps.values() if app.client_id == client_id), None)

    def installation(self, app_id: str, workspace_id: str) -> Installation | None:
        """Find an installation that stands; an uninstalled one is as if it were not there."""
        installation = self.installations.get((app_id, workspace_id))
        return installation if installation and installation.active else None

    def organisation_of(self, app_id: str, workspace_id: str) -> Organisation | None:
        """Find the organisation that installed an app for this workspace; None where the workspace did itself."""
        installation = self.installations.get((app_id, workspace_id))
        return self.organisations.get(installation.enterprise_id or "") if installation else None

    def bot(self, app_id: str, workspace_id: str) -> Person | None:
        installation = self.installation(app_id, workspace_id)
        return self.people[installation.bot_user_id] if installation else None

    def direct(self, workspace_id: str, user_ids: list[str]) -> Channel | None:
        """Find the direct conversation of exactly these people."""
        return self._directs.get((workspace_id, frozenset(user_ids)))

    # --- messages ------------------------------------------------------------------------------------------------

    def open_direct(self, workspace_id: str, user_ids: list[str]) -> Channel:
        """Find or make the direct conversation of exactly these people."""
        found = self.direct(workspace_id, user_ids)
        if found:
            return found
        members = list(dict.fromkeys(user_ids))
        channel = Channel(self.next_id("D"), [workspace_id], "im", members=members, creator=user_ids[0])
        channel.created_at = self.now()
        if len(members) > len(("one", "other")):
            channel.id, channel.kind = self.next_id("C"), "mpim"
            channel.name = "mpdm-" + "--".join(self.people[one].name for one in members) + "-1"
        self.channels[channel.id] = self._directs[workspace_id, frozenset(members)] = channel
        self.changed("channel", channel)
        return channel

    def post(self, channel: Channel, author: Person, **fields: Any) -> Message:
        """Store a message; with `ephemeral_for=<user id>`, for that person alone. Fields are those of `Message`."""
        message = Message(
            ts=self.next_ts(),
            channel_id=channel.id,
            workspace_id=author.workspace_id
            if author.workspace_id in channel.workspace_ids
            else channel.workspace_ids[0],
            user_id=author.id,
            bot_id=author.bot_id,
            app_id=author.app_id,
            **fields,
        )
        place = channel.ephemerals if message.ephemeral_for else channel.messages
        place[message.ts] = message
        if message.thread_ts and not message.ephemeral_for:
            channel.threads.setdefault(message.thread_ts, []).append(message.ts)
        self.message_changed(channel, message)
        return message

    def edit(self, channel: Channel, message: Message, **fields: Any) -> None:
        for name, value in fields.items():
            setattr(message, name, value)
        message.edited_ts = self.next_ts()
        self.message_changed(channel, message)

    def message_changed(self, channel: Channel, message: Message) -> None:
        self.changed("message", channel, ts=message.ts)

    def erase(self, channel: Channel, message: Message) -> None:
        channel.messages.pop(message.ts, None)
        channel.ephemerals.pop(message.ts, None)
        self.message_changed(channel, message)

    # --- rights that expire --------------------------------------------------------------------------------------

    def make_trigger(self, app_id: str, workspace_id: str, user_id: str, *, view_id: str | None = None) -> Trigger:
        """Make a trigger id; `view_id` names the modal in which the person acted, if any."""
        trigger = Trigger(
            id=f"{self.next_id('')}.{int(self.now() * 1000)}.{secrets.token_hex(16)}",
            app_id=app_id,
            workspace_id=workspace_id,
            user_id=user_id,
            expires_at=self.now() + self.trigger_seconds,
            view_id=view_id,
        )
        self.triggers[trigger.id] = trigger
        return trigger

    def take_trigger(self, app_id: str, workspace_id: str, trigger_id: str) -> Trigger:
        """Use a trigger up, or raise Slack's reason why it cannot be used."""
        trigger = self.triggers.get(trigger_id)
        if trigger is None or (trigger.app_id, trigger.workspace_id) != (app_id, workspace_id):
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if trigger.expires_at < self.now():
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger

    def make_response_url(
        self, app_id: str, channel: Channel, user_id: str, *, workspace_id: str, message_ts: str | None = None
    ) -> ResponseUrl:
        right = ResponseUrl(
            id=self.next_id("R"),
            app_id=app_id,
            workspace_id=workspace_id,
            channel_id=channel.id,
            user_id=user_id,
            expires_at=self.now() + RESPONSE_URL_SECONDS,
            message_ts=message_ts,
        )
        self.response_urls[right.id] = right
        return right

    # --- files ---------------------------------------------------------------------------------------------------

    def picture(self, slack_file: Json) -> File | None:
        """Find what an image block names as its `slack_file`: a picture whose upload is complete."""
        file = self.files.get(str(slack_file.get("id")))
        return file if file and file.completed_at is not None and file.is_picture else None

    # --- views ---------------------------------------------------------------------------------------------------

    def stack(self, workspace_id: str, user_id: str) -> list[View]:
        """The modals that this person has open, the lowest first."""
        return [self.views[one] for one in self.stacks.get((workspace_id, user_id), [])]

    def home(self, app_id: str, workspace_id: str, user_id: str) -> View | None:
        view_id = self.homes.get((app_id, workspace_id, user_id))
        return self.views[view_id] if view_id else None

    def add_view(self, view: View) -> View:
        """Put a new modal on top of the person's stack, or set their Home tab."""
        self.views[view.id] = view
        if view.kind == "home":
            self.homes[view.app_id, view.workspace_id, view.user_id] = view.id
        else:
            self.stacks.setdefault((view.workspace_id, view.user_id), []).append(view.id)
        self.view_changed(view)
        return view

    def close_views(self, view: View, *, clear: bool = False) -> list[View]:
        """Take a modal and what lies above it, or with `clear` the whole stack, off the screen; return what closed."""
        ids = self.stacks.get((view.workspace_id, view.user_id), [])
        if view.id not in ids:
            return []
        keep = 0 if clear else ids.index(view.id)
        closed = [self.views.pop(one) for one in ids[keep:]]
        del ids[keep:]
        self.view_changed(view)
        return closed

    def replace_view(self, view: View, body: Json, *, state: dict[str, dict[str, Json]]) -> View:
        """Give a view new contents and a new hash; `state` is what stays of what the person put in."""
        view.body = body
        view.hash = self.next_hash()
        view.state = state
        self.view_changed(view)
        return view

    def next_hash(self) -> str:
        return f"{int(self.now())}.{self.next_id('')}"

    def view_changed(self, view: View) -> None:
        self.changes.add("view", view.workspace_id, view=view.id, user=view.user_id, type=view.kind)

    def changed(self, kind: str, channel: Channel, **what: Any) -> None:
        for workspace_id in channel.workspace_ids:
            self.changes.add(kind, workspace_id, channel=channel.id, **what)


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, len(DIGITS))
        digits = DIGITS[digit] + digits
    return digits

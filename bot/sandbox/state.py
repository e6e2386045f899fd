"""Everything the local Slack knows, how to find it, and what can happen to it."""

import itertools
import re
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from bot.sandbox import shapes
from bot.sandbox.app import SlackApp
from bot.sandbox.changes import Changes
from bot.sandbox.errors import SlackError
from bot.sandbox.records import (
    RESPONSE_URL_SECONDS,
    TRIGGER_SECONDS,
    Call,
    Channel,
    Installation,
    Json,
    Message,
    OAuthCode,
    Person,
    ResponseUrl,
    Token,
    TokenEnd,
    Trigger,
    UserGroup,
    View,
    Workspace,
)

CALLS_KEPT = 100_000
Emit = Callable[[SlackApp, Workspace, Json], Awaitable[None]]


async def _tell_nobody(_app: SlackApp, _workspace: Workspace, _event: Json) -> None:
    """Stand in until the sandbox has wired its outbound delivery."""


class Slack:
    """All workspaces with their people, channels, views and tokens. Ids are unique across workspaces."""

    def __init__(self, *, now: Callable[[], float], emit: Emit = _tell_nobody) -> None:
        self.now = now
        self.emit = emit
        self.url = ""
        self.changes = Changes()
        self.calls: deque[Call] = deque(maxlen=CALLS_KEPT)
        self.apps: dict[str, SlackApp] = {}
        self.workspaces: dict[str, Workspace] = {}
        self.people: dict[str, Person] = {}
        self.channels: dict[str, Channel] = {}
        self.user_groups: dict[str, UserGroup] = {}
        self.installations: dict[tuple[str, str], Installation] = {}
        self.tokens: dict[str, Token] = {}
        self.codes: dict[str, OAuthCode] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.views: dict[str, View] = {}
        self.homes: dict[tuple[str, str, str], str] = {}
        self.stacks: dict[tuple[str, str], list[str]] = {}
        self._numbers = itertools.count(1)
        self._last_ts = 0

    # --- ids and times -------------------------------------------------------------------------------------------

    def next_id(self, prefix: str) -> str:
        """Make an id that looks like Slack's: the prefix, then digits and capitals."""
        return f"{prefix}{next(self._numbers):09d}"

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
        return [channel for channel in self.channels_of(person.workspace_id) if self.can_see(person, channel)]

    def can_see(self, person: Person, channel: Channel) -> bool:
        if person.id in channel.members:
            return True
        return channel.kind == "public" and not person.is_restricted and person.workspace_id in channel.workspace_ids

    def person(self, workspace_id: str, user_id: str) -> Person | None:
        """Find a person whom this workspace knows: its own, or one met in a shared channel."""
        person = self.people.get(user_id)
        if person is None or person.workspace_id in (workspace_id, ""):
            return person
        shared = any(user_id in one.members for one in self.channels_of(workspace_id) if one.is_ext_shared)
        return person if shared else None

    def people_of(self, workspace_id: str) -> list[Person]:
        return [person for person in self.people.values() if person.workspace_id in (workspace_id, "")]

    def app_by_client_id(self, client_id: str) -> SlackApp | None:
        return next((app for app in self.apps.values() if app.client_id == client_id), None)

    def installation(self, app_id: str, workspace_id: str) -> Installation | None:
        """Find an installation that stands; an uninstalled one is as if it were not there."""
        installation = self.installations.get((app_id, workspace_id))
        return installation if installation and installation.active else None

    def bot(self, app_id: str, workspace_id: str) -> Person | None:
        installation = self.installation(app_id, workspace_id)
        return self.people[installation.bot_user_id] if installation else None

    def direct(self, workspace_id: str, user_ids: list[str]) -> Channel | None:
        """Find the direct conversation of exactly these people."""
        wanted = set(user_ids)
        return next(
            (one for one in self.channels_of(workspace_id) if one.is_direct and set(one.members) == wanted), None
        )

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
        self.channels[channel.id] = channel
        self._changed("channel", channel)
        return channel

    def post(self, channel: Channel, author: Person, **fields: Any) -> Message:
        """Store a message; with `ephemeral_for=<user id>`, for that person alone. Fields are those of `Message`."""
        message = Message(
            ts=self.next_ts(),
            channel_id=channel.id,
            workspace_id=author.workspace_id or channel.workspace_ids[0],
            user_id=author.id,
            bot_id=author.bot_id,
            app_id=author.app_id,
            **fields,
        )
        place = channel.ephemerals if message.ephemeral_for else channel.messages
        place[message.ts] = message
        self.message_changed(channel, message)
        return message

    def edit(self, channel: Channel, message: Message, **fields: Any) -> None:
        for name, value in fields.items():
            setattr(message, name, value)
        message.edited_ts = self.next_ts()
        self.message_changed(channel, message)

    def message_changed(self, channel: Channel, message: Message) -> None:
        self._changed("message", channel, ts=message.ts)

    def erase(self, channel: Channel, message: Message) -> None:
        channel.messages.pop(message.ts, None)
        channel.ephemerals.pop(message.ts, None)
        self.message_changed(channel, message)

    # --- rights that expire --------------------------------------------------------------------------------------

    def make_trigger(self, app_id: str, workspace_id: str, user_id: str, *, view_id: str | None = None) -> Trigger:
        """Make a trigger id; `view_id` names the modal in which the person acted, if any."""
        secret = self.next_id("")
        trigger = Trigger(
            id=f"{secret}.{int(self.now() * 1000)}.{secret[::-1]}",
            app_id=app_id,
            workspace_id=workspace_id,
            user_id=user_id,
            expires_at=self.now() + TRIGGER_SECONDS,
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

    # --- installing ----------------------------------------------------------------------------------------------

    def install(self, app: SlackApp, workspace_id: str, by: str, scopes: list[str]) -> Installation:
        """Install or reinstall: the bot user and a token that still works stay; scopes only add up."""
        before = self.installations.get((app.id, workspace_id))
        bot = self._bot_user(app, workspace_id, before)
        kept = before.scopes if before and before.active else []
        token = before.token if before and self.tokens[before.token].ended is None else self._new_token(app, bot)
        installation = Installation(
            app_id=app.id,
            workspace_id=workspace_id,
            bot_user_id=bot.id,
            bot_id=bot.bot_id or "",
            installed_by=by,
            installed_at=self.now(),
            scopes=list(dict.fromkeys([*kept, *scopes])),
            token=token,
        )
        self.installations[app.id, workspace_id] = installation
        self.changes.add("installation", workspace_id, app=app.id)
        return installation

    def _bot_user(self, app: SlackApp, workspace_id: str, before: Installation | None) -> Person:
        if before:
            bot = self.people[before.bot_user_id]
            bot.deleted = False
            return bot
        bot = Person(
            id=self.next_id("U"),
            workspace_id=workspace_id,
            name=re.sub(r"[^a-z0-9_.-]", "", app.bot_name.lower()) or "app",
            real_name=app.bot_name,
            bot_id=self.next_id("B"),
            app_id=app.id,
            updated_at=self.now(),
        )
        self.people[bot.id] = bot
        return bot

    def _new_token(self, app: SlackApp, bot: Person) -> str:
        value = f"xoxb-{self.next_id('')}-{self.next_id('')}-{bot.id[::-1]}{bot.workspace_id.lower()}"
        self.tokens[value] = Token(value, app.id, bot.workspace_id, bot.id)
        return value

    # --- what happens to a workspace, and whom it is told -----------------------------------------------------------

    async def publish(self, workspace_id: str, event: Json, *, channel: Channel | None = None) -> None:
        """Tell each installed app that subscribes to this event and may see the channel it is about."""
        for installation in list(self.installations.values()):
            app = self.apps[installation.app_id]
            if installation.workspace_id != workspace_id or not installation.active:
                continue
            bot = self.people[installation.bot_user_id]
            if event["type"] in app.bot_events and (channel is None or self.can_see(bot, channel)):
                await self.emit(app, self.workspaces[workspace_id], {"event_ts": self.next_ts(), **event})

    async def _publish_about(self, channel: Channel, event: Json) -> None:
        for workspace_id in channel.workspace_ids:
            await self.publish(workspace_id, event, channel=channel)

    async def archive(self, channel: Channel, *, by: str) -> None:
        channel.is_archived = True
        self._changed("channel", channel)
        await self._publish_about(channel, {"type": f"{_word(channel)}_archive", "channel": channel.id, "user": by})

    async def unarchive(self, channel: Channel, *, by: str) -> None:
        channel.is_archived = False
        self._changed("channel", channel)
        await self._publish_about(channel, {"type": f"{_word(channel)}_unarchive", "channel": channel.id, "user": by})

    async def rename(self, channel: Channel, name: str) -> None:
        channel.previous_names.insert(0, channel.name)
        channel.name = name
        self._changed("channel", channel)
        about = {
            "id": channel.id,
            "is_channel": channel.kind == "public",
            "is_mpim": False,
            "name": name,
            "name_normalized": name,
            "created": int(channel.created_at),
        }
        await self._publish_about(channel, {"type": f"{_word(channel)}_rename", "channel": about})

    async def delete_channel(self, channel: Channel, *, by: str) -> None:
        event = {"type": f"{_word(channel)}_deleted", "channel": channel.id, "actor_id": by}
        await self._publish_about(channel, event)
        del self.channels[channel.id]
        self._changed("channel", channel)

    async def join(self, channel: Channel, person: Person, *, inviter: str | None = None) -> None:
        """Make a person or a bot a member; nothing happens to one who already is."""
        if person.id in channel.members:
            return
        channel.members.append(person.id)
        self._changed("channel", channel)
        event = {**_membership(channel, person), "type": "member_joined_channel"}
        await self._tell_members(channel, event | ({"inviter": inviter} if inviter else {}))

    async def leave(self, channel: Channel, person: Person, *, by: str | None = None) -> None:
        """End a membership; `by` is who removed them, when it was not their own doing."""
        if person.id not in channel.members:
            return
        event = {**_membership(channel, person), "type": "member_left_channel"}
        await self._tell_members(channel, event)
        channel.members.remove(person.id)
        self._changed("channel", channel)
        if person.app_id:
            left = {"type": f"{_word(channel)}_left", "channel": channel.id, "actor_id": by or person.id}
            await self.publish(person.workspace_id, left)

    async def _tell_members(self, channel: Channel, event: Json) -> None:
        """Memberships are told to the apps whose bot is itself a member."""
        for installation in list(self.installations.values()):
            if installation.active and installation.bot_user_id in channel.members:
                app = self.apps[installation.app_id]
                if event["type"] in app.bot_events:
                    workspace = self.workspaces[installation.workspace_id]
                    await self.emit(app, workspace, {**event, "event_ts": self.next_ts()})

    async def deactivate(self, person: Person) -> None:
        person.deleted = True
        await self._person_changed(person)

    async def reactivate(self, person: Person) -> None:
        person.deleted = False
        await self._person_changed(person)

    async def _person_changed(self, person: Person) -> None:
        person.updated_at = self.now()
        self.changes.add("person", person.workspace_id, user=person.id)
        event = {"type": "user_change", "user": shapes.person(person), "cache_ts": int(self.now())}
        await self.publish(person.workspace_id, event)

    async def add_person(self, person: Person) -> None:
        """Let a person into a workspace."""
        self.people[person.id] = person
        self.changes.add("person", person.workspace_id, user=person.id)
        event = {"type": "team_join", "user": shapes.person(person), "cache_ts": int(self.now())}
        await self.publish(person.workspace_id, event)

    async def rename_workspace(self, workspace: Workspace, name: str) -> None:
        workspace.name = name
        self.changes.add("workspace", workspace.id)
        await self.publish(workspace.id, {"type": "team_rename", "name": name})

    async def share(self, channel: Channel, with_workspace: str) -> None:
        """Share a channel with another workspace (Slack Connect)."""
        channel.workspace_ids.append(with_workspace)
        self._changed("channel", channel)
        event = {"type": "channel_shared", "connected_team_id": with_workspace, "channel": channel.id}
        await self.publish(channel.workspace_ids[0], event, channel=channel)

    async def unshare(self, channel: Channel, with_workspace: str) -> None:
        channel.workspace_ids.remove(with_workspace)
        channel.members = [one for one in channel.members if self.people[one].workspace_id != with_workspace]
        self._changed("channel", channel)
        event = {
            "type": "channel_unshared",
            "previously_connected_team_id": with_workspace,
            "channel": channel.id,
            "is_ext_shared": channel.is_ext_shared,
        }
        await self.publish(channel.workspace_ids[0], event, channel=channel)

    async def change_channel_id(self, channel: Channel, new_id: str) -> None:
        old_id = channel.id
        del self.channels[old_id]
        channel.id = new_id
        self.channels[new_id] = channel
        for message in [*channel.messages.values(), *channel.ephemerals.values()]:
            message.channel_id = new_id
        self._changed("channel", channel)
        event = {"type": "channel_id_changed", "old_channel_id": old_id, "new_channel_id": new_id}
        await self._publish_about(channel, event)

    async def revoke(self, app: SlackApp, workspace_id: str) -> None:
        """Revoke the app's token: calls answer `token_revoked`, the bot user stays."""
        await self._end_token(app, workspace_id, "token_revoked")

    async def uninstall(self, app: SlackApp, workspace_id: str) -> None:
        """Remove the app: its token is dead, its bot user out of every channel, its Home tabs and modals gone."""
        installation = self.installation(app.id, workspace_id)
        if installation is None:
            return
        await self._end_token(app, workspace_id, "account_inactive")
        installation.uninstalled_at = self.now()
        self.people[installation.bot_user_id].deleted = True
        for channel in self.channels_of(workspace_id):
            if installation.bot_user_id in channel.members and not channel.is_direct:
                channel.members.remove(installation.bot_user_id)
        self._drop_views(app, workspace_id)
        self.changes.add("installation", workspace_id, app=app.id)
        await self._tell_app(app, workspace_id, {"type": "app_uninstalled"})

    def _drop_views(self, app: SlackApp, workspace_id: str) -> None:
        gone = [one for one in self.views.values() if (one.app_id, one.workspace_id) == (app.id, workspace_id)]
        for view in gone:
            del self.views[view.id]
            self.homes.pop((view.app_id, view.workspace_id, view.user_id), None)
            stack = self.stacks.get((view.workspace_id, view.user_id), [])
            if view.id in stack:
                stack.remove(view.id)

    async def _end_token(self, app: SlackApp, workspace_id: str, code: TokenEnd) -> None:
        installation = self.installation(app.id, workspace_id)
        if installation is None:
            return
        self.tokens[installation.token].ended = code
        self.changes.add("installation", workspace_id, app=app.id)
        tokens: Json = {"oauth": [], "bot": [installation.bot_user_id]}
        await self._tell_app(app, workspace_id, {"type": "tokens_revoked", "tokens": tokens})

    async def _tell_app(self, app: SlackApp, workspace_id: str, event: Json) -> None:
        """Tell one app about its own installation, which may just have ended."""
        if event["type"] in app.bot_events:
            await self.emit(app, self.workspaces[workspace_id], event)

    def _changed(self, kind: str, channel: Channel, **what: Any) -> None:
        for workspace_id in channel.workspace_ids:
            self.changes.add(kind, workspace_id, channel=channel.id, **what)


def _word(channel: Channel) -> str:
    return "channel" if channel.kind == "public" else "group"


def _membership(channel: Channel, person: Person) -> Json:
    kind = "C" if channel.kind == "public" else "G"
    return {"user": person.id, "channel": channel.id, "channel_type": kind, "team": person.workspace_id}

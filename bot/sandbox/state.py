"""What happens to the local Slack, and which app is told of it."""

import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot.sandbox import shapes
from bot.sandbox.app import SlackApp
from bot.sandbox.records import Channel, Installation, Json, Person, Token, TokenEnd, Workspace
from bot.sandbox.store import Store

Emit = Callable[[SlackApp, Workspace, Json], Awaitable[None]]


async def _tell_nobody(_app: SlackApp, _workspace: Workspace, _event: Json) -> None:
    """Stand in until the sandbox has wired its outbound delivery."""


class Slack(Store):
    """All workspaces, and the things that happen to them; each method changes the state, then tells the apps."""

    def __init__(self, *, now: Callable[[], float], emit: Emit = _tell_nobody) -> None:
        super().__init__(now=now)
        self.emit = emit
        # After an invitation by mention, Slack promises no order of the two events.
        self.mention_first = False
        # How often an event is sent though the app took it: Slack repeats one whose answer it did not hear.
        self.event_copies = 1

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

    def install_organisation(self, app: SlackApp, enterprise_id: str, by: str, scopes: list[str]) -> Installation:
        """Install or reinstall for a whole organisation: in no workspace, until its admins add the app there."""
        installation = self.install(app, enterprise_id, by, scopes)
        installation.enterprise_id = enterprise_id
        self.people[installation.bot_user_id].enterprise_id = enterprise_id
        return installation

    async def grant_access(self, app: SlackApp, enterprise_id: str, workspace_ids: list[str]) -> None:
        """Add an organisation's app to workspaces: the same bot user with the same token."""
        org = self.installations[app.id, enterprise_id]
        bot = self.people[org.bot_user_id]
        for workspace_id in workspace_ids:
            self.installations[app.id, workspace_id] = replace(org, workspace_id=workspace_id)
            bot.also_in.append(workspace_id)
            self.changes.add("installation", workspace_id, app=app.id)
        await self._tell_organisation(app, enterprise_id, {"type": "team_access_granted", "team_ids": workspace_ids})

    async def revoke_access(self, app: SlackApp, enterprise_id: str, workspace_ids: list[str]) -> None:
        """Take an organisation's app out of workspaces, and its bot user out of their channels."""
        for workspace_id in workspace_ids:
            self._leave_workspace(app, workspace_id)
        await self._tell_organisation(app, enterprise_id, {"type": "team_access_revoked", "team_ids": workspace_ids})

    def _leave_workspace(self, app: SlackApp, workspace_id: str) -> None:
        installation = self.installations[app.id, workspace_id]
        installation.uninstalled_at = self.now()
        bot = self.people[installation.bot_user_id]
        if workspace_id in bot.also_in:
            bot.also_in.remove(workspace_id)
        for channel in self.channels_of(workspace_id):
            if bot.id in channel.members and not channel.is_direct:
                channel.members.remove(bot.id)
        self._drop_views(app, workspace_id)
        self.changes.add("installation", workspace_id, app=app.id)

    async def uninstall_organisation(self, app: SlackApp, enterprise_id: str) -> None:
        """Remove an organisation's app from all its workspaces."""
        org = self.installations[app.id, enterprise_id]
        self.tokens[org.token].ended = "account_inactive"
        for workspace_id in list(self.people[org.bot_user_id].also_in):
            self._leave_workspace(app, workspace_id)
        org.uninstalled_at = self.now()
        await self._tell_organisation(app, enterprise_id, {"type": "app_uninstalled"})

    async def _tell_organisation(self, app: SlackApp, enterprise_id: str, event: Json) -> None:
        if event["type"] in app.bot_events:
            await self.emit(app, self.organisations[enterprise_id].as_workspace, event)

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
        value = f"xoxb-{self.next_id('')}-{self.next_id('')}-{secrets.token_urlsafe(18)}"
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
        self.changed("channel", channel)
        await self._publish_about(channel, {"type": f"{_word(channel)}_archive", "channel": channel.id, "user": by})

    async def unarchive(self, channel: Channel, *, by: str) -> None:
        channel.is_archived = False
        self.changed("channel", channel)
        await self._publish_about(channel, {"type": f"{_word(channel)}_unarchive", "channel": channel.id, "user": by})

    async def rename(self, channel: Channel, name: str) -> None:
        channel.previous_names.insert(0, channel.name)
        channel.name = name
        self.changed("channel", channel)
        about = {
            "id": channel.id,
            "is_channel": channel.kind == "public",
            "is_mpim": False,
            "name": name,
            "name_normalized": name,
            "created": int(channel.created_at),
        }
        await self._publish_about(channel, {"type": f"{_word(channel)}_rename", "channel": about})

    def convert(self, channel: Channel) -> None:
        """Make a public channel private, or a private one public.

        Slack tells of it by a message in the channel, which an app gets that subscribes to everything people write.
        """
        channel.kind = "private" if channel.kind == "public" else "public"
        self.changed("channel", channel)

    async def delete_channel(self, channel: Channel, *, by: str) -> None:
        event = {"type": f"{_word(channel)}_deleted", "channel": channel.id, "actor_id": by}
        await self._publish_about(channel, event)
        del self.channels[channel.id]
        self.changed("channel", channel)

    async def join(self, channel: Channel, person: Person, *, inviter: str | None = None) -> None:
        """Make a person or a bot a member; nothing happens to one who already is."""
        if person.id in channel.members:
            return
        channel.members.append(person.id)
        self.changed("channel", channel)
        event = {**_membership(channel, person), "type": "member_joined_channel"}
        await self._tell_members(channel, event | ({"inviter": inviter} if inviter else {}))

    async def leave(self, channel: Channel, person: Person, *, by: str | None = None) -> None:
        """End a membership; `by` is who removed them, when it was not their own doing."""
        if person.id not in channel.members:
            return
        event = {**_membership(channel, person), "type": "member_left_channel"}
        await self._tell_members(channel, event)
        channel.members.remove(person.id)
        self.changed("channel", channel)
        if person.app_id:
            left = {"type": f"{_word(channel)}_left", "channel": channel.id, "actor_id": by or person.id}
            for workspace_id in set(person.workspace_ids) & set(channel.workspace_ids):
                await self.publish(workspace_id, left)

    async def _tell_members(self, channel: Channel, event: Json) -> None:
        """Memberships are told to the apps whose bot is itself a member."""
        for installation in list(self.installations.values()):
            here = installation.active and installation.workspace_id in channel.workspace_ids
            if here and installation.bot_user_id in channel.members:
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
        """Share a channel with another workspace: by Slack Connect, of which apps hear, or within an organisation."""
        channel.workspace_ids.append(with_workspace)
        shared = set(channel.workspace_ids)
        channel.is_org_shared = any(shared <= set(one.workspace_ids) for one in self.organisations.values())
        self.changed("channel", channel)
        if channel.is_org_shared:
            return
        event = {"type": "channel_shared", "connected_team_id": with_workspace, "channel": channel.id}
        await self.publish(channel.workspace_ids[0], event, channel=channel)

    async def unshare(self, channel: Channel, with_workspace: str) -> None:
        channel.workspace_ids.remove(with_workspace)
        channel.members = [one for one in channel.members if self.people[one].workspace_id != with_workspace]
        was_within, channel.is_org_shared = channel.is_org_shared, False
        self.changed("channel", channel)
        if was_within:
            return
        event = {
            "type": "channel_unshared",
            "previously_connected_team_id": with_workspace,
            "channel": channel.id,
            "is_ext_shared": channel.is_ext_shared,
        }
        await self.publish(channel.workspace_ids[0], event, channel=channel)
        await self.publish(with_workspace, event)

    async def change_channel_id(self, channel: Channel, new_id: str) -> None:
        old_id = channel.id
        del self.channels[old_id]
        channel.id = new_id
        self.channels[new_id] = channel
        for message in [*channel.messages.values(), *channel.ephemerals.values()]:
            message.channel_id = new_id
        self.changed("channel", channel)
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
        self.people[installation.bot_user_id].deleted = True
        self._leave_workspace(app, workspace_id)
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


def _word(channel: Channel) -> str:
    return "channel" if channel.kind == "public" else "group"


def _membership(channel: Channel, person: Person) -> Json:
    kind = "C" if channel.kind == "public" else "G"
    return {"user": person.id, "channel": channel.id, "channel_type": kind, "team": person.workspace_id}

"""Everybody's Slack client: their screens, what they see, and what they do in conversations."""

from bot.sandbox import shapes
from bot.sandbox.app import SlackApp
from bot.sandbox.conversing import Conversing
from bot.sandbox.errors import NotPossibleError
from bot.sandbox.outbound import Outbound
from bot.sandbox.records import Channel, File, Json, Message, Person, View
from bot.sandbox.screen import Screen
from bot.sandbox.state import Slack


class Clients:
    """All clients at once; a person's screen is made when it is first looked at."""

    def __init__(self, slack: Slack, outbound: Outbound) -> None:
        self.slack = slack
        self.outbound = outbound
        self.conversing = Conversing(slack, outbound)
        self._screens: dict[str, Screen] = {}
        # The last message that a person has seen in a conversation, by their ids.
        self._read: dict[tuple[str, str], str] = {}

    def person(self, workspace_id: str, user_id: str) -> Person:
        """Find who acts: somebody of this workspace whose account is active."""
        person = self.slack.people.get(user_id)
        if person is None or person.workspace_id != workspace_id or person.is_bot:
            raise NotPossibleError(f"There is no person {user_id} in the workspace {workspace_id}.")
        if person.deleted:
            raise NotPossibleError(f"{person.real_name} is deactivated and cannot use Slack.")
        return person

    def screen(self, person: Person) -> Screen:
        return self._screens.setdefault(person.id, Screen(self.slack, self.outbound, person))

    def channel(self, person: Person, channel_id: str) -> Channel:
        """Find a conversation by its id or `#name`, if the person sees it."""
        channel = self.slack.channels.get(channel_id) or self.slack.channel_named(person.workspace_id, channel_id)
        if channel is None or not self.slack.can_see(person, channel):
            raise NotPossibleError(f"{person.real_name} sees no channel {channel_id}.")
        return channel

    def app(self, app_id: str | None = None) -> SlackApp:
        """Find an app; without an id, the one that was registered first."""
        app = self.slack.apps.get(app_id) if app_id else next(iter(self.slack.apps.values()), None)
        if app is None:
            raise NotPossibleError(f"There is no app {app_id or 'here'}.")
        return app

    async def open_home(self, person: Person, app: SlackApp, *, tab: str = "home") -> View | None:
        """Open the app's Home tab (or its Messages tab) and wait until the app has answered the event, or failed to."""
        installation = self.slack.installation(app.id, person.workspace_id)
        if installation is None:
            raise NotPossibleError(f"{app.name} is not installed in this workspace.")
        direct = self.slack.open_direct(person.workspace_id, [installation.bot_user_id, person.id])
        view = self.slack.home(app.id, person.workspace_id, person.id)
        event: Json = {
            "type": "app_home_opened",
            "user": person.id,
            "channel": direct.id,
            "tab": tab,
            "event_ts": self.slack.next_ts(),
        }
        if view and tab == "home":
            event["view"] = shapes.view(view)
        if "app_home_opened" in app.bot_events:
            delivery = self.outbound.send(app, self.slack.workspaces[person.workspace_id], event)
            await delivery.tried.wait()
        return self.slack.home(app.id, person.workspace_id, person.id)

    def store_file(self, person: Person, name: str, content: bytes) -> File:
        """Store a file that a person chose in a form."""
        now = self.slack.now()
        file = File(
            id=self.slack.next_id("F"),
            ticket="",
            workspace_id=person.workspace_id,
            user_id=person.id,
            name=name,
            length=len(content),
            created_at=now,
            content=content,
            completed_at=now,
        )
        self.slack.files[file.id] = file
        return file

    # --- what a person sees --------------------------------------------------------------------------------------

    def sees(self, person: Person) -> Json:
        """Describe all that is on a person's screen and behind its links."""
        places = self.slack.visible_channels(person)
        return {
            "workspace": shapes.team(self.slack.workspaces[person.workspace_id]),
            "person": shapes.person(person),
            "apps": [self._app(person, app) for app in self.slack.apps.values()],
            "channels": [self.place(person, one) for one in places if not one.is_direct],
            "directs": [self.place(person, one) for one in places if one.is_direct],
            "home": self._home(person),
            "modals": [self.shown_view(person, view) for view in self.screen(person).modals()],
            "change": self.slack.changes.count,
        }

    def place(self, person: Person, channel: Channel) -> Json:
        return {
            "id": channel.id,
            "name": self.screen(person).title(channel),
            "kind": channel.kind,
            "topic": channel.topic,
            "members": list(channel.members),
            "is_member": person.id in channel.members,
            "is_archived": channel.is_archived,
            "is_ext_shared": channel.is_ext_shared,
            "messages": [self.shown_message(person, message) for message in self.messages(person, channel)],
        }

    def messages(self, person: Person, channel: Channel) -> list[Message]:
        mine = [one for one in channel.ephemerals.values() if one.ephemeral_for == person.id]
        return sorted([*channel.messages.values(), *mine], key=lambda message: message.ts)

    def read(self, person: Person, channel: Channel, ts: str) -> None:
        """Remember that a person has seen a conversation as far as this message."""
        key = (person.id, channel.id)
        self._read[key] = max(self._read.get(key, ""), ts)

    def unread(self, person: Person, channel: Channel) -> list[Message]:
        """List what others have said since a member last looked; answers in threads wait there, unless for all."""
        if person.id not in channel.members:
            return []
        since = self._read.get((person.id, channel.id), "")
        news = [one for ts, one in channel.messages.items() if ts > since and one.user_id != person.id]
        return [one for one in news if not one.thread_ts or one.reply_broadcast]

    def names(self, person: Person, message: Message) -> bool:
        """Tell whether a message mentions this person, by name, in a group, or with everybody."""
        groups = [one.id for one in self.slack.user_groups.values() if person.id in one.members]
        signs = [f"@{person.id}", "!here", "!channel", "!everyone", *(f"!subteam^{one}" for one in groups)]
        return any(f"<{sign}>" in message.text or f"<{sign}|" in message.text for sign in signs)

    def shown_message(self, person: Person, message: Message) -> Json:
        drawn = shapes.message(self.slack, message)
        drawn.pop("metadata", None)
        trouble = self.screen(person).trouble(message)
        author = message.username or self.slack.people[message.user_id].real_name
        return {**drawn, "channel": message.channel_id, "author": author, "trouble": trouble}

    def shown_view(self, person: Person, view: View) -> Json:
        screen = self.screen(person)
        return {**shapes.view(view), "errors": screen.errors(view), "trouble": screen.trouble(view)}

    def _app(self, person: Person, app: SlackApp) -> Json:
        installation = self.slack.installation(app.id, person.workspace_id)
        return {
            "id": app.id,
            "name": app.name,
            "commands": sorted(app.commands),
            "installed": installation is not None,
            "installed_by": installation.installed_by if installation else None,
            "bot_user_id": installation.bot_user_id if installation else None,
            "scopes": installation.scopes if installation else [],
        }

    def _home(self, person: Person) -> Json | None:
        homes = [self.slack.home(app_id, person.workspace_id, person.id) for app_id in self.slack.apps]
        return next((self.shown_view(person, view) for view in homes if view), None)

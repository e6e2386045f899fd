"""What can be made to happen to a workspace from outside: the doings of admins, other people and fate."""

from collections.abc import Awaitable, Callable, Mapping
from typing import cast

from bot.sandbox import people
from bot.sandbox.app import SlackApp
from bot.sandbox.errors import NotPossibleError
from bot.sandbox.records import SHOWN, Channel, Json, Person, Shown
from bot.sandbox.state import Slack

FIRST_EVENTS = ("member_joined_channel", "app_mention")


class Happening:
    """One thing asked for, with what it names looked up."""

    def __init__(self, slack: Slack, asked: Json) -> None:
        self.slack = slack
        self._asked = asked

    def text(self, name: str) -> str:
        value = self._asked.get(name)
        if not isinstance(value, str) or not value:
            raise NotPossibleError(f"Say which one with “{name}”.")
        return value

    @property
    def channel(self) -> Channel:
        channel = self.slack.channels.get(self.text("channel"))
        if channel is None:
            raise NotPossibleError(f"There is no channel {self.text('channel')}.")
        return channel

    @property
    def user(self) -> Person:
        person = self.slack.people.get(self.text("user"))
        if person is None:
            raise NotPossibleError(f"There is no person {self.text('user')}.")
        return person

    @property
    def by(self) -> str:
        """Who did it: as named, or else the channel's creator."""
        return str(self._asked.get("as") or self.channel.creator)

    @property
    def app(self) -> SlackApp:
        app_id = self._asked.get("app") or next(iter(self.slack.apps), None)
        if app_id not in self.slack.apps:
            raise NotPossibleError(f"There is no app {app_id}.")
        return self.slack.apps[app_id]

    @property
    def bot(self) -> Person:
        workspace_id = self.text("workspace")
        bot = self.slack.bot(self.app.id, workspace_id)
        if bot is None:
            raise NotPossibleError(f"{self.app.name} is not installed in {workspace_id}.")
        return bot


async def _archive(one: Happening) -> None:
    await one.slack.archive(one.channel, by=one.by)


async def _unarchive(one: Happening) -> None:
    await one.slack.unarchive(one.channel, by=one.by)


async def _rename(one: Happening) -> None:
    await one.slack.rename(one.channel, one.text("name"))


async def _convert(one: Happening) -> None:
    """Make a public channel private, or a private one public."""
    one.slack.convert(one.channel)


async def _delete_channel(one: Happening) -> None:
    await one.slack.delete_channel(one.channel, by=one.by)


async def _change_channel_id(one: Happening) -> None:
    await one.slack.change_channel_id(one.channel, one.text("new_id"))


async def _share(one: Happening) -> None:
    await one.slack.share(one.channel, one.text("with"))


async def _unshare(one: Happening) -> None:
    await one.slack.unshare(one.channel, one.text("with"))


async def _add_bot(one: Happening) -> None:
    await one.slack.join(one.channel, one.bot, inviter=one.by)


async def _remove_bot(one: Happening) -> None:
    await one.slack.leave(one.channel, one.bot, by=one.by)


async def _deactivate(one: Happening) -> None:
    await one.slack.deactivate(one.user)


async def _reactivate(one: Happening) -> None:
    await one.slack.reactivate(one.user)


async def _rename_workspace(one: Happening) -> None:
    await one.slack.rename_workspace(one.slack.workspaces[one.text("workspace")], one.text("name"))


async def _revoke(one: Happening) -> None:
    await one.slack.revoke(one.app, one.text("workspace"))


async def _uninstall(one: Happening) -> None:
    await one.slack.uninstall(one.app, one.text("workspace"))


async def _found_organisation(one: Happening) -> None:
    """Make the ready-made workspaces one organisation."""
    people.found_organisation(one.slack)


async def _grant_access(one: Happening) -> None:
    """Add the app that an organisation installed to one of its workspaces."""
    await one.slack.grant_access(one.app, one.text("organisation"), [one.text("workspace")])


async def _revoke_access(one: Happening) -> None:
    await one.slack.revoke_access(one.app, one.text("organisation"), [one.text("workspace")])


async def _uninstall_organisation(one: Happening) -> None:
    await one.slack.uninstall_organisation(one.app, one.text("organisation"))


async def _order_events(one: Happening) -> None:
    """Say which event comes first after an invitation by mention."""
    first = one.text("first")
    if first not in FIRST_EVENTS:
        raise NotPossibleError(f"Name one of these with “first”: {', '.join(FIRST_EVENTS)}.")
    one.slack.mention_first = first == FIRST_EVENTS[1]


async def _repeat_events(one: Happening) -> None:
    """Say how often the app gets each event from now on."""
    times = one.text("times")
    if times not in {"1", "2", "3"}:
        raise NotPossibleError("Say with “times” how often: 1, 2 or 3.")
    one.slack.event_copies = int(times)


async def _show(one: Happening) -> None:
    """Say what a workspace's messages can show from now on."""
    shows = one.text("shows")
    if shows not in SHOWN:
        raise NotPossibleError(f"Name one of these with “shows”: {', '.join(SHOWN)}.")
    one.slack.workspaces[one.text("workspace")].shows = cast("Shown", shows)


async def _limit_edits(one: Happening) -> None:
    """Say for how many minutes messages may be changed from now on."""
    minutes = one.text("minutes")
    if not minutes.isdecimal():
        raise NotPossibleError("Say with “minutes” for how long: a whole number.")
    one.slack.workspaces[one.text("workspace")].edit_minutes = int(minutes)


HAPPENINGS: Mapping[str, Callable[[Happening], Awaitable[None]]] = {
    "archive": _archive,
    "unarchive": _unarchive,
    "rename": _rename,
    "convert": _convert,
    "delete_channel": _delete_channel,
    "change_channel_id": _change_channel_id,
    "share": _share,
    "unshare": _unshare,
    "add_bot": _add_bot,
    "remove_bot": _remove_bot,
    "deactivate": _deactivate,
    "reactivate": _reactivate,
    "rename_workspace": _rename_workspace,
    "revoke": _revoke,
    "uninstall": _uninstall,
    "found_organisation": _found_organisation,
    "grant_access": _grant_access,
    "revoke_access": _revoke_access,
    "uninstall_organisation": _uninstall_organisation,
    "order_events": _order_events,
    "repeat_events": _repeat_events,
    "show": _show,
    "limit_edits": _limit_edits,
}


async def happen(slack: Slack, asked: Json) -> None:
    """Make one of these things happen; `do` names it."""
    happening = HAPPENINGS.get(str(asked.get("do")))
    if happening is None:
        raise NotPossibleError(f"Name one of these with “do”: {', '.join(HAPPENINGS)}.")
    await happening(Happening(slack, asked))

"""Which workspace of an organisation a call with its token is about, and whether the app may act there."""

from bot.sandbox.arguments import Arguments
from bot.sandbox.errors import SlackError
from bot.sandbox.records import Organisation, Token, Workspace
from bot.sandbox.store import Store

NEED_TEAM = frozenset({"bots.info", "conversations.list", "usergroups.list", "users.conversations", "users.list"})
"""The methods that Slack's reference wants `team_id` for with such a token; for others it says nothing."""

OF_ALL = frozenset({"apps.uninstall", "auth.revoke", "auth.teams.list", "auth.test"})


def meant(slack: Store, org: Organisation, token: Token, method: str, args: Arguments) -> Workspace:
    """Find the workspace, or raise what Slack answers where none was named, or one that the app is not in."""
    if method in OF_ALL:
        return org.as_workspace
    if method == "users.info":
        # People are the organisation's: whoever installed the app is told before it is in any workspace.
        person = slack.people.get(args.text("user") or "")
        return slack.workspaces[person.workspace_id] if person else org.as_workspace
    if method == "users.lookupByEmail":
        return org.as_workspace
    if method in NEED_TEAM and not args.text("team_id"):
        raise SlackError("missing_argument")
    workspace_id = _place(slack, args) or args.text("team_id") or _home(slack, args)
    if workspace_id not in org.workspace_ids:
        raise SlackError("team_not_found")
    if workspace_id not in slack.people[token.user_id].also_in:
        raise SlackError("team_access_not_granted")
    return slack.workspaces[workspace_id]


def _place(slack: Store, args: Arguments) -> str | None:
    """Say where the named conversation, modal or right to open one is."""
    channel = slack.channels.get(args.text("channel") or "")
    trigger = slack.triggers.get(args.text("trigger_id") or "")
    view = slack.views.get(args.text("view_id") or "")
    if channel:
        return channel.workspace_ids[0]
    known = trigger or view
    return known.workspace_id if known else None


def _home(slack: Store, args: Arguments) -> str | None:
    """Say where the named person is at home."""
    named = [args.text(name) or "" for name in ("channel", "user", "user_id")]
    person = next((slack.people[one] for one in [*named, *args.names("users")] if one in slack.people), None)
    return person.workspace_id if person else None

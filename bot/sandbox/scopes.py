"""Scopes: what each permits, in the words of the authorise page, and the check that a token has one."""

from collections.abc import Collection

from bot.sandbox.errors import SlackError
from bot.sandbox.records import Channel, ChannelKind

WORDS = {
    "app_mentions:read": "View messages that directly mention @{bot} in conversations that the app is in",
    "channels:history": "View messages and other content in public channels that {bot} has been added to",
    "channels:join": "Join public channels in a workspace",
    "channels:manage": "Manage public channels that {bot} has been added to and create new ones",
    "channels:read": "View basic information about public channels in a workspace",
    "chat:write": "Send messages as @{bot}",
    "chat:write.customize": "Send messages as @{bot} with a customized username and avatar",
    "chat:write.public": "Send messages to channels @{bot} isn't a member of",
    "commands": "Add shortcuts and/or slash commands that people can use",
    "files:read": "View files shared in channels and conversations that {bot} has been added to",
    "files:write": "Upload, edit, and delete files as {bot}",
    "groups:history": "View messages and other content in private channels that {bot} has been added to",
    "groups:read": "View basic information about private channels that {bot} has been added to",
    "groups:write": "Manage private channels that {bot} has been added to and create new ones",
    "im:history": "View messages and other content in direct messages that {bot} has been added to",
    "im:read": "View basic information about direct messages that {bot} has been added to",
    "im:write": "Start direct messages with people",
    "links:read": "View URLs in messages",
    "links:write": "Show previews of URLs in messages",
    "mpim:history": "View messages and other content in group direct messages that {bot} has been added to",
    "mpim:read": "View basic information about group direct messages that {bot} has been added to",
    "mpim:write": "Start group direct messages with people",
    "reactions:write": "Add and edit emoji reactions",
    "team:read": "View the name, email domain, and icon for workspaces {bot} is connected to",
    "usergroups:read": "View user groups in a workspace",
    "users.profile:read": "View profile details about people in a workspace",
    "users:read": "View people in a workspace",
    "users:read.email": "View email addresses of people in a workspace",
}

FAMILY: dict[ChannelKind, str] = {"public": "channels", "private": "groups", "im": "im", "mpim": "mpim"}
READ = tuple(f"{family}:read" for family in FAMILY.values())
HISTORY = tuple(f"{family}:history" for family in FAMILY.values())


def in_words(scope: str, bot: str) -> str:
    return WORDS.get(scope, scope).format(bot=bot)


def require(granted: Collection[str], *sufficient: str) -> None:
    """Raise `missing_scope` unless one of the sufficient scopes was granted."""
    if not any(scope in granted for scope in sufficient):
        raise SlackError("missing_scope", needed=",".join(sufficient), provided=",".join(granted))


def for_channel(channel: Channel, action: str) -> str:
    """Name the scope that this action (`read`, `history`) needs in a conversation of this kind."""
    return f"{FAMILY[channel.kind]}:{action}"

"""The scopes: what Runrate asks of Slack, and why, in words that a workspace admin reads.

They are settled once, since a new one makes every workspace install again. Without a required scope the product
doesn't work; without an optional one it works, and says what it can't do.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """One permission: `reason` says what it is used for, `brings` what is better with it where it is optional."""

    name: str
    reason: str
    brings: str = ""


REQUIRED: tuple[Scope, ...] = (
    Scope("commands", "Answers /mrr."),
    Scope("chat:write", "Posts to the channels and people you choose, and corrects its own posts."),
    Scope("chat:write.customize", "Posts under the name and icon that you give a destination."),
    Scope("channels:read", "Reads names of public channels, and notices when one is renamed, archived or deleted."),
    Scope("groups:read", "The same for private channels, but only those that Runrate was invited to."),
    Scope("channels:join", "Joins a public channel when you choose it, so that you needn't invite it."),
    Scope("app_mentions:read", "Answers when somebody writes @Runrate, and learns that way of an invitation."),
    Scope("links:read", "Notices links to Runrate's own reports, and no others."),
    Scope("links:write", "Shows a preview under those links."),
    Scope("users:read", "Reads names, time zones, and who is an admin and so may change settings."),
    Scope("users:read.email", "Finds an account's owner in Slack by the e-mail address in your CRM."),
    Scope("im:write", "Writes to one person, such as an account's owner."),
    Scope("mpim:write", "Writes to a small group of people that you choose."),
    Scope("usergroups:read", "Writes to the members of a user group that you choose."),
)

OPTIONAL: tuple[Scope, ...] = (
    Scope(
        "files:write",
        "Uploads charts as pictures.",
        "Charts also show where Slack can't fetch pictures from your server.",
    ),
    Scope(
        "channels:history",
        "Looks whether its own message arrived in a public channel; keeps nobody else's.",
        "After a lost connection, no message is posted twice there.",
    ),
    Scope(
        "groups:history",
        "The same in private channels that Runrate was invited to.",
        "After a lost connection, no message is posted twice there.",
    ),
    Scope(
        "im:history",
        "The same in direct messages with Runrate.",
        "After a lost connection, no message reaches a person twice.",
    ),
    Scope(
        "mpim:history",
        "The same in group messages with Runrate.",
        "After a lost connection, no message reaches a group twice.",
    ),
)


def requested() -> str:
    """Join every scope as Slack's authorise page takes them. Slack offers the optional ones as a choice."""
    return ",".join(scope.name for scope in (*REQUIRED, *OPTIONAL))


def parse(granted: str) -> frozenset[str]:
    """Read the comma-separated `scope` of Slack's answer, or of its `x-oauth-scopes` header."""
    return frozenset(name.strip() for name in granted.split(",") if name.strip())


def missing(granted: Collection[str], among: Iterable[Scope] = REQUIRED) -> tuple[Scope, ...]:
    """Name the scopes that were not granted, in the order of the list."""
    return tuple(scope for scope in among if scope.name not in granted)

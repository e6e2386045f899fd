"""A Web API method as data, and what its function is given."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from bot.sandbox.app import SlackApp
from bot.sandbox.arguments import Arguments
from bot.sandbox.errors import RateLimitedError, SlackError
from bot.sandbox.limits import Limiter
from bot.sandbox.records import Channel, Installation, Json, Person, Workspace
from bot.sandbox.state import Slack

# Slack answers these for any method; the lists of the single methods leave them out.
COMMON_ERRORS = frozenset(
    {
        "account_inactive",
        "internal_error",
        "invalid_arguments",
        "invalid_auth",
        "invalid_json",
        "invalid_post_type",
        "json_not_object",
        "missing_scope",
        "not_authed",
        "ratelimited",
        "token_revoked",
        "unknown_method",
    }
)


@dataclass(frozen=True)
class Caller:
    """Whom the token speaks for: an app's bot in one workspace."""

    app: SlackApp
    workspace: Workspace
    bot: Person
    installation: Installation

    @property
    def scopes(self) -> list[str]:
        return self.installation.scopes


@dataclass(frozen=True)
class Ask:
    """One call, ready to be answered: the state, the arguments and who asks."""

    slack: Slack
    limiter: Limiter
    args: Arguments
    caller: Caller

    def required(self, name: str) -> str:
        return self.args.text(name) or ""

    def channel(self) -> Channel:
        """Find the conversation that was named by its id; one that the bot cannot see does not exist for it."""
        channel = self.slack.channel(self.caller.workspace.id, self.required("channel"))
        if channel is None or not self.slack.can_see(self.caller.bot, channel):
            raise SlackError("channel_not_found")
        return channel

    def person(self, *, code: str = "user_not_found") -> Person:
        person = self.slack.person(self.caller.workspace.id, self.required("user"))
        if person is None:
            raise SlackError(code)
        return person

    def pace(self, channel: Channel) -> None:
        """Count a message to this channel, or raise what Slack answers to one too many."""
        wait = self.limiter.message_wait(self.caller.app.id, self.caller.workspace.id, channel.id)
        if wait:
            raise RateLimitedError(wait)


@dataclass(frozen=True)
class OpenAsk:
    """A call that needs no token, such as the exchange of an OAuth code."""

    slack: Slack
    args: Arguments


Answer: TypeAlias = Callable[[Ask], Awaitable[Json]]
OpenAnswer: TypeAlias = Callable[[OpenAsk], Awaitable[Json]]


@dataclass(frozen=True)
class Method:
    """A method for a bot token.

    One of `scopes` must be granted; `errors` are all that its function may raise beyond the common ones. A method with
    `tier` None is "special" in Slack's words: not limited by the minute.
    """

    name: str
    answer: Answer
    tier: int | None
    scopes: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    errors: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class OpenMethod:
    """A method that needs no token."""

    name: str
    answer: OpenAnswer
    required: tuple[str, ...] = ()
    errors: frozenset[str] = field(default_factory=frozenset)

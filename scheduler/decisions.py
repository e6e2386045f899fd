"""What an answer to a send means. The table is data: every code that we know, and a safe default for those we don't."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

RETRY_FIRST = timedelta(seconds=2)
RETRY_MOST = timedelta(minutes=15)
GIVE_UP = timedelta(hours=24)
LIMITED_DEFAULT = timedelta(seconds=30)
LIMITED_MOST = timedelta(minutes=15)

OUR_FAULT = "This is a fault in Runrate. Please report it with the delivery's id."
REINSTALL = "Reinstall Runrate from its set-up page; everything that waits is then sent."


class Class(StrEnum):
    """What is done next."""

    RETRY = "retry"
    """Nothing was posted. Try again soon."""
    WAIT = "wait"
    """Slack says when."""
    JOIN = "join"
    """Enter the channel first, where we may."""
    FIX = "fix needed"
    """A person has to do something. Keep trying, slower and slower."""
    HOLD = "hold"
    """Our token is not accepted any more. Send nothing in this workspace until it is installed again."""
    PERMANENT = "permanent"
    """It will never work."""
    AMBIGUOUS = "ambiguous"
    """It may have been posted. Look, before anything is sent again."""


@dataclass(frozen=True)
class Decision:
    """A class with the cause in words that a manager reads after “I can't post to #revenue:”, and the fix."""

    what: Class
    reason: str
    fix: str | None = None
    after: timedelta | None = None


SLACK_CODES: dict[str, Decision] = {
    "ratelimited": Decision(Class.WAIT, "Slack asks us to send slower"),
    "rate_limited": Decision(Class.WAIT, "Slack asks us to send slower"),
    "not_in_channel": Decision(
        Class.JOIN, "I'm not in the channel", "Type @Runrate in the channel and press “Invite Them”."
    ),
    "channel_not_found": Decision(
        Class.FIX,
        "I can't see it, since it is private and I'm not in it, or it was deleted",
        "Type @Runrate in the channel and press “Invite Them”, or choose another channel.",
    ),
    "is_archived": Decision(Class.FIX, "the channel is archived", "Unarchive it, or choose another channel."),
    "restricted_action": Decision(
        Class.FIX, "only some people may post in the channel", "Let Runrate post there, or choose another channel."
    ),
    "restricted_action_read_only_channel": Decision(
        Class.FIX, "the channel is read-only", "Let Runrate post there, or choose another channel."
    ),
    "missing_scope": Decision(Class.FIX, "Runrate lacks a permission in Slack", REINSTALL),
    "no_permission": Decision(Class.FIX, "Slack doesn't let Runrate post there", REINSTALL),
    "ekm_access_denied": Decision(
        Class.FIX, "your company's key management suspended posting", "Ask whoever manages Slack's encryption keys."
    ),
    "team_access_not_granted": Decision(
        Class.FIX, "Runrate is not granted to this workspace", "Ask an admin of your Slack organisation to add it."
    ),
    "token_revoked": Decision(Class.HOLD, "Slack no longer accepts Runrate's token", REINSTALL),
    "token_expired": Decision(Class.HOLD, "Slack no longer accepts Runrate's token", REINSTALL),
    "account_inactive": Decision(Class.HOLD, "Slack no longer accepts Runrate's token", REINSTALL),
    "invalid_auth": Decision(Class.HOLD, "Slack no longer accepts Runrate's token", REINSTALL),
    "not_authed": Decision(Class.HOLD, "Slack no longer accepts Runrate's token", REINSTALL),
    "org_login_required": Decision(Class.HOLD, "the workspace is moving to another organisation", REINSTALL),
    "team_added_to_org": Decision(Class.HOLD, "the workspace moved to another organisation", REINSTALL),
    "invalid_blocks": Decision(Class.PERMANENT, "Slack refused the message's form", OUR_FAULT),
    "msg_too_long": Decision(Class.PERMANENT, "Slack refused the message as too long", OUR_FAULT),
    "no_text": Decision(Class.PERMANENT, "Slack refused the message as empty", OUR_FAULT),
    "invalid_arguments": Decision(Class.PERMANENT, "Slack refused the message's form", OUR_FAULT),
    "internal_error": Decision(Class.AMBIGUOUS, "Slack had an error and may have posted the message"),
    "fatal_error": Decision(Class.AMBIGUOUS, "Slack had an error and may have posted the message"),
    "request_timeout": Decision(Class.RETRY, "Slack did not read our request in time"),
    "service_unavailable": Decision(Class.RETRY, "Slack is not available"),
}

UNKNOWN = Decision(Class.FIX, "Slack refused the message", "See the code in the delivery's attempts.")


def answer_of(error: BaseException) -> str:
    """Name an error for the ledger: Slack's code, `http 503`, or the transport error's kind. Never its text."""
    if isinstance(error, SlackApiError):
        return code_of(error) or f"http {status_of(error)}"
    return type(error).__name__


def code_of(error: SlackApiError) -> str | None:
    """Give Slack's error code, if the answer was one of Slack's."""
    data = getattr(error.response, "data", None)
    return data.get("error") if isinstance(data, dict) else None


def status_of(error: SlackApiError) -> int:
    """Give the HTTP status of the answer; 0 where there was none."""
    response = error.response
    return int(getattr(response, "status_code", None) or getattr(response, "status", 0) or 0)


def decide(error: BaseException, *, now: datetime) -> Decision:
    """Say what an error means for the message that was being sent."""
    if isinstance(error, SlackApiError):
        return _decide_answer(error, now=now)
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.InvalidURL):
        return Decision(Class.RETRY, "Slack can't be reached")
    if isinstance(error, aiohttp.ClientError | asyncio.TimeoutError | OSError | SlackClientError):
        return Decision(Class.AMBIGUOUS, "the connection broke before Slack answered")
    return Decision(Class.PERMANENT, "the message could not be made", OUR_FAULT)


def _decide_answer(error: SlackApiError, *, now: datetime) -> Decision:
    code, status = code_of(error), status_of(error)
    if status == 429 or code in {"ratelimited", "rate_limited"}:  # noqa: PLR2004 - HTTP's own name
        return Decision(Class.WAIT, "Slack asks us to send slower", after=_retry_after(error, now=now))
    if code is not None:
        return SLACK_CODES.get(code, UNKNOWN)
    if status == 503:  # noqa: PLR2004 - HTTP's own name
        return Decision(Class.RETRY, "Slack is not available")
    if 400 <= status < 500:  # noqa: PLR2004 - HTTP's own name
        return UNKNOWN
    return Decision(Class.AMBIGUOUS, "Slack had an error and may have posted the message")


def _retry_after(error: SlackApiError, *, now: datetime) -> timedelta:
    """Read `Retry-After`: seconds or a date; what is neither is half a minute, and a quarter of an hour is the most."""
    headers = getattr(error.response, "headers", None) or {}
    value = str(headers.get("Retry-After") or headers.get("retry-after") or "")
    try:
        until: datetime = now + timedelta(seconds=int(value)) if value.isdecimal() else parsedate_to_datetime(value)
        wait: timedelta = until - now
    except (ValueError, TypeError, OverflowError):
        return LIMITED_DEFAULT
    return min(max(wait, timedelta()), LIMITED_MOST)


def back_off(attempts: int, *, spread: float) -> timedelta:
    """Say how long to wait after so many attempts: doubling, bounded, spread by up to a tenth (`spread` in 0..1)."""
    base = min(RETRY_FIRST * (1 << min(attempts - 1, 20)), RETRY_MOST)
    return base * (1 + spread / 10)

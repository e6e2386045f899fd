"""The set-up page's checklist: rules from what we know to a state, a sentence and a fix."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import urlsplit

from models import scope

QUIET_AFTER = timedelta(days=1)
"""A workspace in use sends some event within a day; after that, it is worth a look."""

TOKEN_LOST = ("Slack no longer accepts Runrate's token", "Press Add to Slack")
LOST = {
    "app_uninstalled": ("Runrate was uninstalled", "Press Add to Slack"),
    "team_access_revoked": (
        "The organisation took Runrate out of its workspace",
        "Ask an admin of the organisation to add Runrate to the workspace",
    ),
}
"""What became of a grant, and what brings it back."""

SKEW_WORTH_SAYING = timedelta(seconds=60)
SKEW_REFUSED = timedelta(seconds=300)
"""Slack's requests are refused beyond this, so that a recorded one can't be played again."""


class State(StrEnum):
    """How an item stands."""

    OK = "ok"
    WAITING = "waiting"
    PROBLEM = "problem"


WORDS = {State.OK: "OK", State.WAITING: "Waiting", State.PROBLEM: "Problem"}


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to check: what is so, and what to do about it where something is to be done."""

    key: str
    title: str
    state: State
    sentence: str
    fix: str = ""

    @property
    def word(self) -> str:
        return WORDS[self.state]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checklist:
    """The four items, in the order in which a person sets things up."""

    address: Item
    scopes: Item
    events: Item
    clock: Item

    @property
    def items(self) -> tuple[Item, ...]:
        return (self.address, self.scopes, self.events, self.clock)

    @property
    def summary(self) -> str:
        """Say how it stands in one sentence."""
        states = [item.state for item in self.items]
        if problems := states.count(State.PROBLEM):
            return f"{problems} of {len(states)} {'needs' if problems == 1 else 'need'} you."
        if waiting := states.count(State.WAITING):
            return f"{waiting} of {len(states)} still to come."
        return "All well."

    def as_json(self) -> dict[str, object]:
        """Write it as the page's script reads it."""
        return {
            "summary": self.summary,
            "items": [
                {"key": one.key, "state": one.state, "word": one.word, "sentence": one.sentence, "fix": one.fix}
                for one in self.items
            ],
        }


def address(public_url: str, *, reached: bool) -> Item:
    """Judge the public address. `reached` says that a request came in at it, from Slack or from this browser."""
    url = urlsplit(public_url)
    encrypted = url.scheme == "https"
    if not encrypted and not _on_this_machine(url.hostname):
        return _address(
            State.PROBLEM,
            f"{public_url} is not encrypted, and Slack sends to HTTPS only.",
            "Put a proxy with a certificate, or a tunnel, in front of Runrate and set PUBLIC_URL to its https address.",
        )
    if not reached:
        return _address(
            State.WAITING,
            f"No request has come in at {public_url} yet.",
            "Open that address in a browser. If nothing answers, point your proxy or tunnel at Runrate's port.",
        )
    if not encrypted:
        return _address(
            State.OK,
            f"Requests arrive at {public_url}, from this machine only.",
            "A real Slack workspace needs an https address in PUBLIC_URL.",
        )
    return _address(State.OK, f"Requests arrive at {public_url} over HTTPS.")


def is_public_address(public_url: str, visited: str) -> bool:
    """Say whether `visited`, the scheme and host that a request came in at, is the public address."""
    return _origin(visited) is not None and _origin(visited) == _origin(public_url)


def scopes(granted: Collection[str] | None, *, lost_because: str | None = None) -> Item:
    """Judge what Slack granted. `None` says that no workspace has installed Runrate, or none has it any more.

    `lost_because` is then Slack's event, or its answer, by which we know that the last grant is gone.
    """
    if granted is None and lost_because is not None:
        fact, fix = LOST.get(lost_because, TOKEN_LOST)
        return _scopes(
            State.PROBLEM,
            f"{fact}. Nothing is posted; nothing is lost.",
            f"{fix} again; everything that waits is then sent.",
        )
    if granted is None:
        return _scopes(State.WAITING, "No workspace has installed Runrate yet.", "Press Add to Slack.")
    total = len(scope.REQUIRED)
    if missing := scope.missing(granted):
        return _scopes(
            State.PROBLEM,
            f"{len(missing)} of {total} needed permissions were not granted: {_names(missing)}.",
            "Press Add to Slack again. If Slack doesn't offer them, add them to the Slack app's manifest first.",
        )
    if missing := scope.missing(granted, among=scope.OPTIONAL):
        return _scopes(
            State.OK,
            f"All {total} needed permissions are granted. Left out, as you may: {_names(missing)}.",
        )
    return _scopes(State.OK, f"All {total} needed permissions are granted, and the optional ones too.")


def events(
    last_event_at: datetime | None, *, now: datetime, refused_at: datetime | None = None, is_lost: bool = False
) -> Item:
    """Judge whether Slack's requests get through. `refused_at` is when a request last had a wrong signature.

    Once a true request came, refused ones are no news: anybody can send one. `is_lost` says that no workspace has
    Runrate any more.
    """
    if is_lost:
        last = f" The last one came {_ago(now - last_event_at)}." if last_event_at is not None else ""
        return _events(State.WAITING, f"Slack sends none while no workspace has Runrate.{last}")
    if last_event_at is None and refused_at is not None:
        return _events(
            State.PROBLEM,
            f"A request came {_ago(now - refused_at)}, but its signature was wrong.",
            "Copy the Signing Secret from your Slack app's Basic Information into SLACK_SIGNING_SECRET and restart.",
        )
    if last_event_at is None:
        return _events(
            State.WAITING,
            "Slack hasn't sent an event yet.",
            "Open Runrate's Home tab in Slack. If this stays, open Event Subscriptions in your Slack app's settings "
            "and press Retry beside the Request URL.",
        )
    if now - last_event_at > QUIET_AFTER:
        return _events(
            State.WAITING,
            f"Slack's last event came {_ago(now - last_event_at)}.",
            "Open Runrate's Home tab in Slack: that sends one.",
        )
    return _events(State.OK, f"Slack's last event came {_ago(now - last_event_at)}.")


def clock(skew: timedelta | None) -> Item:
    """Judge our clock against Slack's. A positive `skew` says that ours is ahead."""
    if skew is None:
        return _clock(State.WAITING, "It is compared with Slack's at the first request.")
    apart = abs(skew)
    if apart <= SKEW_WORTH_SAYING:
        return _clock(State.OK, "It agrees with Slack's.")
    direction = "ahead of" if skew > timedelta() else "behind"
    refused = "so every request of Slack's is refused" if apart > SKEW_REFUSED else "and at 5 minutes Slack is refused"
    return _clock(
        State.PROBLEM,
        f"It is {_length(apart)} {direction} Slack's, {refused}.",
        "Turn on time synchronisation on this machine: sudo timedatectl set-ntp true.",
    )


def skew_from_timestamp(timestamp: str, *, now: datetime) -> timedelta | None:
    """Measure by `X-Slack-Request-Timestamp`; only where the signature was right, or anybody could set it."""
    try:
        return timedelta(seconds=now.timestamp() - int(timestamp))
    except (ValueError, OverflowError):
        return None


def skew_from_date(date: str, *, now: datetime) -> timedelta | None:
    """Measure by the `Date` of an answer of Slack's API, which has whole seconds."""
    try:
        return now - parsedate_to_datetime(date)
    except (ValueError, TypeError):
        return None


def _address(state: State, sentence: str, fix: str = "") -> Item:
    return Item("address", "Public address", state, sentence, fix)


def _scopes(state: State, sentence: str, fix: str = "") -> Item:
    return Item("scopes", "Permissions", state, sentence, fix)


def _events(state: State, sentence: str, fix: str = "") -> Item:
    return Item("events", "Events from Slack", state, sentence, fix)


def _clock(state: State, sentence: str, fix: str = "") -> Item:
    return Item("clock", "This server's clock", state, sentence, fix)


def _names(missing: Collection[scope.Scope]) -> str:
    return ", ".join(one.name for one in missing)


def _on_this_machine(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def _origin(address: str) -> tuple[str, str | None, int | None] | None:
    """Read scheme, host and port; `None` where a client sent something else as its host."""
    try:
        url = urlsplit(address.lower())
        return url.scheme, url.hostname, url.port or {"http": 80, "https": 443}.get(url.scheme)
    except ValueError:
        return None


def _ago(passed: timedelta) -> str:
    return "just now" if passed < timedelta(seconds=5) else f"{_length(passed)} ago"


def _length(span: timedelta) -> str:
    """Write a length of time in its largest fitting unit: 47 seconds, 3 minutes, 5 hours, 2 days."""
    seconds = int(span.total_seconds())
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size:
            return _count(seconds // size, unit)
    return _count(seconds, "second")


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if number == 1 else 's'}"

"""Users' text in Slack's markup: shown as typed, mentioning nobody, cut to a limit without breaking a character.

`escape` is the one door through which text from outside enters a `mrkdwn` text, and `shown` the one for `plain_text`.
Limits count UTF-16 units of what is sent, entities included: however Slack counts, it never counts more.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import quote

ELLIPSIS = "…"
LONGEST_CLUSTER = 32
LONGEST_URL = 1000
LONGEST_TEXT = 3000
NEWS = timedelta(hours=12)
"""What is older than this when it is told carries its day beside its time."""

# Controls, halves of surrogate pairs, and the marks that switch the direction of everything after them.
_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# A mark between two letters, as in snake_case, formats nothing and may stay as it is.
_MARK = re.compile(r"(?<![^\W_])[*_~]|[*_~](?![^\W_])|`")
_ALIKE = {"*": "∗", "_": "ˍ", "~": "∼", "`": "ˋ"}
_EMOJI_CODE = re.compile(r":(?=[\w+'-]+:)")
_BROADCAST = re.compile(r"@(?=channel|here|everyone|group)", re.IGNORECASE)
_TYPED_ENTITY = re.compile(r"&(?=(?:amp|lt|gt);)")
_WEB = re.compile(r"https?://[^/?#\s]", re.IGNORECASE)
_ID = re.compile(r"[A-Z][A-Z0-9]{1,30}")
_UNSEEN = frozenset({"Cc", "Cf", "Zs"})
_JOINER = "\u2060"
_ISOLATE, _END_OF_ISOLATE = "\u2068", "\u2069"


def one_line(text: str) -> str:
    """Bring text into one line, without control characters or switches of direction; empty if nothing can be seen."""
    line = " ".join(_UNWANTED.sub("", " ".join(text.split())).split())
    return line if any(unicodedata.category(character) not in _UNSEEN for character in line) else ""


def width(text: str) -> int:
    """Count UTF-16 units, as JavaScript and so Slack's clients do."""
    return len(text) + sum(character > "\uffff" for character in text)


def clusters(text: str) -> Iterator[str]:
    """Split text into what a reader takes for one character: accents, joined emoji and flags stay whole."""
    start = 0
    for index in range(1, len(text)):
        if index - start >= LONGEST_CLUSTER or not _belongs(text, start, index):
            yield text[start:index]
            start = index
    if text:
        yield text[start:]


def _belongs(text: str, start: int, index: int) -> bool:
    before, after = text[index - 1], text[index]
    if after == "\u200d" or before == "\u200d" or unicodedata.category(after).startswith("M"):
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f" or "\u1160" <= after <= "\u11ff":
        return True
    return index - start == 1 and _is_flag_half(before) and _is_flag_half(after)


def _is_flag_half(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def cut(text: str, limit: int) -> str:
    """Cut text that is sent as it is; what was cut ends with an ellipsis."""
    return _fitted(text, limit, str)


def _fitted(text: str, limit: int, write: Callable[[str], str]) -> str:
    """Write as many whole characters as fit."""
    whole = write(text)
    if width(whole) <= limit:
        return whole
    kept: list[str] = []
    room = limit - width(ELLIPSIS)
    for cluster in clusters(text):
        piece = write(cluster)
        room -= width(piece)
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept).rstrip() + ELLIPSIS


@lru_cache(maxsize=4096)
def escape(text: str, limit: int = 300, *, empty: str = "–") -> str:
    """Write somebody's text into a mrkdwn text: one line, shown as typed, no more than `limit` units long.

    Slack has no escape for `*`, `_`, `~` and backticks: where they would format, a character that looks the same
    stands in. An invisible joiner keeps `:100:` and `@here` the words that were typed.
    """
    line = one_line(text) or empty
    if not _is_right_to_left(line):
        return _fitted(_inert(line), limit, entities)
    return f"{_ISOLATE}{_fitted(_inert(line), limit - 2, entities)}{_END_OF_ISOLATE}"


def _inert(line: str) -> str:
    line = _MARK.sub(lambda found: _ALIKE[found[0]], line)
    line = _EMOJI_CODE.sub(f":{_JOINER}", line)
    line = _BROADCAST.sub(f"@{_JOINER}", line)
    # Slack draws a line that starts with `&gt;` as a quotation.
    return _JOINER + line if line.startswith(">") else line


def _is_right_to_left(line: str) -> bool:
    return any(unicodedata.bidirectional(character) in {"R", "AL", "AN"} for character in line)


def entities(text: str) -> str:
    """Write Slack's three special characters as entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def shown(text: str, limit: int, *, empty: str = "–") -> str:
    """Write somebody's text into a plain_text: one line, as typed, no more than `limit` units long."""
    line = one_line(text) or empty
    return cut(_TYPED_ENTITY.sub(f"&{_JOINER}", line), limit)


def code_block(text: str) -> str:
    """Put text that is to be copied into a code block, whole and exact but for backticks."""
    return f"```{entities(text.replace('`', _ALIKE['`']))}```"


def code(text: str, limit: int = 100) -> str:
    """Put somebody's text into a code span."""
    line = one_line(text).replace("`", _ALIKE["`"]) or "–"
    return f"`{_fitted(_BROADCAST.sub(f'@{_JOINER}', line), limit, entities)}`"


def bold(escaped: str) -> str:
    """Make text that is escaped already bold."""
    return f"*{escaped}*"


def quoted(name: str, limit: int = 160) -> str:
    """Write a name in quotation marks."""
    return f"“{escape(name, limit)}”"


def link(url: str | None, escaped: str) -> str:
    """Link text that is escaped already; what is no web address, or too long for one, links nothing."""
    target = entities(web_address(url) or "")
    return f"<{target}|{escaped}>" if target and len(target) <= LONGEST_URL else escaped


def web_address(url: str | None) -> str | None:
    """Give an address as Slack takes it; None for what is no web address, or too long for one."""
    target = quote((url or "").strip(), safe="!#$%&'()*+,-./:;=?@[]_~", errors="replace")
    return target if _WEB.match(target) and len(target) <= LONGEST_TEXT else None


def channel(channel_id: str) -> str:
    """Name a channel: each reader sees the name that they may know."""
    return f"<#{channel_id}>" if _ID.fullmatch(channel_id) else escape(channel_id)


def reader(channel_id: str | None, *, is_group: bool = False) -> str:
    """Say in a message to whom it goes: a channel, the people of a group DM, or whoever reads it alone."""
    return channel(channel_id) if channel_id else "this group" if is_group else "you"


def person(user_id: str) -> str:
    """Name a person. In a view or an ephemeral answer this notifies nobody; posted messages must not use it."""
    return f"<@{user_id}>" if _ID.fullmatch(user_id) else escape(user_id)


def mention(user_id: str) -> str:
    """Name a person so that Slack notifies them. Only where somebody asked for exactly that."""
    return person(user_id)


def listed(items: Iterable[str], *, most: int, last: str = "and") -> str:
    """Join escaped words for a sentence, the surplus as a number: `a, b and 3 more`."""
    words = list(items)
    words = words if len(words) <= most else [*words[:most], f"{len(words) - most} more"]
    return f" {last} ".join(part for part in (", ".join(words[:-1]), words[-1] if words else "") if part)


def time(at: datetime) -> str:
    """Write a time of day on the reader's clock."""
    return _date(at, "{time}", f"{at.astimezone(UTC):%H:%M} UTC")


def moment(at: datetime) -> str:
    """Write a day and time on the reader's clock; the day in words where it is near."""
    return _date(at, "{date_short_pretty} at {time}", f"{_day(at)} at {at.astimezone(UTC):%H:%M} UTC")


def appointment(at: datetime) -> str:
    """Write a day and time to come on the reader's clock, not as “tomorrow”: it may be read long after."""
    return _date(at, "{date_short} at {time}", f"{_day(at)} at {at.astimezone(UTC):%H:%M} UTC")


def news(at: datetime, *, told_at: datetime | None) -> str:
    """Write when something happened that is told now, or at `told_at`: by its time, and its day where it is old."""
    is_recent = told_at is None or abs(told_at - at) < NEWS
    return time(at) if is_recent else moment(at)


def span(first_at: datetime, last_at: datetime) -> str:
    """Write from when until when; the day once where the end is soon after."""
    return f"{moment(first_at)} – {news(last_at, told_at=first_at)}"


def day(at: datetime) -> str:
    """Write a day by the reader's calendar."""
    return _date(at, "{date_short}", _day(at))


def _day(at: datetime) -> str:
    there = at.astimezone(UTC)
    return f"{there.day} {there:%b %Y}"


def _date(at: datetime, pattern: str, fallback: str) -> str:
    return f"<!date^{int(at.timestamp())}^{pattern}|{fallback}>"


def marked(text: str) -> dict[str, Any]:
    """Make a mrkdwn text object in which Slack links and mentions nothing by itself."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def plain(text: str, limit: int = LONGEST_TEXT) -> dict[str, Any]:
    """Make a plain_text object of our own words, or of somebody's."""
    return {"type": "plain_text", "text": shown(text, limit)}

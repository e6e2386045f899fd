"""What a person types, as Slack stores and sends it: escaped, with names turned into references."""

import re
from collections.abc import Callable

from bot.sandbox.records import Json, Person
from bot.sandbox.state import Slack

REFERENCE = re.compile(r"<(?:@[UW][A-Z0-9]+|#[CGD][A-Z0-9]+|!subteam\^S[A-Z0-9]+|![a-z]+)(?:\|[^<>]*)?>")
# Names are lower case; a person writes them as they like.
NAMED = re.compile(r"(?<![\w<|&])([@#])([a-z0-9][a-z0-9._-]*)", re.ASCII | re.IGNORECASE)
ADDRESS = re.compile(r"https?://[^\s<>|]+[^\s<>|.,;:!?)\]'\"]")
GROUP = "!subteam^"
BROADCASTS = frozenset({"here", "channel", "everyone"})


def escaped(text: str) -> str:
    """Escape the three characters that Slack escapes, except in references that the client made."""
    return _outside(REFERENCE, text, lambda part: part.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"))


def written(slack: Slack, person: Person, text: str) -> str:
    """Return a typed message as stored: `@dana` and `#revenue` become references, addresses become links."""
    return _linked(_referring(slack, person, text))


def commanded(slack: Slack, person: Person, text: str) -> str:
    """Return a command's text under `should_escape`: references carry names, a private channel's name stays out."""
    return _linked(REFERENCE.sub(lambda found: _with_name(slack, found[0]), _referring(slack, person, text)))


def _referring(slack: Slack, person: Person, text: str) -> str:
    def refer(part: str) -> str:
        return NAMED.sub(lambda found: _referred(slack, person, found), part)

    return _outside(REFERENCE, escaped(text), refer)


def _linked(text: str) -> str:
    return _outside(REFERENCE, text, lambda part: ADDRESS.sub(lambda found: f"<{found[0]}>", part))


def rich_text(text: str) -> list[Json]:
    """Return the block that Slack makes of a person's message."""
    elements: list[Json] = []
    for part, reference in _parts(re.compile(rf"{REFERENCE.pattern}|<https?://[^<>]+>"), text):
        if part:
            elements.append(
                {"type": "text", "text": part.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")}
            )
        if reference:
            elements.append(_element(reference[1:-1]))
    return [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}]


def _element(reference: str) -> Json:
    target = reference.split("|", maxsplit=1)[0]
    match target[0]:
        case "@":
            return {"type": "user", "user_id": target[1:]}
        case "#":
            return {"type": "channel", "channel_id": target[1:]}
        case "!" if target.startswith(GROUP):
            return {"type": "usergroup", "usergroup_id": target.removeprefix(GROUP)}
        case "!":
            return {"type": "broadcast", "range": target[1:]}
    return {"type": "link", "url": target.replace("&amp;", "&")}


def _referred(slack: Slack, person: Person, found: re.Match[str]) -> str:
    sign, name = found[1], found[2].rstrip(".-").lower()
    rest = found[2][len(name) :]
    if sign == "@" and name in BROADCASTS:
        return f"<!{name}>{rest}"
    group = _group_named(slack, person, name) if sign == "@" else None
    if group:
        return f"<{GROUP}{group}>{rest}"
    known = _person_named(slack, person, name) if sign == "@" else _channel_named(slack, person, name)
    return f"<{sign}{known}>{rest}" if known else found[0]


def _person_named(slack: Slack, person: Person, name: str) -> str | None:
    people = slack.people_of(person.workspace_id)
    return next((one.id for one in people if one.name == name and not one.deleted), None)


def _group_named(slack: Slack, person: Person, handle: str) -> str | None:
    groups = [one for one in slack.user_groups.values() if one.workspace_id == person.workspace_id]
    return next((one.id for one in groups if one.handle == handle and one.disabled_at is None), None)


def _channel_named(slack: Slack, person: Person, name: str) -> str | None:
    channel = slack.channel_named(person.workspace_id, name)
    return channel.id if channel and slack.can_see(person, channel) else None


def _with_name(slack: Slack, reference: str) -> str:
    target = reference[1:-1].split("|", maxsplit=1)[0]
    if target.startswith("@") and target[1:] in slack.people:
        return f"<{target}|{slack.people[target[1:]].name}>"
    group = slack.user_groups.get(target.removeprefix(GROUP))
    if group:
        return f"<{target}|@{group.handle}>"
    if target.startswith("#") and target[1:] in slack.channels:
        channel = slack.channels[target[1:]]
        return f"<{target}|{channel.name if channel.kind == 'public' else ''}>"
    return reference


def _outside(pattern: re.Pattern[str], text: str, change: Callable[[str], str]) -> str:
    """Apply a change to what lies between the matches."""
    return "".join(change(part) + match for part, match in _parts(pattern, text))


def _parts(pattern: re.Pattern[str], text: str) -> list[tuple[str, str]]:
    parts, at = [], 0
    for found in pattern.finditer(text):
        parts.append((text[at : found.start()], found[0]))
        at = found.end()
    return [*parts, (text[at:], "")]

"""A conversation as one person reads it: by day, each thread under its first message."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise

from bot.sandbox import emoji, shapes
from bot.sandbox.clients import Clients
from bot.sandbox.drawing import Drawing
from bot.sandbox.people import SLACKBOT
from bot.sandbox.records import Channel, File, Json, Message, Person
from bot.sandbox.surface import Surface

MOST_SHOWN = 200
MOST_OPEN_REPLIES = 10
# Within this time a second message by the same author stands under the first without their name.
TOGETHER_SECONDS = 300
GONE = "This message was deleted."


@dataclass(frozen=True)
class Attached:
    """An attachment with its blocks, and the app that unfurled a link with it."""

    drawn: Json
    surface: Surface
    unfurled_by: str = ""

    @property
    def fields(self) -> list[Json]:
        return list(self.drawn.get("fields", []))


@dataclass(frozen=True)
class Line:
    """A message with its author, as it stands in a conversation.

    `follows` means that its author has just spoken; `answers` is what a reply answers that was sent to all.
    """

    message: Message
    author: str
    is_bot: bool
    picture: str | None
    surface: Surface
    permalink: str = ""
    attachments: list[Attached] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    replies: list["Line"] = field(default_factory=list)
    answers: Message | None = None
    follows: bool = False
    gone: bool = False

    @property
    def sign(self) -> str:
        """What stands in for a picture: the borrowed emoji, or a letter."""
        name = (self.message.icon_emoji or "").strip(":")
        return emoji.PICTURES.get(name, self.author[:1].upper())

    @property
    def folded(self) -> bool:
        return len(self.replies) > MOST_OPEN_REPLIES


class Talk:
    """Draws one conversation."""

    def __init__(self, clients: Clients, person: Person, channel: Channel, draw: Drawing) -> None:
        self._clients = clients
        self._slack = clients.slack
        self._screen = clients.screen(person)
        self._channel = channel
        self._draw = draw
        self._messages = clients.messages(person, channel)

    @property
    def latest(self) -> str:
        return max(self._channel.messages, default="")

    @property
    def is_cut(self) -> bool:
        return len(self._messages) > MOST_SHOWN

    def days(self) -> Iterator[tuple[str, list[Line]]]:
        """Give the lines of each day, under its name."""
        for day, lines in groupby(self._lines(), key=lambda line: self._draw.day(line.message.ts)):
            yield day, _together(list(lines))

    def _lines(self) -> list[Line]:
        threads = self._threads()
        messages = {one.ts: one for one in self._messages}
        firsts = [one for one in self._messages if not _is_reply(one)]
        lost = [_gone(replies[0]) for ts, replies in threads.items() if ts not in messages]
        shown = sorted([*firsts, *lost, *(one for one in self._messages if one.reply_broadcast)], key=_when)
        return [self._line(one, threads.get(one.ts, []), messages) for one in shown[-MOST_SHOWN:]]

    def _threads(self) -> dict[str, list[Message]]:
        """Collect the replies by what they answer."""
        threads: dict[str, list[Message]] = {}
        for one in self._messages:
            if _is_reply(one):
                threads.setdefault(one.thread_ts or "", []).append(one)
        return threads

    def _line(self, message: Message, replies: list[Message], messages: dict[str, Message]) -> Line:
        author = self._slack.people[message.user_id]
        return Line(
            message=message,
            author=message.username or author.real_name,
            is_bot=author.is_bot,
            picture=self._draw.picture({"image_url": message.icon_url}) if message.icon_url else None,
            surface=self._surface(message),
            permalink=shapes.permalink(self._slack.workspaces[self._channel.workspace_ids[0]], message),
            attachments=[self._attached(message, one) for one in message.attachments or []],
            files=[self._slack.files[one] for one in message.files or []],
            replies=[self._line(one, [], {}) for one in replies],
            answers=messages.get(message.thread_ts or "") if message.reply_broadcast else None,
            gone=message.subtype == "tombstone",
        )

    def _surface(self, message: Message) -> Surface:
        author = self._slack.people[message.user_id]
        # What people write is drawn from its text, where their *emphasis* still stands.
        drawn_from_text = not author.is_bot and author.id != SLACKBOT
        return self._with(message, [] if drawn_from_text else message.blocks or [])

    def _attached(self, message: Message, one: Json) -> Attached:
        app = self._slack.apps.get(one.get("app_id", "")) if one.get("is_app_unfurl") else None
        return Attached(one, self._with(message, one.get("blocks", [])), app.name if app else "")

    def _with(self, message: Message, blocks: list[Json]) -> Surface:
        if message.subtype == "tombstone":
            return Surface(screen=self._screen, blocks=[], values={}, at={})
        place = self._screen.message(self._channel, message.ts)
        at = {"channel": self._channel.id, "ts": message.ts}
        trouble = self._screen.trouble(message)
        return Surface(screen=self._screen, blocks=blocks, values=place.values, at=at, trouble=trouble)


def _is_reply(message: Message) -> bool:
    return message.thread_ts is not None and message.thread_ts != message.ts


def _when(message: Message) -> str:
    return message.ts


def _gone(reply: Message) -> Message:
    """Stand in for a deleted message that was answered."""
    ts = reply.thread_ts or ""
    return Message(ts, reply.channel_id, reply.workspace_id, SLACKBOT, GONE, subtype="tombstone")


def _together(lines: list[Line]) -> list[Line]:
    """Mark what an author said right after something else of theirs."""
    pairs = pairwise(lines)
    return [*lines[:1], *(replace(line, follows=_go_together(before, line)) for before, line in pairs)]


def _go_together(before: Line, line: Line) -> bool:
    same = (before.author, before.message.user_id, before.sign) == (line.author, line.message.user_id, line.sign)
    soon = float(line.message.ts) - float(before.message.ts) < TOGETHER_SECONDS
    plain = not (before.replies or before.gone or before.message.ephemeral_for or line.message.ephemeral_for)
    return same and soon and plain and not line.answers and before.picture == line.picture

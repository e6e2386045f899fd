"""What we tell people about what can't be delivered: the fact, what it means for them, the one thing to do."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from html import escape as escape_html
from typing import Any

from scheduler.messages import mrkdwn
from scheduler.messages.menu import menu
from scheduler.messages.message import Message, message


@dataclass(frozen=True)
class NoticeActions:
    """The names of the buttons under a notice. Each carries the id of who asks as its value."""

    edit: str = "destination_edit"
    edit_workflow: str = "workflow_edit"
    choose_fallback: str = "signal_fallback"
    try_now: str = "try_now"


ACTIONS = NoticeActions()


class Asker(StrEnum):
    """What asks for the deliveries that a notice is about."""

    DESTINATION = "destination"
    WORKFLOW = "workflow"
    SIGNALS = "signals"
    """Signals in the fallback channel."""
    OWNER = "owner"
    """Signals to the owner of an account."""
    WORKSPACE = "workspace"
    """Everything in the workspace."""


@dataclass(frozen=True, kw_only=True)
class FailureNotice:
    """A streak of failures. `cause` and `fix` are our own words: “the channel is archived”, “Unarchive it, or …”."""

    destination_id: str
    """The id of the destination or workflow that asks, or `runrate`."""
    destination_name: str
    channel_id: str
    """The target, which is not always a channel."""
    cause: str
    fix: str
    waiting: int
    failed: int = 0
    """How many were given up: they stand in the ledger, and can be retried there."""
    asker: Asker = Asker.DESTINATION
    place: str = ""
    """The target's name: a person's, a group's, a workspace's, or a channel's for those who read it outside Slack."""
    is_in_person: bool = False
    """That a destination tells people themselves there."""


@dataclass(frozen=True, kw_only=True)
class RecoveryNotice:
    """The end of a streak."""

    channel_id: str
    delivered: int
    at: datetime
    asker: Asker = Asker.DESTINATION
    place: str = ""
    is_in_person: bool = False


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What stands around a notice in an e-mail: where it comes from, why this person gets it, and the link to press."""

    workspace: str
    asked_by: str
    """What it is about, such as `the destination “Every movement”`."""
    link: str
    link_text: str


@dataclass(frozen=True, kw_only=True)
class Mail:
    """An e-mail: the same words twice, as text and as a page."""

    subject: str
    text: str
    html: str


def draw_failure(notice: FailureNotice) -> Message:
    """Draw what the destination's creator reads once when a streak of failures begins."""
    where = _where(notice)
    fact, rest = _sentences(notice, where=where, write=mrkdwn.escape)
    body, buttons = _section(f"{mrkdwn.bold(fact)}\n{rest}"), _buttons(notice)
    return message(f"{fact} {rest}", body, *([{"type": "actions", "elements": buttons}] if buttons else []))


def _sentences(notice: FailureNotice, *, where: str, write: Callable[[str, int], str]) -> tuple[str, str]:
    """Say the fact, and then what it means and what to do."""
    cannot = "I can't write to {}" if notice.is_in_person else _CANNOT[notice.asker]
    fact = f"{cannot.format(where)}: {write(notice.cause, 600)}."
    return fact, f"{_waiting(notice)} {write(notice.fix, 600)}"


def _where(notice: FailureNotice | RecoveryNotice) -> str:
    """Name the target; a person by their name, since a mention would call them."""
    is_named = notice.asker in _NAMED or notice.is_in_person
    return mrkdwn.escape(notice.place) if is_named else mrkdwn.channel(notice.channel_id)


_NAMED = (Asker.OWNER, Asker.WORKSPACE)
_CANNOT = {
    Asker.DESTINATION: "I can't post to {}",
    Asker.WORKFLOW: "I can't post to {}",
    Asker.SIGNALS: "I can't post signals to {}",
    Asker.OWNER: "I can't send signals to {}",
    Asker.WORKSPACE: "Runrate can't post in {}",
}
_CAN = {
    Asker.DESTINATION: "Posting to {} works again.",
    Asker.WORKFLOW: "Posting to {} works again.",
    Asker.SIGNALS: "Posting signals to {} works again.",
    Asker.OWNER: "Sending signals to {} works again.",
    Asker.WORKSPACE: "Runrate posts in {} again.",
}


def _waiting(notice: FailureNotice) -> str:
    failed = ""
    if notice.failed:
        updates = "1 update was" if notice.failed == 1 else f"{notice.failed} updates were"
        failed = f"{updates} given up, and can be retried from “/mrr deliveries”."
        if not notice.waiting:
            return failed
    return " ".join(filter(None, (failed, waiting(notice.waiting))))


def waiting(number: int) -> str:
    """Say how many wait, and that nothing is lost."""
    match number:
        case 0:
            return "Nothing is waiting, and nothing is lost."
        case 1:
            return "1 update is waiting; nothing is lost."
        case _:
            return f"{number} updates are waiting; nothing is lost."


def _buttons(notice: FailureNotice) -> list[dict[str, Any]]:
    named = f"Edit “{mrkdwn.shown(notice.destination_name, 50)}”"
    edit = {
        Asker.DESTINATION: [_button(named, ACTIONS.edit, notice)],
        Asker.WORKFLOW: [_button(named, ACTIONS.edit_workflow, notice)],
        Asker.SIGNALS: [_button("Choose a channel", ACTIONS.choose_fallback, notice)],
    }
    if notice.asker is Asker.WORKSPACE:
        return []
    return [*edit.get(notice.asker, []), _button("Try now", ACTIONS.try_now, notice)]


def draw_recovery(notice: RecoveryNotice) -> Message:
    """Draw what the same person reads once when posting works again."""
    where = _where(notice)
    text = _recovered(notice, where=where, at=mrkdwn.time(notice.at))
    return message(text, _section(text))


def _recovered(notice: RecoveryNotice, *, where: str, at: str) -> str:
    can = "Writing to {} works again." if notice.is_in_person else _CAN[notice.asker]
    text = can.format(where)
    if not notice.delivered:
        return text
    updates = "The waiting update was" if notice.delivered == 1 else f"The {notice.delivered} waiting updates were"
    return f"{text} {updates} delivered at {at}."


def mail_failure(notice: FailureNotice, frame: Frame) -> Mail:
    """Write the same as an e-mail."""
    fact, rest = _sentences(notice, where=_typed(notice.place), write=_typed)
    return _mail(fact, rest, frame, last="You hear once more when it works again.")


def mail_recovery(notice: RecoveryNotice, frame: Frame) -> Mail:
    """Write that it works again as an e-mail."""
    at = notice.at.astimezone(UTC)
    text = _recovered(notice, where=_typed(notice.place), at=f"{at:%H:%M} UTC on {at.day} {at:%B}")
    fact, _, rest = text.partition(". ")
    return _mail(f"{fact.removesuffix('.')}.", rest, frame, last="")


def _typed(text: str, limit: int = 300) -> str:
    return mrkdwn.cut(mrkdwn.one_line(text), limit) or "–"


def _mail(fact: str, rest: str, frame: Frame, *, last: str) -> Mail:
    workspace, asked_by = _typed(frame.workspace), _typed(frame.asked_by)
    why = (
        f"You get this because it is about {asked_by} in the Slack workspace {workspace}, and you answer for it or "
        f"manage Runrate there. {last}"
    ).strip()
    lines = [line for line in (fact, rest) if line]
    text = "\n\n".join([*lines, f"{frame.link_text}: {frame.link}", why])
    paragraphs = [f"<strong>{escape_html(fact)}</strong>", *map(escape_html, lines[1:])]
    link = f'<a href="{escape_html(frame.link)}">{escape_html(frame.link_text)}</a>'
    small = f'<span style="color:#5b6470;font-size:13px">{escape_html(why)}</span>'
    body = "\n".join(f"<p>{one}</p>" for one in [*paragraphs, link, small])
    page = (
        f'<!doctype html><html lang="en"><body style="font-family:sans-serif;line-height:1.5">\n{body}\n</body></html>'
    )
    return Mail(subject=fact.removesuffix("."), text=f"{text}\n", html=f"{page}\n")


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": mrkdwn.marked(text), "accessory": menu()}


def _button(text: str, action_id: str, notice: FailureNotice) -> dict[str, Any]:
    words = mrkdwn.plain(text, 75)
    return {"type": "button", "text": words, "action_id": action_id, "value": notice.destination_id}

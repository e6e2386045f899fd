"""The question for how long a destination is to be silent, and what a person answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from handlers.views import answers
from handlers.views.answers import Answer
from handlers.views.blocks import Block, Element, View, field, modal, option, section
from handlers.views.filled import filled
from handlers.views.recipients import words
from models.recipient import To
from scheduler.messages import mrkdwn


class Length(StrEnum):
    """For how long."""

    DAY = "day"
    WEEK = "week"
    DATE = "date"
    OPEN = "open"


LENGTHS = {
    Length.DAY: "1 day",
    Length.WEEK: "1 week",
    Length.DATE: "Until a day of my choice",
    Length.OPEN: "Until somebody resumes it",
}


@dataclass(frozen=True)
class Actions:
    """The names of what can be pressed: the choice that draws the question again."""

    length: str = "pause_length"


@dataclass(frozen=True)
class Callbacks:
    """The names of the modals that can be submitted."""

    pause: str = "destination_pause"


ACTIONS = Actions()
CALLBACKS = Callbacks()


class Field(StrEnum):
    """The fields, by the names under which they can be refused."""

    LENGTH = "length"
    UNTIL = "until"

    @property
    def block_id(self) -> str:
        """Name the field's block."""
        return f"pause_{self}"


@dataclass(frozen=True, kw_only=True)
class PauseForm:
    """What a person made of the question; `until` is a day in ISO 8601, or empty."""

    length: Length = Length.DAY
    until: str = ""


@dataclass(frozen=True, kw_only=True)
class Pausing:
    """The destination that is to be silent."""

    id: str
    name: str
    recipients: tuple[To, ...]
    is_recap: bool = False
    waiting: int = 0


def question(pausing: Pausing, filled_in: PauseForm, *, zone: str) -> View:
    """Draw the question, with what will happen. `zone` is that of the clock by which whoever is asked lives."""
    choices = {length: option(words, length) for length, words in LENGTHS.items()}
    element: Element = {
        "type": "radio_buttons",
        "action_id": ACTIONS.length,
        "options": list(choices.values()),
        "initial_option": choices[filled_in.length],
    }
    blocks = [
        section(_consequences(pausing)),
        field("For how long?", element, block_id=Field.LENGTH.block_id, dispatch=True),
        *([_until(filled_in, zone)] if filled_in.length is Length.DATE else []),
    ]
    return modal("Pause destination", blocks, callback_id=CALLBACKS.pause, submit="Pause", metadata=pausing.id)


def _consequences(pausing: Pausing) -> str:
    where = words(pausing.recipients, most=5)
    silent = (
        f"{mrkdwn.bold(mrkdwn.escape(pausing.name, 160))} posts nothing{f' to {where}' if where else ''} meanwhile."
    )
    unsent = {0: "", 1: " The 1 update still waiting is not sent."}.get(
        pausing.waiting, f" The {pausing.waiting:,} updates still waiting are not sent."
    )
    if pausing.is_recap:
        later = "A recap that falls due in that time is not posted later; the report still counts everything."
    else:
        later = "What happens in that time is not told later; recaps and the report still count it."
    return f"{silent}{unsent}\n{later}"


def _until(filled_in: PauseForm, zone: str) -> Block:
    element: Element = {"type": "datepicker", "action_id": "until"}
    if filled_in.until:
        element["initial_date"] = filled_in.until
    hint = f"It posts again from the beginning of that day in {zone}."
    return field("Until", element, block_id=Field.UNTIL.block_id, hint=hint)


def read(view: Mapping[str, Any]) -> PauseForm:
    """Read the question as it was answered, or as it stands. Raises ValueError for what we never offered."""
    answered = filled(dict(view))
    length = Length(answered.option(Field.LENGTH.block_id) or Length.DAY)
    return PauseForm(length=length, until=answered.date(Field.UNTIL.block_id))


def errors(refused: Mapping[str, str]) -> dict[str, str]:
    """Put each refusal under its field."""
    return {Field(name).block_id: text for name, text in refused.items()}


def resumed(name: str, *, was_paused: bool) -> Answer:
    """Answer to `/mrr resume`."""
    return answers.sentence(f"“{name}” posts again from now on." if was_paused else f"“{name}” isn't paused.")

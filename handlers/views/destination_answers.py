"""What a destination's form asks, by name, and what a person answered."""

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import TypeAdapter

from handlers.views import recipients
from handlers.views.filled import Filled, filled
from models.condition import MOST_CONDITIONS, Condition, criterion
from models.fact import MovementKind
from models.filter import EVERYTHING
from models.recipient import To
from models.schedule import MONDAY, NINE
from models.wish import Frequency
from models.zone import UTC
from scheduler.messages import mrkdwn

MY_ZONE = "mine"
"""What is typed for the zone that one's own Slack has."""
NONE = "none"
"""The choice of none, where Slack's menus have no empty one."""
Answered = TypeVar("Answered")


@dataclass(frozen=True)
class Actions:
    """The names of what draws the form again when it is changed or pressed."""

    frequency: str = "destination_frequency"
    weekday: str = "destination_weekday"
    month_day: str = "destination_month_day"
    at: str = "destination_at"
    zone: str = "destination_zone"
    business: str = "destination_business"
    country: str = "destination_country"
    kinds: str = "destination_kinds"
    least_gain: str = "destination_least_gain"
    least_loss: str = "destination_least_loss"
    criterion: str = "destination_criterion"
    values: str = "destination_values"
    people: str = recipients.CHOSE_PEOPLE
    more: str = "destination_more"

    @property
    def all(self) -> tuple[str, ...]:
        """Name them all."""
        return dataclasses.astuple(self)


@dataclass(frozen=True)
class Callbacks:
    """The name of the form."""

    save: str = "destination_save"


ACTIONS = Actions()
CALLBACKS = Callbacks()
PREFIX = "destination_"


class Field(StrEnum):
    """The fields of the form, by the names under which they can be refused."""

    NAME = "name"
    FREQUENCY = "frequency"
    WEEKDAY = "weekday"
    MONTH_DAY = "month_day"
    AT = "at"
    ZONE = "zone"
    BUSINESS = "business"
    COUNTRY = "country"
    RECIPIENTS = "recipients"
    PEOPLE = recipients.PEOPLE
    TOGETHER = recipients.TOGETHER
    KINDS = "kinds"
    LEAST_GAIN = "least_gain"
    LEAST_LOSS = "least_loss"
    CONDITION_1 = "condition_1"
    CONDITION_2 = "condition_2"
    CONDITION_3 = "condition_3"
    ATTRIBUTES = "attributes"
    TELLING = "group_minutes"
    MENTIONS = "mentions"
    EMPTY = "tells_empty"
    LOCALE = "locale"
    TEST = "test"
    OUTSIDERS = "outsiders"

    @property
    def block_id(self) -> str:
        """Name the field's block."""
        return f"{PREFIX}{self}"


CONDITIONS = (Field.CONDITION_1, Field.CONDITION_2, Field.CONDITION_3)[:MOST_CONDITIONS]
ANY_ACCOUNT = "any"
"""The choice that takes a condition back."""


@dataclass(frozen=True, kw_only=True)
class DestinationForm:
    """What the form starts with, and what a person made of it."""

    name: str = ""
    frequency: Frequency = Frequency.REAL_TIME
    at: str = f"{NINE:%H:%M}"
    zone: str = UTC
    weekday: int = MONDAY
    month_day: int = 1
    is_business: bool = False
    country: str = ""
    channel_ids: tuple[str, ...] = ()
    user_ids: tuple[str, ...] = ()
    is_together: bool = False
    """That these people hear in one group DM."""
    kinds: tuple[MovementKind, ...] = EVERYTHING.kinds
    least_gain: str = ""
    least_loss: str = ""
    conditions: tuple[Condition | None, ...] = ()
    """By their place in the form. One of which only the criterion is chosen has no values yet."""
    attribute_keys: tuple[str, ...] = ()
    locale: str = ""
    group_minutes: int | None = None
    has_threads: bool = False
    mentions: str = ""
    tells_empty: bool = True
    outsiders_confirmed: str = ""
    """The mark of the channels for which it was confirmed that people of other companies may read along."""
    shows_more: bool = False
    """Whether it asks for what few people need."""
    wants_test: bool = False
    """Whether a test is posted once it is saved."""

    @property
    def recipients(self) -> tuple[To, ...]:
        """Give who is chosen."""
        return recipients.chosen(self.channel_ids, self.user_ids, is_together=self.is_together)

    @property
    def mark(self) -> str:
        """Tell it from what it may have become since."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]

    @property
    def uses_more(self) -> bool:
        """Say whether something is chosen that few people need."""
        usual = DestinationForm()
        names = OF_RECAPS if self.frequency.is_recap else OF_MOVEMENTS
        return any(getattr(self, name) != getattr(usual, name) for name in names)


OF_MOVEMENTS = (
    "kinds", "least_gain", "least_loss", "conditions", "attribute_keys", "group_minutes", "has_threads", "mentions",
    "locale",
)  # fmt: skip
OF_RECAPS = ("is_business", "country", "tells_empty", "locale")
"""What few people need, of each kind of destination."""
_KEPT = TypeAdapter(DestinationForm)


def as_kept(answers: DestinationForm) -> dict[str, Any]:
    """Write the answers as JSON, to be kept while the form doesn't ask for them."""
    kept: dict[str, Any] = _KEPT.dump_python(answers, mode="json")
    return kept


def from_kept(kept: Mapping[str, Any]) -> DestinationForm:
    """Read what was kept."""
    return _KEPT.validate_python(kept)


@dataclass(frozen=True)
class Behind:
    """What stands behind a form and comes back with it, as ids and no more."""

    destination_id: str | None = None
    """What it changes; None where it makes a new one."""
    mark: str = ""
    """The mark of that as it was when the form was filled in with it."""
    draft_id: str | None = None
    """Where the answers are kept for which it doesn't ask just now."""

    def __str__(self) -> str:
        """Write it down."""
        return "|".join((self.destination_id or "", self.mark, self.draft_id or "")).rstrip("|")


NOTHING = Behind()


def read_behind(view: Mapping[str, Any]) -> Behind:
    """Read what stands behind a form that came back."""
    destination_id, mark, draft_id, *_ = [*str(view.get("private_metadata") or "").split("|"), "", ""]
    return Behind(destination_id or None, mark, draft_id or None)


def read_new(action: Mapping[str, Any]) -> DestinationForm:
    """Read what the form shall start with from a press on the button."""
    return DestinationForm(channel_ids=(str(action["value"]),) if action.get("value") else ())


def read_account(action: Mapping[str, Any]) -> str | None:
    """Read of which account the newest movement is asked for; None of any."""
    return (action.get("selected_option") or {}).get("value")


THREADS = "threads"
"""The choice of a thread for each account."""
TELL = "tell"


def read(view: Mapping[str, Any], *, otherwise: DestinationForm | None = None) -> DestinationForm:
    """Read the form as it was submitted, or as it stands. What it did not ask for is as `otherwise`."""
    answers, kept = filled(dict(view)), otherwise or DestinationForm()
    asked = {block.get("block_id") for block in view.get("blocks") or ()}

    def answered(where: Field, answer: Answered, so_far: Answered) -> Answered:
        return answer if where.block_id in asked else so_far

    frequency, kinds = answers.option(Field.FREQUENCY.block_id), answers.options(Field.KINDS.block_id)
    telling = answers.option(Field.TELLING.block_id) or NONE
    outsiders = asked_outsiders(view)
    return DestinationForm(
        name=_typed(answers, Field.NAME),
        frequency=Frequency(frequency) if frequency else Frequency.REAL_TIME,
        at=answered(Field.AT, answers.time(Field.AT.block_id), kept.at),
        zone=answered(Field.ZONE, _typed(answers, Field.ZONE), kept.zone),
        weekday=_chosen(answers, Field.WEEKDAY, kept.weekday),
        month_day=_chosen(answers, Field.MONTH_DAY, kept.month_day),
        is_business=answered(Field.BUSINESS, "yes" in answers.options(Field.BUSINESS.block_id), kept.is_business),
        country=answered(Field.COUNTRY, _typed(answers, Field.COUNTRY), kept.country),
        channel_ids=tuple(dict.fromkeys(answers.conversations(Field.RECIPIENTS.block_id))),
        user_ids=recipients.read_people(answers, prefix=PREFIX),
        is_together=answered(Field.TOGETHER, recipients.read_together(answers, prefix=PREFIX), kept.is_together),
        kinds=answered(Field.KINDS, tuple(kind for kind in MovementKind if kind in kinds), kept.kinds),
        least_gain=answered(Field.LEAST_GAIN, _typed(answers, Field.LEAST_GAIN), kept.least_gain),
        least_loss=answered(Field.LEAST_LOSS, _typed(answers, Field.LEAST_LOSS), kept.least_loss),
        conditions=answered(CONDITIONS[0], _chosen_conditions(answers), kept.conditions),
        attribute_keys=answered(Field.ATTRIBUTES, answers.options(Field.ATTRIBUTES.block_id), kept.attribute_keys),
        group_minutes=answered(Field.TELLING, int(telling) if telling.isdecimal() else None, kept.group_minutes),
        has_threads=answered(Field.TELLING, telling == THREADS, kept.has_threads),
        mentions=answered(Field.MENTIONS, _one(answers, Field.MENTIONS), kept.mentions),
        tells_empty=answered(Field.EMPTY, _one(answers, Field.EMPTY) == TELL, kept.tells_empty),
        locale=answered(Field.LOCALE, _one(answers, Field.LOCALE), kept.locale),
        outsiders_confirmed=outsiders if "yes" in answers.options(outsiders_block(outsiders)) else "",
        shows_more=Field.LOCALE.block_id in asked,
        wants_test="yes" in answers.options(Field.TEST.block_id),
    )


def mark_of(channel_ids: Iterable[str]) -> str:
    """Tell a set of channels from any other."""
    return hashlib.sha256(" ".join(sorted(channel_ids)).encode()).hexdigest()[:16]


def outsiders_block(mark: str) -> str:
    """Name the block that asks about channels. Others have another block, or Slack would keep the tick in it."""
    return f"{Field.OUTSIDERS.block_id} {mark}"


def asked_outsiders(view: Mapping[str, Any]) -> str:
    """Read about which channels a form asks whether other companies may read along there: their mark, or nothing."""
    block_ids = [str(block.get("block_id")) for block in view.get("blocks") or ()]
    return next((one.partition(" ")[2] for one in block_ids if one.startswith(outsiders_block(""))), "")


def drawn_frequency(view: Mapping[str, Any]) -> Frequency | None:
    """Read for which frequency an open form asks just now, whatever was chosen since it was drawn."""
    blocks = {block.get("block_id"): block for block in view.get("blocks") or ()}
    element = blocks.get(Field.FREQUENCY.block_id, {}).get("element", {})
    chosen = element.get("initial_option", {}).get("value")
    return Frequency(chosen) if chosen else None


def _one(answers: Filled, where: Field) -> str:
    """Read what is chosen in a menu; empty for its choice of none."""
    chosen = answers.option(where.block_id) or NONE
    return "" if chosen == NONE else chosen


def _chosen_conditions(answers: Filled) -> tuple[Condition | None, ...]:
    """Read the conditions by their places, up to the last one that is chosen."""
    found = [_chosen_condition(answers, where) for where in CONDITIONS]
    while found and found[-1] is None:
        found.pop()
    return tuple(found)


def _chosen_condition(answers: Filled, where: Field) -> Condition | None:
    of = criterion(answers.option(where.block_id) or ANY_ACCOUNT)
    return Condition(of, answers.options(f"{where.block_id} {of.key}")) if of else None


def _chosen(answers: Filled, where: Field, so_far: int) -> int:
    chosen = answers.option(where.block_id)
    return int(chosen) if chosen and chosen.isdecimal() else so_far


def _typed(answers: Filled, where: Field) -> str:
    return mrkdwn.one_line(answers.text(where.block_id))


def errors(refused: Mapping[str, str]) -> dict[str, str]:
    """Put each refusal under its field, as an answer to the submission; what names no field stands under the name."""
    fields = {str(one) for one in Field}
    return {Field(name if name in fields else Field.NAME).block_id: text for name, text in refused.items()}

"""A destination's form: what it asks, and what a person made of it."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from handlers.views import recipients
from handlers.views.blocks import (
    MOST_OPTIONS,
    Block,
    Element,
    View,
    context,
    field,
    modal,
    option,
    section,
    text_input,
)
from handlers.views.destinations import FREQUENCIES, criterion_word, ordinal
from handlers.views.filled import Filled, filled
from models.attribute import label
from models.condition import LONGEST_VALUE, MOST_CONDITIONS, MOST_VALUES, About, Condition, Criterion, criterion
from models.fact import MovementKind, is_email, read_currency
from models.filter import EVERYTHING, Forecast
from models.recipient import MOST_RECIPIENTS, To
from models.schedule import LAST_OF_MONTH, MONDAY, NINE, WEEKDAYS
from models.wish import MOST_ATTRIBUTES, Frequency
from models.zone import UTC
from scheduler.messages import mrkdwn
from scheduler.messages.movement import KINDS

LONGEST_AMOUNT = 30

Answered = TypeVar("Answered")


@dataclass(frozen=True)
class Actions:
    """The names of the fields that draw the form again when they are changed."""

    frequency: str = "destination_frequency"
    kinds: str = "destination_kinds"
    least_gain: str = "destination_least_gain"
    least_loss: str = "destination_least_loss"
    criterion: str = "destination_criterion"
    values: str = "destination_values"
    people: str = recipients.CHOSE_PEOPLE

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
    outsiders_confirmed: bool = False
    """That people of other companies may read along was confirmed."""

    @property
    def recipients(self) -> tuple[To, ...]:
        """Give who is chosen."""
        return recipients.chosen(self.channel_ids, self.user_ids, is_together=self.is_together)


def read_new(action: Mapping[str, Any]) -> DestinationForm:
    """Read what the form shall start with from a press on the button."""
    return DestinationForm(channel_ids=(str(action["value"]),) if action.get("value") else ())


def form(
    filled_in: DestinationForm,
    *,
    known_attributes: Sequence[str],
    destination_id: str | None = None,
    outside_channel_ids: Sequence[str] = (),
    forecast: Forecast | None = None,
    holders: Mapping[str, str] | None = None,
    own_zone: str | None = None,
) -> View:
    """Draw the form: for a new destination, or for the one with this id.

    `outside_channel_ids` are the chosen channels in which people of other companies read along; they ask for a
    confirmation. Drawn again over itself, the form keeps what was typed. A recap asks for its time, and shows neither
    filter nor attributes. `holders` name the colleagues in conditions, `own_zone` is the visitor's.
    """
    blocks = [
        field(
            "Name",
            text_input("name", initial=filled_in.name, placeholder="Every movement"),
            block_id=Field.NAME.block_id,
        ),
        _frequency(filled_in),
        *(
            [*_day(filled_in), *_time(filled_in, own_zone), *_business(filled_in)]
            if filled_in.frequency.is_recap
            else []
        ),
        _channels(filled_in),
        *_confirmation(filled_in, outside_channel_ids),
        *recipients.people_fields(filled_in.user_ids, is_together=filled_in.is_together, prefix=PREFIX),
        *([context(UNFILTERED)] if filled_in.frequency.is_recap else _filter(filled_in, forecast, holders or {})),
        *([] if filled_in.frequency.is_recap else [_attributes(filled_in, known_attributes)]),
    ]
    title = "Edit destination" if destination_id else "New destination"
    return modal(title, blocks, callback_id=CALLBACKS.save, submit="Save", metadata=destination_id)


def _frequency(filled_in: DestinationForm) -> Block:
    options = {frequency: option(choice, frequency) for frequency, (_, choice) in FREQUENCIES.items()}
    element = {
        "type": "static_select",
        "action_id": ACTIONS.frequency,
        "options": list(options.values()),
        "initial_option": options[filled_in.frequency],
    }
    return field("Frequency", element, block_id=Field.FREQUENCY.block_id, dispatch=True)


def _day(filled_in: DestinationForm) -> list[Block]:
    """Ask for the day of the week, or of the month."""
    match filled_in.frequency:
        case Frequency.WEEKLY:
            days = {number: option(word, str(number)) for number, word in enumerate(WEEKDAYS)}
            return [field("Day", _select("weekday", days, filled_in.weekday), block_id=Field.WEEKDAY.block_id)]
        case Frequency.MONTHLY:
            days = {day: option(f"The {ordinal(day)}", str(day)) for day in range(1, LAST_OF_MONTH + 1)}
            hint = "Of a shorter month, the last day is taken."
            chosen = _select("month_day", days, filled_in.month_day)
            return [field("Day", chosen, block_id=Field.MONTH_DAY.block_id, hint=hint)]
        case _:
            return []


def _select(action_id: str, options: Mapping[int, Element], chosen: int) -> Element:
    drawn = {"type": "static_select", "action_id": action_id, "options": list(options.values())}
    return drawn | {"initial_option": options[chosen]}


def _business(filled_in: DestinationForm) -> list[Block]:
    """Ask whether recaps come on business days only, and whose holidays are none."""
    hint = "What falls on another day comes on the next one."
    if filled_in.frequency is Frequency.DAILY:
        hint = "The first one after a weekend or holiday tells of those days too."
    yes = option("On business days only", "yes")
    element: Element = {"type": "checkboxes", "action_id": "business", "options": [yes]}
    if filled_in.is_business:
        element["initial_options"] = [yes]
    country = text_input("country", initial=filled_in.country, placeholder="Germany")
    where = "Of which country, by its name or two letters. Without one, only weekends are left out."
    return [
        field("Business days", element, block_id=Field.BUSINESS.block_id, hint=hint, optional=True),
        field("Holidays", country, block_id=Field.COUNTRY.block_id, hint=where, optional=True),
    ]


def _time(filled_in: DestinationForm, own_zone: str | None) -> list[Block]:
    clock: Element = {"type": "timepicker", "action_id": "at"}
    if filled_in.at:
        clock["initial_time"] = filled_in.at
    zone = text_input("zone", initial=filled_in.zone, placeholder="Europe/Berlin")
    hint = "By region and city, such as Europe/Berlin, or UTC. The days of a recap begin and end there at midnight."
    yours = f" Yours is {own_zone}." if own_zone else ""
    return [
        field("Time", clock, block_id=Field.AT.block_id),
        field("Time zone", zone, block_id=Field.ZONE.block_id, hint=f"{hint}{yours}"),
    ]


def _channels(filled_in: DestinationForm) -> Block:
    element: Element = {
        "type": "multi_conversations_select",
        "action_id": "channels",
        "placeholder": {"type": "plain_text", "text": "Choose channels"},
        "filter": {"include": ["public", "private"], "exclude_bot_users": True},
        "max_selected_items": MOST_RECIPIENTS,
    }
    if filled_in.channel_ids:
        element["initial_conversations"] = list(filled_in.channel_ids[:MOST_RECIPIENTS])
    hint = "I join public channels by myself. A private one has to invite me first."
    return field("Channels", element, block_id=Field.RECIPIENTS.block_id, hint=hint, optional=bool(filled_in.user_ids))


UNFILTERED = "A recap counts every movement, whatever its kind and size, so that its sums are true."


def _filter(filled_in: DestinationForm, forecast: Forecast | None, holders: Mapping[str, str]) -> list[Block]:
    """Ask which movements are told, and say how many that would have been."""
    choices = {kind: option(f"{known.shape} {known.word}", kind) for kind, known in KINDS.items()}
    kinds: Element = {"type": "checkboxes", "action_id": ACTIONS.kinds, "options": list(choices.values())}
    if filled_in.kinds:
        kinds["initial_options"] = [choices[kind] for kind in filled_in.kinds]
    gain = _minimum(ACTIONS.least_gain, filled_in.least_gain)
    loss = _minimum(ACTIONS.least_loss, filled_in.least_loss)
    hint = (
        "An amount in each movement's own currency, a share of the total MRR in it, or both: 500 and 0.5 %. "
        "Where the total isn't known, the amount alone counts. "
        "A smaller movement is not told, and the ledger says why."
    )
    return [
        field("Movements", kinds, block_id=Field.KINDS.block_id, dispatch=True),
        field("Minimum gain", gain, block_id=Field.LEAST_GAIN.block_id, optional=True, dispatch=True),
        field("Minimum loss", loss, block_id=Field.LEAST_LOSS.block_id, hint=hint, optional=True, dispatch=True),
        *_conditions(filled_in, holders),
        *([context(_forecast(forecast, filled_in.recipients))] if forecast else []),
    ]


def _minimum(action_id: str, typed: str) -> Element:
    told_at = {"trigger_actions_on": ["on_character_entered"]}
    element = text_input(action_id, initial=typed, placeholder="Such as 500, 1,000 or 0.5 %")
    return {**element, "max_length": LONGEST_AMOUNT, "dispatch_action_config": told_at}


def _conditions(filled_in: DestinationForm, holders: Mapping[str, str]) -> list[Block]:
    """Ask for conditions: for those that are chosen, and for one more."""
    places = zip(CONDITIONS, (*filled_in.conditions, None), strict=False)
    return [block for where, condition in places for block in _condition(where, condition, holders)]


def _condition(where: Field, condition: Condition | None, holders: Mapping[str, str]) -> list[Block]:
    is_first = where is CONDITIONS[0]
    chosen = criterion_option(condition.criterion) if condition else None
    element = _external(ACTIONS.criterion, "Any account") | ({"initial_option": chosen} if chosen else {})
    text = "Only accounts where" if is_first else "And where"
    hint = "By plan, currency, country or any other attribute, or by who is the owner." if is_first else None
    asked = field(text, element, block_id=where.block_id, hint=hint, optional=True, dispatch=True)
    return [asked, _values(where, condition, holders)] if condition else [asked]


def _values(where: Field, condition: Condition, holders: Mapping[str, str]) -> Block:
    """Ask for the values of a criterion. Each has a block of its own, or Slack would keep another's values in it."""
    element = _external(ACTIONS.values, "Choose or type", many=True) | {"max_selected_items": MOST_VALUES}
    chosen = [option(holders.get(value, value), value) for value in condition.values[:MOST_VALUES]]
    if chosen:
        element["initial_options"] = chosen
    block_id = f"{where.block_id} {condition.criterion.key}"
    return field(f"{criterion_word(condition.criterion)} is", element, block_id=block_id, optional=True, dispatch=True)


def _external(action_id: str, placeholder: str, *, many: bool = False) -> Element:
    """Draw a menu whose choices are looked up while somebody types."""
    kind = "multi_external_select" if many else "external_select"
    text = {"type": "plain_text", "text": placeholder}
    return {"type": kind, "action_id": action_id, "placeholder": text, "min_query_length": 0}


def criterion_option(of: Criterion, *, word: str | None = None) -> Element:
    """Draw the choice of a criterion."""
    return option(word or criterion_word(of), of.key)


def offered_criteria(criteria: Sequence[Criterion], typed: str) -> list[Element]:
    """Offer criteria whose name holds what is typed, after the choice of none; two that read the same by their key."""
    words = [criterion_word(one) for one in criteria]
    named = [(one.key if words.count(word) > 1 else word, one) for one, word in zip(criteria, words, strict=True)]
    found = [(word, one) for word, one in named if _holds(typed, word, one.name) and _can_be_offered(one.key)]
    every = [option("Any account", ANY_ACCOUNT), *(criterion_option(one, word=word) for word, one in found)]
    return every[:MOST_OPTIONS]


def offered_values(of: Criterion, known: Mapping[str, str], typed: str) -> list[Element]:
    """Offer known values that hold what is typed; and that itself, last, where none of them is just that."""
    wanted = mrkdwn.one_line(typed)
    found = {value: word for value, word in known.items() if _holds(wanted, word, value) and _can_be_offered(value)}
    other = as_typed(of, wanted)
    if other and other not in known and _can_be_offered(other):
        kept = dict(list(found.items())[: MOST_OPTIONS - 1])
        return [*(option(word, value) for value, word in kept.items()), option(f"“{other}”, not seen yet", other)]
    return [option(word, value) for value, word in found.items()][:MOST_OPTIONS]


def as_typed(of: Criterion, typed: str) -> str:
    """Give the value that somebody means by what they type; empty where it can be none."""
    match of.about:
        case About.CURRENCY:
            return read_currency(typed) or ""
        case About.ROLE:
            return typed.lower() if is_email(typed) else ""
        case About.PLAN | About.ATTRIBUTE:
            return typed


def _holds(typed: str, *words: str) -> bool:
    return any(typed.casefold().strip() in word.casefold() for word in words)


def read_suggestion(body: Mapping[str, Any]) -> tuple[Criterion | None, str]:
    """Read of which criterion values are looked up, and what is typed so far."""
    return criterion(str(body.get("block_id")).partition(" ")[2]), str(body.get("value") or "")


def _forecast(forecast: Forecast, told_to: Sequence[To]) -> str:
    """Say what would have been told: `In the last 30 days this would have been 42 messages, of 118 movements`."""
    told, happened = forecast.told, forecast.happened
    messages = "1 message" if told == 1 else f"{told:,} messages"
    each = recipients.each_of(told_to)
    of = f", of {happened:,} movements" if told != happened else ""
    share = ", by today's total MRR" if forecast.has_share else ""
    unknown = mrkdwn.listed(forecast.unknown, most=3)
    alone = f" The total MRR in {unknown} isn't known: the amount alone counts there." if unknown else ""
    return f"In the last 30 days this would have been *{messages}*{each}{of}{share}.{alone}"


def _confirmation(filled_in: DestinationForm, outside_channel_ids: Sequence[str]) -> list[Block]:
    if not outside_channel_ids:
        return []
    where = mrkdwn.listed(map(mrkdwn.channel, outside_channel_ids), most=MOST_RECIPIENTS)
    yes = option("Let people of other companies read our MRR there", "yes")
    element: Element = {"type": "checkboxes", "action_id": "outsiders", "options": [yes]}
    if filled_in.outsiders_confirmed:
        element["initial_options"] = [yes]
    return [
        section(f"People of other companies read along in {where} (Slack Connect). They would see every amount."),
        field("Other companies", element, block_id=Field.OUTSIDERS.block_id, optional=True),
    ]


def _attributes(filled_in: DestinationForm, known: Sequence[str]) -> Block:
    """Offer the attributes; those chosen before stay on offer even where nobody sends them any more."""
    keys = [key for key in dict.fromkeys((*filled_in.attribute_keys, *known)) if _can_be_offered(key)][:MOST_OPTIONS]
    if not keys:
        return context("*Attributes to show*: none yet. They can be chosen here once a source has sent some.")
    options = dict(zip(keys, _attribute_options(keys), strict=True))
    element: Element = {
        "type": "multi_static_select",
        "action_id": "attributes",
        "placeholder": {"type": "plain_text", "text": "Choose attributes"},
        "options": list(options.values()),
        "max_selected_items": MOST_ATTRIBUTES,
    }
    chosen = [options[key] for key in filled_in.attribute_keys if key in options][:MOST_ATTRIBUTES]
    if chosen:
        element["initial_options"] = chosen
    hint = f"Up to {MOST_ATTRIBUTES}, shown under each movement."
    return field("Attributes to show", element, block_id=Field.ATTRIBUTES.block_id, hint=hint, optional=True)


def _can_be_offered(key: str) -> bool:
    return bool(key) and mrkdwn.width(key) <= LONGEST_VALUE


def _attribute_options(keys: Sequence[str]) -> Iterable[Element]:
    """Name attributes in words, or as the source does where two would read the same."""
    words = [label(key) for key in keys]
    for key, word in zip(keys, words, strict=True):
        yield option(word if words.count(word) == 1 else key, key)


def read(view: Mapping[str, Any], *, otherwise: DestinationForm | None = None) -> DestinationForm:
    """Read the form as it was submitted, or as it stands. What it did not ask for is as `otherwise`."""
    answers, kept = filled(dict(view)), otherwise or DestinationForm()
    asked = {block.get("block_id") for block in view.get("blocks") or ()}

    def answered(where: Field, answer: Answered, so_far: Answered) -> Answered:
        return answer if where.block_id in asked else so_far

    frequency, kinds = answers.option(Field.FREQUENCY.block_id), answers.options(Field.KINDS.block_id)
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
        locale=kept.locale,
        group_minutes=kept.group_minutes,
        has_threads=kept.has_threads,
        mentions=kept.mentions,
        tells_empty=kept.tells_empty,
        outsiders_confirmed="yes" in answers.options(Field.OUTSIDERS.block_id),
    )


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


def not_invited(count: int) -> str:
    """Say what to do about private channels that I'm not in, whose names not everybody may read."""
    where = "the private channel that you chose" if count == 1 else f"{count} of these channels, which are private,"
    return f"I'm not in {where} yet. Type @Runrate there and press “Invite Them”, then save again."

"""A destination's form: what it asks, and what a person made of it."""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import TypeAdapter

from handlers.views import recipients
from handlers.views.blocks import (
    MOST_OPTIONS,
    Block,
    Element,
    View,
    actions,
    button,
    context,
    field,
    modal,
    option,
    section,
    text_input,
)
from handlers.views.destinations import FREQUENCIES, criterion_word, ordinal
from handlers.views.filled import Filled, filled
from models import locale
from models.attribute import label
from models.condition import LONGEST_VALUE, MOST_CONDITIONS, MOST_VALUES, About, Condition, Criterion, criterion
from models.fact import MovementKind, is_email, read_currency
from models.filter import EVERYTHING, Forecast
from models.recipient import MOST_RECIPIENTS, To
from models.schedule import LAST_OF_MONTH, MONDAY, NINE, WEEKDAYS, Period, Rhythm
from models.wish import MOST_ATTRIBUTES, FieldError, Frequency
from models.zone import UTC
from scheduler.messages import money, mrkdwn
from scheduler.messages.movement import KINDS
from scheduler.messages.recap import period_name

LONGEST_AMOUNT = 30
MY_ZONE = "mine"
"""What is typed for the zone that one's own Slack has."""
GROUPS = (5, 15, 60)
"""The minutes that are offered for changes of one account to be told as one."""
SAMPLE_MINOR = 123_450
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
SHOW_ME = "destination_show_me"
"""The button that sends whoever presses it what a destination like this would tell."""
SHOW_ACCOUNT = "destination_show_account"
"""The menu that sends the same of an account that is looked up."""
ATTRIBUTES = "destination_attributes"
"""The menu of attributes, whose choices are looked up."""


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
    outsiders_confirmed: bool = False
    """That people of other companies may read along was confirmed."""
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


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What a form can be filled in with, and what would come of it as it stands."""

    attributes: Sequence[str] = ()
    """The attributes that are known."""
    holders: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """The names of the colleagues in conditions, by their e-mail addresses."""
    roles: Sequence[str] = ()
    """What colleagues are to accounts, such as `owner`."""
    own_zone: str | None = None
    """Where the visitor is."""
    locale: str = money.DEFAULT_LOCALE
    """How the workspace writes money, and in which currency."""
    currency: str = "USD"
    forecast: Forecast | None = None
    first_recap: tuple[datetime, Period] | None = None
    """When the next recap is due, and of which days it tells; None where nothing can be said."""


def read_new(action: Mapping[str, Any]) -> DestinationForm:
    """Read what the form shall start with from a press on the button."""
    return DestinationForm(channel_ids=(str(action["value"]),) if action.get("value") else ())


def form(
    filled_in: DestinationForm,
    offer: Offer,
    *,
    behind: Behind = NOTHING,
    outside_channel_ids: Sequence[str] = (),
    notice: str = "",
    is_sent: bool | None = None,
    refused: FieldError | None = None,
) -> View:
    """Draw the form: for a new destination, or for the one behind it.

    `outside_channel_ids` are the chosen channels in which people of other companies read along; they ask for a
    confirmation. Drawn again over itself, the form keeps what was typed. A recap asks for its time, and shows neither
    filter nor attributes. `notice` is said first. Under the buttons stands what came of one: whether anything `is_sent`
    to whoever asked for it, or what was `refused`.
    """
    asked = [
        field(
            "Name",
            text_input("name", initial=filled_in.name, placeholder=NAMES[filled_in.frequency]),
            block_id=Field.NAME.block_id,
        ),
        _frequency(filled_in),
        *([*_day(filled_in), *_time(filled_in, offer.own_zone)] if filled_in.frequency.is_recap else []),
        _channels(filled_in),
        *_confirmation(filled_in, outside_channel_ids),
        *recipients.people_fields(filled_in.user_ids, is_together=filled_in.is_together, prefix=PREFIX),
        *(_more(filled_in, offer) if filled_in.shows_more else _outlook(filled_in, offer)),
    ]
    blocks = [
        *([section(notice)] if notice else []),
        *asked,
        _buttons(filled_in),
        *([section(_refusal(refused, asked))] if refused else []),
        *([] if is_sent is None else [_shown(filled_in, is_sent=is_sent)]),
        *([] if behind.destination_id else [_test(filled_in)]),
    ]
    title = "Edit destination" if behind.destination_id else "New destination"
    return modal(title, blocks, callback_id=CALLBACKS.save, submit="Save", metadata=str(behind) or None)


NAMES = {
    Frequency.REAL_TIME: "Every movement",
    Frequency.DAILY: "Each day",
    Frequency.WEEKLY: "Board weekly",
    Frequency.MONTHLY: "Board monthly",
}
"""How one might name a destination."""


def _more(filled_in: DestinationForm, offer: Offer) -> list[Block]:
    """Ask for what few people need."""
    if filled_in.frequency.is_recap:
        return [*_business(filled_in), *_outlook(filled_in, offer), _empty(filled_in), _locale(filled_in, offer)]
    return [
        *_filter(filled_in, offer.holders),
        *_outlook(filled_in, offer),
        _attributes(filled_in, offer.attributes),
        _telling(filled_in),
        _mentions(filled_in, offer.roles),
        _locale(filled_in, offer),
    ]


def _outlook(filled_in: DestinationForm, offer: Offer) -> list[Block]:
    """Say in a line what would come of the form as it stands."""
    if not filled_in.frequency.is_recap:
        told = _forecast(offer.forecast, filled_in.recipients) if offer.forecast else ""
        return [context(told)] if told else []
    if offer.first_recap is None:
        return [context(UNFILTERED)]
    due_at, period = offer.first_recap
    days = period_name(Rhythm(filled_in.frequency), period)
    the = "the " if filled_in.frequency is Frequency.WEEKLY else ""
    return [context(f"The next recap is due *{mrkdwn.moment(due_at)}* and tells of {the}*{days}*. {UNFILTERED}")]


def _buttons(filled_in: DestinationForm) -> Block:
    more = [] if filled_in.shows_more else [button("More options", ACTIONS.more)]
    return actions(*more, button("Send me this", SHOW_ME), block_id="destination_buttons")


def _shown(filled_in: DestinationForm, *, is_sent: bool) -> Block:
    """Say that it is on its way, or that there is nothing; of movements, offer to see another account's."""
    sent = "*On its way to you alone*, in Runrate's messages, as it would be posted."
    text = sent if is_sent else "*Nothing was sent.* None of the newest movements would be told."
    if filled_in.frequency.is_recap:
        return section(text)
    return section(text, accessory=_external(SHOW_ACCOUNT, "Of another account") | {"min_query_length": 2})


def read_account(action: Mapping[str, Any]) -> str | None:
    """Read of which account the newest movement is asked for; None of any."""
    return (action.get("selected_option") or {}).get("value")


def _refusal(refused: FieldError, asked: Iterable[Block]) -> str:
    """Say under the buttons what has to change first, and in which field."""
    labels = {block.get("block_id"): block["label"]["text"] for block in asked if "label" in block}
    block_id, text = next(iter(errors({refused.field: str(refused)}).items()))
    words = f"{labels[block_id]}: {text}" if block_id in labels else text
    return f"*Nothing was sent.* {mrkdwn.escape(words, 1000)}"


def _test(filled_in: DestinationForm) -> Block:
    element = _checkbox("test", "Post a test there as soon as it is saved", is_checked=filled_in.wants_test)
    return field("Test", element, block_id=Field.TEST.block_id, optional=True)


def _checkbox(action_id: str, text: str, *, is_checked: bool) -> Element:
    yes = option(text, "yes")
    element: Element = {"type": "checkboxes", "action_id": action_id, "options": [yes]}
    return element | ({"initial_options": [yes]} if is_checked else {})


def _choice(action_id: str, options: Mapping[str, str], chosen: str) -> Element:
    """Draw a menu of these values with their words, one of which is chosen."""
    drawn = {value: option(words, value) for value, words in options.items()}
    element = {"type": "static_select", "action_id": action_id, "options": list(drawn.values())[:MOST_OPTIONS]}
    return element | {"initial_option": drawn[chosen]}


def _telling(filled_in: DestinationForm) -> Block:
    minutes = sorted({*GROUPS, *([filled_in.group_minutes] if filled_in.group_minutes else [])})
    options = {
        NONE: "Each in a message of its own",
        **{str(one): f"Together, when within {_minutes(one)}" for one in minutes},
        THREADS: "In a thread for each account",
    }
    chosen = THREADS if filled_in.has_threads else str(filled_in.group_minutes or NONE)
    hint = "Told together, the first is posted at once; what follows changes it, or answers it in its thread."
    element = _choice("telling", options, chosen)
    return field("Changes of one account", element, block_id=Field.TELLING.block_id, hint=hint)


THREADS = "threads"
"""The choice of a thread for each account."""


def _minutes(number: int) -> str:
    return {1: "1 minute", 60: "an hour"}.get(number, f"{number} minutes")


def _mentions(filled_in: DestinationForm, roles: Sequence[str]) -> Block:
    offered = [one for one in dict.fromkeys((filled_in.mentions, *USUAL_ROLES, *roles)) if _can_be_offered(one)]
    words = {one: criterion_word(Criterion(About.ROLE, one)) for one in offered[: MOST_OPTIONS - 1]}
    element = _choice("mentions", {NONE: "Nobody", **words}, filled_in.mentions or NONE)
    hint = "Slack notifies whoever holds this role at the account of each movement."
    return field("Mention", element, block_id=Field.MENTIONS.block_id, hint=hint)


USUAL_ROLES = ("owner", "csm")


def _empty(filled_in: DestinationForm) -> Block:
    options = {TELL: "Say so in a short recap", NONE: "Post nothing"}
    element = _choice("tells_empty", options, TELL if filled_in.tells_empty else NONE)
    return field("When nothing moved", element, block_id=Field.EMPTY.block_id)


TELL = "tell"


def _locale(filled_in: DestinationForm, offer: Offer) -> Block:
    names = dict(locale.usual())
    if filled_in.locale and filled_in.locale not in names:
        names = {filled_in.locale: locale.name_of(filled_in.locale), **names}
    options = {NONE: f"As the workspace: {_sample(offer.locale, offer)}"}
    options |= {one: f"{name}: {_sample(one, offer)}" for one, name in names.items()}
    element = _choice("locale", options, filled_in.locale or NONE)
    return field("Numbers and money", element, block_id=Field.LOCALE.block_id)


def _sample(name: str, offer: Offer) -> str:
    """Write money as a locale does: `$1,234.50`."""
    return money.amount(SAMPLE_MINOR, offer.currency, name)


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
            chosen = _select(ACTIONS.weekday, days, filled_in.weekday)
            return [field("Day", chosen, block_id=Field.WEEKDAY.block_id, dispatch=True)]
        case Frequency.MONTHLY:
            days = {day: option(f"The {ordinal(day)}", str(day)) for day in range(1, LAST_OF_MONTH + 1)}
            hint = "Of a shorter month, the last day is taken."
            chosen = _select(ACTIONS.month_day, days, filled_in.month_day)
            return [field("Day", chosen, block_id=Field.MONTH_DAY.block_id, hint=hint, dispatch=True)]
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
    element = _checkbox(ACTIONS.business, "On business days only", is_checked=filled_in.is_business)
    country = text_input(ACTIONS.country, initial=filled_in.country, placeholder="Germany") | AS_TYPED
    where = "Of which country, by its name or two letters. Without one, only weekends are left out."
    return [
        field("Business days", element, block_id=Field.BUSINESS.block_id, hint=hint, optional=True, dispatch=True),
        field("Holidays", country, block_id=Field.COUNTRY.block_id, hint=where, optional=True, dispatch=True),
    ]


def _time(filled_in: DestinationForm, own_zone: str | None) -> list[Block]:
    clock: Element = {"type": "timepicker", "action_id": ACTIONS.at}
    if filled_in.at:
        clock["initial_time"] = filled_in.at
    zone = text_input(ACTIONS.zone, initial=filled_in.zone, placeholder="Europe/Berlin") | AS_TYPED
    hint = "By region and city, such as Europe/Berlin, or UTC. The days of a recap begin and end there at midnight."
    yours = f" Type “{MY_ZONE}” for {own_zone}." if own_zone else ""
    return [
        field("Time", clock, block_id=Field.AT.block_id, dispatch=True),
        field("Time zone", zone, block_id=Field.ZONE.block_id, hint=f"{hint}{yours}", dispatch=True),
    ]


AS_TYPED = {"dispatch_action_config": {"trigger_actions_on": ["on_character_entered"]}}
"""Has a text told to us while it is typed."""


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


def _filter(filled_in: DestinationForm, holders: Mapping[str, str]) -> list[Block]:
    """Ask which movements are told."""
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
    ]


def _minimum(action_id: str, typed: str) -> Element:
    element = text_input(action_id, initial=typed, placeholder="Such as 500, 1,000 or 0.5 %")
    return {**element, **AS_TYPED, "max_length": LONGEST_AMOUNT}


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
    if not happened:
        return "Nothing has moved in the last 30 days: how many messages it would be can't be said yet."
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
    text = "Let people of other companies read our MRR there"
    element = _checkbox("outsiders", text, is_checked=filled_in.outsiders_confirmed)
    return [
        section(f"People of other companies read along in {where} (Slack Connect). They would see every amount."),
        field("Other companies", element, block_id=Field.OUTSIDERS.block_id, optional=True),
    ]


def _attributes(filled_in: DestinationForm, known: Sequence[str]) -> Block:
    """Ask for the attributes; those chosen before stay chosen even where nobody sends them any more."""
    keys = [key for key in filled_in.attribute_keys if _can_be_offered(key)][:MOST_ATTRIBUTES]
    if not keys and not any(map(_can_be_offered, known)):
        return context("*Attributes to show*: none yet. They can be chosen here once a source has sent some.")
    element = _external(ATTRIBUTES, "Choose attributes", many=True) | {"max_selected_items": MOST_ATTRIBUTES}
    if keys:
        element["initial_options"] = [option(word, key) for key, word in _attribute_words(keys, known)]
    hint = f"Up to {MOST_ATTRIBUTES}, shown under each movement."
    return field("Attributes to show", element, block_id=Field.ATTRIBUTES.block_id, hint=hint, optional=True)


def offered_attributes(known: Sequence[str], typed: str) -> list[Element]:
    """Offer the attributes whose name holds what is typed."""
    words = _attribute_words(known, known)
    found = [option(word, key) for key, word in words if _holds(typed, word, key) and _can_be_offered(key)]
    return found[:MOST_OPTIONS]


def _can_be_offered(key: str) -> bool:
    return bool(key) and mrkdwn.width(key) <= LONGEST_VALUE


def _attribute_words(keys: Iterable[str], known: Iterable[str]) -> list[tuple[str, str]]:
    """Name attributes in words, or as the source does where two would read the same."""
    shared = Counter(map(label, {*keys, *known}))
    return [(key, word if shared[word] == 1 else key) for key in keys for word in [label(key)]]


def read(view: Mapping[str, Any], *, otherwise: DestinationForm | None = None) -> DestinationForm:
    """Read the form as it was submitted, or as it stands. What it did not ask for is as `otherwise`."""
    answers, kept = filled(dict(view)), otherwise or DestinationForm()
    asked = {block.get("block_id") for block in view.get("blocks") or ()}

    def answered(where: Field, answer: Answered, so_far: Answered) -> Answered:
        return answer if where.block_id in asked else so_far

    frequency, kinds = answers.option(Field.FREQUENCY.block_id), answers.options(Field.KINDS.block_id)
    telling = answers.option(Field.TELLING.block_id) or NONE
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
        outsiders_confirmed="yes" in answers.options(Field.OUTSIDERS.block_id),
        shows_more=Field.LOCALE.block_id in asked,
        wants_test="yes" in answers.options(Field.TEST.block_id),
    )


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


def overtaken(by: str | None, *, is_deleted: bool) -> str:
    """Say that somebody was quicker, and what there is to choose between."""
    who = mrkdwn.person(by) if by else "Somebody"
    if is_deleted:
        return (
            f"*{who} deleted this destination* after you opened the form. *Save* makes a new one of what stands here."
        )
    return (
        f"*{who} changed this destination* after you opened the form, and nothing of yours is saved yet. *Save* puts "
        "what stands here in place of theirs; *Cancel* keeps theirs."
    )


def errors(refused: Mapping[str, str]) -> dict[str, str]:
    """Put each refusal under its field, as an answer to the submission; what names no field stands under the name."""
    fields = {str(one) for one in Field}
    return {Field(name if name in fields else Field.NAME).block_id: text for name, text in refused.items()}


def not_invited(count: int) -> str:
    """Say what to do about private channels that I'm not in, whose names not everybody may read."""
    where = "the private channel that you chose" if count == 1 else f"{count} of these channels, which are private,"
    return f"I'm not in {where} yet. Type @Runrate there and press “Invite Them”, then save again."

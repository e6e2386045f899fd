"""A destination's form: what it asks, and what would come of it."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from handlers.views import recipients
from handlers.views.blocks import (
    LONGEST_OPTION,
    MOST_OPTIONS,
    Block,
    Element,
    View,
    actions,
    button,
    checkbox,
    context,
    field,
    looked_up,
    menu,
    modal,
    section,
    text_input,
)
from handlers.views.destination_answers import (
    ACTIONS,
    CALLBACKS,
    NONE,
    NOTHING,
    PREFIX,
    TELL,
    THREADS,
    Behind,
    DestinationForm,
    Field,
    errors,
    mark_of,
    outsiders_block,
)
from handlers.views.destination_filter import attribute_field, can_be_offered, filter_fields
from handlers.views.destination_schedule import business_fields, day_fields, time_fields
from handlers.views.destinations import FREQUENCIES, criterion_word
from models import locale
from models.condition import About, Criterion
from models.filter import Forecast
from models.locale import Named
from models.recipient import MOST_RECIPIENTS, To
from models.schedule import Period, Rhythm
from models.wish import FieldError, Frequency
from scheduler.messages import money, mrkdwn
from scheduler.messages.recap import period_name

GROUPS = (5, 15, 60)
"""The minutes that are offered for changes of one account to be told as one."""
SAMPLE_MINOR = 123_450
SHOW_ME = "destination_show_me"
"""The button that sends whoever presses it what a destination like this would tell."""
SHOW_ACCOUNT = "destination_show_account"
"""The menu that sends the same of an account that is looked up."""


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
    """When the next recap is due, and of which days it tells."""
    unclear: FieldError | None = None
    """What has to change before either can be said."""


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
    deciding = [
        field(
            "Name",
            text_input("name", initial=filled_in.name, placeholder=NAMES[filled_in.frequency]),
            block_id=Field.NAME.block_id,
        ),
        _frequency(filled_in),
        *([*day_fields(filled_in), *time_fields(filled_in, offer.own_zone)] if filled_in.frequency.is_recap else []),
        _channels(filled_in),
        *_confirmation(filled_in, outside_channel_ids),
        *recipients.people_fields(filled_in.user_ids, is_together=filled_in.is_together, prefix=PREFIX),
        *(_filtering(filled_in, offer) if filled_in.shows_more else []),
    ]
    blocks = [
        *([section(notice)] if notice else []),
        *deciding,
        *_outlook(filled_in, offer, deciding),
        *(_telling(filled_in, offer) if filled_in.shows_more else []),
        _buttons(filled_in),
        *([section(f"*Nothing was sent.* {_refusal(refused, deciding)}")] if refused else []),
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


def _filtering(filled_in: DestinationForm, offer: Offer) -> list[Block]:
    """Ask for what few people need and what decides what is told, and when."""
    return business_fields(filled_in) if filled_in.frequency.is_recap else filter_fields(filled_in, offer.holders)


def _telling(filled_in: DestinationForm, offer: Offer) -> list[Block]:
    """Ask for what few people need and what decides how it is told."""
    if filled_in.frequency.is_recap:
        return [_empty(filled_in), _locale(filled_in, offer)]
    return [
        attribute_field(filled_in, offer.attributes),
        _together(filled_in),
        _mentions(filled_in, offer.roles),
        _locale(filled_in, offer),
    ]


def _outlook(filled_in: DestinationForm, offer: Offer, asked: Iterable[Block]) -> list[Block]:
    """Say in a line what would come of the form as it stands, or which field keeps that from being said."""
    if offer.unclear:
        what = "When the next recap is due" if filled_in.frequency.is_recap else "How many messages it would be"
        return [context(f"{what} can't be said yet. {_refusal(offer.unclear, asked)}")]
    if offer.forecast:
        return [context(_forecast(offer.forecast, filled_in.recipients))]
    if offer.first_recap is None:
        return []
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
    text = (
        sent
        if is_sent
        else "*Nothing was sent.* None of the newest movements would be told. Loosen the filter, or choose an account."
    )
    if filled_in.frequency.is_recap:
        return section(text)
    return section(text, accessory=looked_up(SHOW_ACCOUNT, "Of another account") | {"min_query_length": 2})


def _refusal(refused: FieldError, asked: Iterable[Block]) -> str:
    """Say what has to change first, and in which field."""
    labels = {block.get("block_id"): block["label"]["text"] for block in asked if "label" in block}
    block_id, text = next(iter(errors({refused.field: str(refused)}).items()))
    words = f"{labels[block_id]}: {text}" if block_id in labels else text
    return mrkdwn.escape(words, 1000)


def _test(filled_in: DestinationForm) -> Block:
    element = checkbox("test", "Post a test there as soon as it is saved", is_checked=filled_in.wants_test)
    return field("Test", element, block_id=Field.TEST.block_id, optional=True)


def _together(filled_in: DestinationForm) -> Block:
    minutes = sorted({*GROUPS, *([filled_in.group_minutes] if filled_in.group_minutes else [])})
    options = {
        NONE: "Each in a message of its own",
        **{str(one): f"Together, when within {_minutes(one)}" for one in minutes},
        THREADS: "In a thread for each account",
    }
    chosen = THREADS if filled_in.has_threads else str(filled_in.group_minutes or NONE)
    hint = (
        "Together, the first is posted at once; what follows changes it, or answers it in its thread. "
        "In a thread, a message that always shows the account as it is stands above its changes."
    )
    element = menu("telling", options, chosen)
    return field("Changes of one account", element, block_id=Field.TELLING.block_id, hint=hint)


def _minutes(number: int) -> str:
    return {1: "1 minute", 60: "an hour"}.get(number, f"{number} minutes")


def _mentions(filled_in: DestinationForm, roles: Sequence[str]) -> Block:
    offered = [one for one in dict.fromkeys((filled_in.mentions, *USUAL_ROLES, *roles)) if can_be_offered(one)]
    words = {one: criterion_word(Criterion(About.ROLE, one)) for one in offered[: MOST_OPTIONS - 1]}
    element = menu("mentions", {NONE: "Nobody", **words}, filled_in.mentions or NONE)
    hint = "Slack notifies whoever holds this role at the account of each movement."
    return field("Mention", element, block_id=Field.MENTIONS.block_id, hint=hint)


USUAL_ROLES = ("owner", "csm")


def _empty(filled_in: DestinationForm) -> Block:
    options = {TELL: "Say so in a short recap", NONE: "Post nothing"}
    element = menu("tells_empty", options, TELL if filled_in.tells_empty else NONE)
    return field("When nothing moved", element, block_id=Field.EMPTY.block_id)


def _locale(filled_in: DestinationForm, offer: Offer) -> Block:
    names = dict(locale.usual())
    if filled_in.locale:
        names[filled_in.locale] = locale.named(filled_in.locale)
    options = {NONE: f"As the workspace: {_sample(offer.locale, offer)}"}
    for one, named in sorted(names.items(), key=lambda item: item[1].english):
        options[one] = _written(named, _sample(one, offer))
    element = menu("locale", options, filled_in.locale or NONE)
    return field("Numbers and money", element, block_id=Field.LOCALE.block_id)


def _written(named: Named, sample: str) -> str:
    """Name a locale in English, with how it writes money, and in its own language where both fit."""
    in_english = f"{named.english}: {sample}"
    in_both = f"{in_english} · {named.own}"
    return in_both if named.own != named.english and mrkdwn.width(in_both) <= LONGEST_OPTION else in_english


def _sample(name: str, offer: Offer) -> str:
    """Write money as a locale does: `$1,234.50`."""
    return money.amount(SAMPLE_MINOR, offer.currency, name)


def _frequency(filled_in: DestinationForm) -> Block:
    words = {str(frequency): choice for frequency, (_, choice) in FREQUENCIES.items()}
    element = menu(ACTIONS.frequency, words, filled_in.frequency)
    return field("Frequency", element, block_id=Field.FREQUENCY.block_id, dispatch=True)


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
    mark = mark_of(outside_channel_ids)
    element = checkbox("outsiders", text, is_checked=filled_in.outsiders_confirmed == mark)
    return [
        section(f"People of other companies read along in {where} (Slack Connect). They would see every amount."),
        field("Other companies", element, block_id=outsiders_block(mark), optional=True),
    ]


UNCONFIRMED = (
    "People of other companies read along there. Tick below that they may read our MRR, or take these channels out."
)

STILL_ASKED = (
    "*Nothing is saved yet.* Say below the channels whether people of other companies may read our MRR there, and save "
    "again."
)


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


def not_invited(count: int) -> str:
    """Say what to do about private channels that I'm not in, whose names not everybody may read."""
    where = "the private channel that you chose" if count == 1 else f"{count} of these channels, which are private,"
    return f"I'm not in {where} yet. Type @Runrate there and press “Invite Them”, then save again."

"""The part of a destination's form that says when a recap is due."""

from handlers.views.blocks import AS_TYPED, Block, Element, checkbox, field, menu, text_input
from handlers.views.destination_answers import ACTIONS, MY_ZONE, DestinationForm, Field
from handlers.views.destinations import ordinal
from models.schedule import LAST_OF_MONTH, WEEKDAYS
from models.wish import Frequency


def day_fields(filled_in: DestinationForm) -> list[Block]:
    """Ask for the day of the week, or of the month."""
    match filled_in.frequency:
        case Frequency.WEEKLY:
            days = {str(number): word for number, word in enumerate(WEEKDAYS)}
            chosen = menu(ACTIONS.weekday, days, str(filled_in.weekday))
            return [field("Day", chosen, block_id=Field.WEEKDAY.block_id, dispatch=True)]
        case Frequency.MONTHLY:
            days = {str(day): f"The {ordinal(day)}" for day in range(1, LAST_OF_MONTH + 1)}
            hint = "Of a shorter month, the last day is taken."
            chosen = menu(ACTIONS.month_day, days, str(filled_in.month_day))
            return [field("Day", chosen, block_id=Field.MONTH_DAY.block_id, hint=hint, dispatch=True)]
        case _:
            return []


def business_fields(filled_in: DestinationForm) -> list[Block]:
    """Ask whether recaps come on business days only, and whose holidays are none."""
    hint = "A recap that falls on a weekend or holiday comes on the next business day."
    if filled_in.frequency is Frequency.DAILY:
        hint = "The first one after a weekend or holiday tells of those days too."
    element = checkbox(ACTIONS.business, "On business days only", is_checked=filled_in.is_business)
    country = text_input(ACTIONS.country, initial=filled_in.country, placeholder="Germany") | AS_TYPED
    where = "Of which country, by its name or two letters. Without one, only weekends are left out."
    return [
        field("Business days", element, block_id=Field.BUSINESS.block_id, hint=hint, optional=True, dispatch=True),
        field("Holidays", country, block_id=Field.COUNTRY.block_id, hint=where, optional=True, dispatch=True),
    ]


def time_fields(filled_in: DestinationForm, own_zone: str | None) -> list[Block]:
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

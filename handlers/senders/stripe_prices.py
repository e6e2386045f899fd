"""What a Stripe subscription is worth a month: its items, less its coupons, rounded once.

A year is 12 months, a week 7 days of a month of 365/12, so that 52 weeks and 365 days make a year: a week counts 52/12
times a month, a day 365/12 times. All is exact until the end, where half a minor unit is rounded up.

Both shapes of Stripe's API are read: a price or a plan, `discount` or `discounts`, a discount's coupon in it or in its
`source`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from handlers.senders.reading import identifier
from handlers.senders.refusal import RecordRefusedError
from models.currency import digits, rounded
from models.fact import read_instant
from models.stripe import Passing

Json = Mapping[str, Any]
Coupons = Mapping[str, Json]
"""The coupons of discounts of which only the id came, by that id."""

_MONTHLY = {"day": Fraction(365, 12), "week": Fraction(52, 12), "month": Fraction(1), "year": Fraction(1, 12)}
_DIGITS = {
    0: "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF",
    3: "BHD JOD KWD OMR TND",
}
"""The decimals of amounts in Stripe where they aren't two. It writes hundredths of ISK and UGX, which have none."""
_DIGITS_OF = {currency: number for number, currencies in _DIGITS.items() for currency in currencies.split()}
_MOST_DIGITS = 30
_WHOLE = Fraction(1)
_PERCENT = Fraction(1, 100)


@dataclass(frozen=True)
class LeftOut:
    """What is not counted, by its id, and why in words for people."""

    id: str
    field: str
    reason: str


def monthly(subscription: Json, *, subtracted: frozenset[Passing], coupons: Coupons, at: datetime) -> int:
    """Give what a subscription's items come to a month less its coupons, in minor units of its currency.

    Raises `RecordRefusedError` where an amount can't be read.
    """
    items = [item for item in items_of(subscription) if _why_not(item) is None]
    known, _ = _discounts(subscription.get("discounts"), subscription.get("discount"), coupons)
    amount = sum(
        (_less(_worth(item), _item_coupons(item, coupons), item, subtracted, at) for item in items), Fraction()
    )
    if items:
        amount = _less(amount, known, items[0], subtracted, at)
    currency = currency_of(subscription)
    return rounded(amount * Fraction(10) ** (digits(currency) - _DIGITS_OF.get(currency, 2)))


def currency_of(subscription: Json) -> str:
    """Give the currency, which older API versions write on the plan alone."""
    own = subscription.get("currency")
    for item in items_of(subscription) if own is None else []:
        own = own or _price(item).get("currency")
    return own.strip().upper() if isinstance(own, str) else ""


def items_of(subscription: Json) -> list[Json]:
    """Give the items; the oldest API versions have one plan and a quantity in their place."""
    listed = subscription.get("items")
    items = listed.get("data") if isinstance(listed, dict) else None
    if items is None and isinstance(subscription.get("plan"), dict):
        return [subscription]
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise RecordRefusedError("items", "It must be a list of items.")
    return items


def left_out(subscription: Json, *, coupons: Coupons) -> Iterator[LeftOut]:
    """Say what of a subscription is not counted."""
    for item in items_of(subscription):
        reason = _why_not(item)
        if reason is not None:
            yield LeftOut(identifier(item.get("id")) or "item", "items.price", reason)
    for discount in unknown_discounts(subscription, coupons=coupons):
        yield LeftOut(discount, "discounts", _UNKNOWN)
    listed = subscription.get("items")
    if isinstance(listed, dict) and listed.get("has_more") is True:
        yield LeftOut(identifier(subscription.get("id")) or "subscription", "items", _MORE)


_UNKNOWN = (
    "Stripe sent the discount's id alone, so that the subscription counts at its full price. Enter a restricted API "
    "key with this source, and Runrate asks what the discount is."
)
_MORE = "The subscription has more items than Stripe sent; only these are counted."


def unknown_discounts(subscription: Json, *, coupons: Coupons) -> list[str]:
    """Give the ids of discounts of which nothing but the id came."""
    of_items = [_discounts(item.get("discounts"), None, coupons)[1] for item in items_of(subscription)]
    _, own = _discounts(subscription.get("discounts"), subscription.get("discount"), coupons)
    return list(dict.fromkeys([*own, *(one for some in of_items for one in some)]))


def coupons_of(subscription: Json) -> dict[str, Json]:
    """Give the coupons that an expanded subscription tells, by their discounts' ids."""
    listed = [subscription.get("discounts"), *(item.get("discounts") for item in items_of(subscription))]
    found = [one for some in listed if isinstance(some, list) for one in some if isinstance(one, dict)]
    return {
        own_id: coupon
        for one in found
        if (own_id := identifier(one.get("id"))) and (coupon := _coupon(one)) is not None
    }


def _why_not(item: Json) -> str | None:
    price = _price(item)
    if price.get("billing_scheme") == "tiered" or price.get("tiers_mode") is not None:
        return "The price is tiered, so that its MRR can't be told from the subscription: it is left out of MRR."
    if _recurring(price).get("usage_type") == "metered":
        return "The price is metered, so that it is usage and no recurring revenue: it is left out of MRR."
    return None


def _price(item: Json) -> Json:
    price = item.get("price")
    price = price if isinstance(price, dict) else item.get("plan")
    if not isinstance(price, dict):
        raise RecordRefusedError("items.price", "It must be an object.")
    return price


def _recurring(price: Json) -> Json:
    """Give how often a price is paid, which a plan says itself."""
    recurring = price.get("recurring")
    return recurring if isinstance(recurring, dict) else price


def _worth(item: Json) -> Fraction:
    """Give what an item comes to a month."""
    price = _price(item)
    names = ("unit_amount_decimal", "unit_amount", "amount_decimal", "amount")
    amount = next((price[name] for name in names if price.get(name) is not None), None)
    return _number(amount, "items.price.unit_amount") * _quantity(item, price) * _times_a_month(item)


def _quantity(item: Json, price: Json) -> Fraction:
    quantity = _number(1 if item.get("quantity") is None else item["quantity"], "items.quantity")
    transform = price.get("transform_quantity", price.get("transform_usage"))
    if not isinstance(transform, dict):
        return quantity
    packs = quantity / (_number(transform.get("divide_by"), "items.price.transform_quantity") or _WHOLE)
    return Fraction(-(-packs // 1) if transform.get("round") == "up" else packs // 1)


def _times_a_month(item: Json) -> Fraction:
    recurring = _recurring(_price(item))
    interval, count = recurring.get("interval"), recurring.get("interval_count", 1)
    if not isinstance(interval, str) or interval not in _MONTHLY:
        raise RecordRefusedError("items.price.recurring.interval", "It must be day, week, month or year.")
    if not isinstance(count, int) or isinstance(count, bool) or not 0 < count < 10**4:
        raise RecordRefusedError("items.price.recurring.interval_count", "It must be a whole number above 0.")
    return _MONTHLY[interval] / count


def _item_coupons(item: Json, coupons: Coupons) -> list[Json]:
    return _discounts(item.get("discounts"), None, coupons)[0]


def _discounts(several: Any, only: Any, coupons: Coupons) -> tuple[list[Json], list[str]]:
    """Give the discounts that are known, each with its coupon, and the ids of the others."""
    inline = only if isinstance(only, dict) else {}
    listed = several if isinstance(several, list) and several else [inline] if inline else []
    known: list[Json] = []
    unknown: list[str] = []
    for one in listed:
        own_id = identifier(one.get("id") if isinstance(one, dict) else one) or "discount"
        if isinstance(one, dict) and _coupon(one) is not None:
            known.append(one)
        elif own_id in coupons:
            known.append({"coupon": coupons[own_id]})
        elif inline and inline.get("id") == own_id:
            known.append(inline)
        else:
            unknown.append(own_id)
    return known, unknown


def _coupon(discount: Json) -> Json | None:
    source = discount.get("source")
    coupon = discount.get("coupon") or (source.get("coupon") if isinstance(source, dict) else None)
    return coupon if isinstance(coupon, dict) else None


def _less(
    amount: Fraction, discounts: Sequence[Json], item: Json, subtracted: frozenset[Passing], at: datetime
) -> Fraction:
    """Take off the coupons that count, in their order. A fixed amount is one of each bill of this item."""
    for discount in discounts:
        coupon, end = _coupon(discount) or {}, read_instant(discount.get("end"))
        if (end is None or end > at) and _counts(coupon, subtracted):
            percent, fixed = coupon.get("percent_off"), coupon.get("amount_off")
            if percent is not None:
                amount *= _WHOLE - _number(percent, "discounts.coupon.percent_off") * _PERCENT
            elif fixed is not None:
                amount -= _number(fixed, "discounts.coupon.amount_off") * _times_a_month(item)
            amount = max(amount, Fraction())
    return amount


def _counts(coupon: Json, subtracted: frozenset[Passing]) -> bool:
    return coupon.get("duration") in ("forever", *subtracted)


def _number(value: Any, field: str) -> Fraction:
    """Read a number of at most so many digits; floats as they are written."""
    try:
        number = Decimal(str(value)) if not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or number < 0 or abs(number.adjusted()) > _MOST_DIGITS:
        raise RecordRefusedError(field, "It must be a number, and not below 0.")
    return Fraction(number)

"""Kind `chartmogul`: ChartMogul's webhook, one MRR movement a call; and what its API lists, activities and customers.

The webhook carries no id and no signature: the same movement sent again is known by what it says, and the URL is the
only secret. An activity says the same of a movement, so that it has the key that the webhook's has.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from handlers.senders.reading import Reading, Received, Refused, Unreadable, digest, identifier, judge
from handlers.senders.refusal import RecordRefusedError, make
from handlers.senders.traits import Traits
from models.currency import digits
from models.fact import (
    EARLIEST,
    MOST_IN_NAME,
    MOST_IN_TEXT,
    AccountFact,
    AccountStatus,
    Fact,
    MovementFact,
    MovementKind,
    RoleFact,
    is_email,
    is_storable,
)

_KINDS = {
    "new_biz": MovementKind.NEW_BUSINESS,
    "expansion": MovementKind.EXPANSION,
    "contraction": MovementKind.CONTRACTION,
    "churn": MovementKind.CHURN,
    "reactivation": MovementKind.REACTIVATION,
}
_STATUSES = {
    "new lead": AccountStatus.LEAD,
    "working lead": AccountStatus.LEAD,
    "qualified lead": AccountStatus.LEAD,
    "unqualified lead": AccountStatus.LEAD,
    "lead": AccountStatus.LEAD,
    "free trial": AccountStatus.LEAD,
    "active": AccountStatus.CUSTOMER,
    "past due": AccountStatus.CUSTOMER,
    "cancelled": AccountStatus.CHURNED,
    "canceled": AccountStatus.CHURNED,
    "churned": AccountStatus.CHURNED,
}
_PINGS: tuple[dict[str, str], ...] = ({}, {"type": "test"}, {"type": "ping"})
_SWITCH = re.compile(r"switched plan from (?P<before>.+?) to (?P<after>.+)", re.IGNORECASE)
_PURCHASE = re.compile(r"purchased (?:the )?(?P<after>.+?)(?: plan)?", re.IGNORECASE)
_ACCOUNT_PATHS = {"external_id": "customer.external_id", "attributes": "customer.custom_attributes"}
_MOVEMENT_PATHS = {
    "account_external_id": "customer.external_id",
    "amount_minor": "mrr_movement_in_account_currency",
    "mrr_after_minor": "customer.current_mrr",
    "currency": "account_currency",
    "subscription_external_id": "subscription.external_id",
    "occurred_at": "date",
}
_ACTIVITY_PATHS = {
    "account_external_id": "customer-external-id",
    "amount_minor": "activity-mrr-movement",
    "mrr_after_minor": "activity-mrr",
    "subscription_external_id": "subscription-external-id",
    "occurred_at": "date",
}
_CUSTOMER_PATHS = {"external_id": "external_id", "attributes": "attributes.custom"}


def read(body: Any, *, received_at: datetime) -> Reading:  # noqa: ARG001 - every sender is called alike
    """Read one movement; an empty object is a connection test."""
    if not isinstance(body, dict):
        return Reading(
            unreadable=Unreadable(400, "not_an_object", "ChartMogul's webhook sends one JSON object a call.")
        )
    if body in _PINGS:
        return Reading()
    return Reading((judge(body, _read_movement, position=0),))


def read_activity(entry: Any) -> Received | Refused:
    """Read one entry of `/v1/activities`. Those that say the same have the same key; their uuids tell them apart."""
    return judge(entry, _read_activity, position=0)


def read_customer(entry: Any) -> Received | Refused:
    """Read one entry of `/v1/customers`: an account, and who owns it. Its key is the customer's, whatever it says."""
    return judge(entry, _read_customer, position=0)


def _read_movement(payload: dict[str, Any]) -> Received:
    if _lower(payload.get("type")) != "mrr_movement":
        raise RecordRefusedError("type", "It must be mrr_movement, the one event that ChartMogul's webhook sends.")
    customer = _object(payload, "customer")
    account = _account(customer)
    movement = _movement(payload, customer, account)
    key = _key(identifier(customer.get("uuid")), movement)
    return Received(
        kind="mrr_movement",
        dedupe_key=key,
        occurred_at=movement.occurred_at,
        facts=(account, named(movement, key)),
    )


def named(movement: MovementFact, key: str) -> MovementFact:
    """Give a movement its id, by which it is known however it comes and however long ago it came."""
    return movement.model_copy(update={"external_id": key})


def _key(customer_uuid: str | None, movement: MovementFact) -> str:
    """Name what tells one movement from another, since the webhook gives it no id. Activities have whole seconds."""
    composite = [
        customer_uuid or movement.account_external_id,
        movement.subscription_external_id,
        movement.occurred_at.replace(microsecond=0).isoformat(),
        movement.kind,
        movement.amount_minor,
    ]
    return f"mrr_movement:{digest(composite)}"


def _read_activity(entry: dict[str, Any]) -> Received:
    kind = _kind(entry, "type")
    currency, description = entry.get("currency"), Traits(entry).text("description", most=MOST_IN_TEXT)
    amount, after = (_minor(entry.get(name), currency) for name in ("activity-mrr-movement", "activity-mrr"))
    if not amount:
        raise RecordRefusedError("activity-mrr-movement", "It must be a whole number of cents, and not zero.")
    signed = _signed(kind, amount)
    values = {
        "account_external_id": identifier(entry.get("customer-external-id")) or identifier(entry.get("customer-uuid")),
        "account_name": Traits(entry).text("customer-name"),
        "kind": kind,
        "amount_minor": signed,
        "currency": currency or "",
        "mrr_before_minor": None if after is None else after - signed,
        "mrr_after_minor": after,
        **_plans(description),
        "description": description,
        "subscription_external_id": identifier(entry.get("subscription-external-id")),
        "occurred_at": entry.get("date"),
    }
    movement = make(MovementFact, values, paths=_ACTIVITY_PATHS)
    key = _key(identifier(entry.get("customer-uuid")), movement)
    return Received(kind="activity", dedupe_key=key, occurred_at=movement.occurred_at, facts=(movement,))


def _read_customer(entry: dict[str, Any]) -> Received:
    uuid = identifier(entry.get("uuid"))
    if uuid is None or len(uuid) > MOST_IN_NAME or not is_storable(uuid):
        raise RecordRefusedError("uuid", "It must be a text of at most 255 characters.")
    traits, described = Traits(entry), Traits(entry.get("attributes"))
    email, since = traits.email("email"), traits.instant("customer-since")
    values = {
        "external_id": _account_id(entry),
        "name": traits.text("name") or traits.text("company") or email,
        "email": email,
        "status": _status(entry),
        "website": traits.text("website_url"),
        "url": _link(traits.text("chartmogul-url", most=MOST_IN_TEXT)),
        "created_at": since,
        "attributes": _tags(described.left.get("tags")) | Traits(described.left.get("custom")).attributes(),
    }
    account = make(AccountFact, values, paths=_CUSTOMER_PATHS)
    facts: tuple[Fact, ...] = (account, *_owner(entry, account))
    return Received(kind="customer", dedupe_key=uuid, occurred_at=account.created_at or EARLIEST, facts=facts)


def _owner(entry: Mapping[str, Any], account: AccountFact) -> list[RoleFact]:
    """Read who owns the customer. Where ChartMogul does not say, nothing is known of it; null says that nobody does."""
    if "owner" not in entry:
        return []
    owner = entry["owner"]
    email = owner if isinstance(owner, str) and is_email(owner) else None
    return [RoleFact(account_external_id=account.external_id, role="owner", email=email)]


def _tags(tags: Any) -> dict[str, Any]:
    return Traits({"tags": tags}).attributes() if tags and isinstance(tags, list) else {}


def _link(text: str | None) -> str | None:
    return text if text and text.startswith(("https://", "http://")) else None


def _account(customer: Mapping[str, Any]) -> AccountFact:
    traits = Traits(customer)
    email = traits.email("email")
    values = {
        "external_id": _account_id(customer),
        "name": traits.text("name") or traits.text("company") or email,
        "email": email,
        "status": _status(customer),
        "attributes": Traits(customer.get("custom_attributes")).attributes(),
    }
    return make(AccountFact, values, paths=_ACCOUNT_PATHS)


def _status(customer: Mapping[str, Any]) -> AccountStatus | None:
    return _STATUSES.get(_lower(customer.get("status")).replace("_", " "))


def _account_id(customer: Mapping[str, Any]) -> str:
    others = customer.get("external_ids")
    candidates = [customer.get("external_id"), *(others if isinstance(others, list) else []), customer.get("uuid")]
    account_id = next((found for value in candidates if (found := identifier(value))), None)
    if account_id is None:
        raise RecordRefusedError("customer.external_id", "The customer has neither external_id nor uuid; send one.")
    return account_id


def _movement(payload: Mapping[str, Any], customer: Mapping[str, Any], account: AccountFact) -> MovementFact:
    kind = _kind(payload, "movement_type")
    currency = payload.get("account_currency")
    amount = _amount(payload, currency)
    signed = _signed(kind, amount)
    is_same_currency = _lower(customer.get("currency")) == _lower(currency)
    after = _minor(customer.get("current_mrr"), currency) if is_same_currency else None
    description = Traits(payload).text("description", most=MOST_IN_TEXT)
    values = {
        "account_external_id": account.external_id,
        "account_name": account.name,
        "kind": kind,
        "amount_minor": signed,
        "currency": currency or "",
        "mrr_before_minor": None if after is None else after - signed,
        "mrr_after_minor": after,
        **_plans(description),
        "description": description,
        "subscription_external_id": identifier(_object(payload, "subscription").get("external_id")),
        "occurred_at": payload.get("date"),
    }
    return make(MovementFact, values, paths=_MOVEMENT_PATHS)


def _kind(payload: Mapping[str, Any], field: str) -> MovementKind:
    kind = _KINDS.get(_lower(payload.get(field)))
    if kind is None:
        raise RecordRefusedError(field, f"It must be one of {', '.join(_KINDS)}.")
    return kind


def _signed(kind: MovementKind, amount: int) -> int:
    """Give a loss its sign, whichever way it came."""
    return abs(amount) if kind.is_gain else -abs(amount)


def _amount(payload: Mapping[str, Any], currency: Any) -> int:
    """Read the amount in the account's currency; the field without a currency in its name serves where both are one."""
    field = "mrr_movement_in_account_currency"
    if payload.get(field) is None and _lower(payload.get("invoice_currency")) in {"", _lower(currency)}:
        field = "movement_amount_in_cent"
    amount = _minor(payload.get(field), currency)
    if amount is None:
        raise RecordRefusedError("mrr_movement_in_account_currency", "It must be a whole number of cents.")
    if amount == 0:
        raise RecordRefusedError(field, "The amount is zero, so that MRR did not move.")
    return amount


def _minor(cents: Any, currency: Any) -> int | None:
    """Turn ChartMogul's hundredths, which it uses for every currency, into the currency's own minor units."""
    if not isinstance(cents, int) or isinstance(cents, bool):
        return None
    scaled: int = abs(cents) * 10 ** digits(currency.strip() if isinstance(currency, str) else "")
    return (scaled + 50) // 100 * (1 if cents >= 0 else -1)


def _plans(description: str | None) -> dict[str, str | None]:
    """Read the plan's name out of the sentence, which is the only place that has it."""
    switch = _SWITCH.fullmatch(description or "")
    if switch is not None:
        return {"plan": _name(switch["after"]), "plan_before": _name(switch["before"])}
    purchase = _PURCHASE.fullmatch(description or "")
    return {"plan": _name(purchase["after"]) if purchase is not None else None}


def _name(text: str) -> str | None:
    return Traits({"name": text}).text("name")


def _object(payload: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = payload.get(name)
    if value is None and name == "subscription":
        return {}
    if not isinstance(value, dict):
        raise RecordRefusedError(name, "It must be an object.")
    return value


def _lower(value: Any) -> str:
    return value.strip().lower() if isinstance(value, str) else ""

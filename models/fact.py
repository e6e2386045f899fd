"""A fact: what an event says, in our own words. Intake writes facts into the inbox; the scheduler applies them later.

A fact is checked when it comes in, so that whatever reads it later can rely on it: texts are stripped and can be stored
by PostgreSQL, instants are aware and in UTC, amounts carry the sign of their kind.

The models' JSON Schema is what `/openapi.json` promises senders: a field's docstring is its description there, and what
a validator asks for stands as a schema beside it.
"""

import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal

import orjson
from babel.numbers import list_currencies
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError, PydanticKnownError

from models.base import iso_text

MOST_ATTRIBUTES = 200
MOST_IN_NAME = 255
MOST_IN_TEXT = 2000
MOST_IN_ATTRIBUTE = 1000
LARGEST_AMOUNT = 10**15
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)

_SMALLEST_INTEGER, _LARGEST_INTEGER = -(2**63), 2**64 - 1
_FIRST_MILLISECONDS = 10**11
"""A number of seconds this large would lie in the year 5138, so it is read as milliseconds."""
_NUMBERS = (int, float)
_ZONE = re.compile(r"\s*(UTC|GMT)$")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")

Scalar = str | int | float | bool | None


class AccountStatus(StrEnum):
    """Where an account stands with us."""

    LEAD = "lead"
    CUSTOMER = "customer"
    CHURNED = "churned"


class MovementKind(StrEnum):
    """Why an account's MRR changed."""

    NEW_BUSINESS = "new_business"
    EXPANSION = "expansion"
    CONTRACTION = "contraction"
    CHURN = "churn"
    REACTIVATION = "reactivation"

    @property
    def is_gain(self) -> bool:
        """Say whether a movement of this kind raises MRR."""
        return self not in {MovementKind.CONTRACTION, MovementKind.CHURN}


class SignalKind(StrEnum):
    """What happened at an account."""

    JOB_CHANGE = "job_change"
    PROMOTION = "promotion"
    NEW_HIRE = "new_hire"
    FUNDING = "funding"
    CUSTOM = "custom"


def is_storable(text: str) -> bool:
    """Say whether both databases can store a text: PostgreSQL takes no NUL character and no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def is_email(text: str) -> bool:
    """Say whether a text can be an e-mail address; only sending to it would show that it is one."""
    return len(text.strip()) <= MOST_IN_NAME and _EMAIL.fullmatch(text.strip()) is not None


def read_instant(value: Any) -> datetime | None:
    """Read an instant in UTC from ISO 8601 in its many forms, or from Unix seconds or milliseconds; None if it is none.

    An instant without a zone is taken as UTC.
    """
    if isinstance(value, str):
        value = _parse_iso(value)
    elif isinstance(value, _NUMBERS) and not isinstance(value, bool):
        value = _parse_unix(value)
    if not isinstance(value, datetime):
        return None
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        return None


def _parse_iso(text: str) -> datetime | None:
    if text[4:5] == "-":  # Nearly all are well written, and then this is several times as fast.
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    plain = _ZONE.sub("Z", text.strip().upper())
    if plain.isdecimal() and len(plain) > len("YYYYMMDD"):
        return _parse_unix(int(plain[:20]))
    try:
        return datetime.fromisoformat(plain)
    except ValueError:
        return None


def _parse_unix(number: float) -> datetime | None:
    if not math.isfinite(number):
        return None
    seconds = number / 1000 if abs(number) >= _FIRST_MILLISECONDS else number
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None


@cache
def _currencies() -> frozenset[str]:
    return frozenset(list_currencies())


def _check_storable(value: Any) -> Any:
    if isinstance(value, str) and not is_storable(value):
        raise PydanticCustomError(
            "not_storable", "The text has a NUL character or half of a surrogate pair in it; take it out."
        )
    return value


def _blank_to_none(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _number_to_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _check_instant(value: Any) -> datetime:
    instant = value if isinstance(value, datetime) and value.tzinfo is UTC else read_instant(value)
    if instant is None:
        raise PydanticCustomError("not_an_instant", "It is not a time; send ISO 8601, such as 2026-11-20T14:02:00Z.")
    if not EARLIEST <= instant < LATEST:
        raise PydanticCustomError("instant_out_of_range", "The time must lie between 1990 and 2100.")
    return instant


def _check_email(value: Any) -> Any:
    if isinstance(value, str) and not is_email(value):
        raise PydanticCustomError("not_an_email", "It is not an e-mail address; send one, such as dana@example.com.")
    return value.lower() if isinstance(value, str) else value


def _check_link(value: Any) -> Any:
    if isinstance(value, str) and not re.match(r"https?://[^\s/]", value.strip(), re.IGNORECASE):
        raise PydanticCustomError("not_a_link", "It is not a web address; send one that begins with https://.")
    return value


def read_currency(value: Any) -> str | None:
    """Read a currency code of ISO 4217; None if it is none."""
    code = value.strip().upper() if isinstance(value, str) else None
    return code if code in _currencies() else None


def _check_currency(value: Any) -> Any:
    code = read_currency(value)
    if isinstance(value, str) and code is None:
        raise PydanticCustomError("not_a_currency", "It is not a currency code of ISO 4217, such as USD.")
    return value if code is None else code


def _check_scalar(value: Any) -> Any:
    if not isinstance(value, str | int | float | bool | None):
        raise PydanticCustomError("not_a_scalar", "An attribute is a text, a number, true, false or null.")
    if isinstance(value, float) and not math.isfinite(value):
        raise PydanticCustomError("not_finite", "NaN and infinity are no numbers that can be stored.")
    if isinstance(value, int) and not _SMALLEST_INTEGER <= value <= _LARGEST_INTEGER:
        raise PydanticCustomError("integer_too_large", "The number has more than 64 bits; send it as text.")
    return _check_attribute_text(value) if isinstance(value, str) else value


def _check_attribute_text(text: str) -> str:
    stripped: str = _check_storable(text.strip())
    if len(stripped) > MOST_IN_ATTRIBUTE:
        raise PydanticKnownError("string_too_long", {"max_length": MOST_IN_ATTRIBUTE})
    return stripped


ID_SCHEMA: dict[str, Any] = {
    "type": ["string", "integer"],
    "minLength": 1,
    "maxLength": MOST_IN_NAME,
    "minimum": _SMALLEST_INTEGER,
    "maximum": _LARGEST_INTEGER,
}
_EMAIL_SCHEMA = {"type": "string", "format": "email", "maxLength": MOST_IN_NAME}
_LINK_SCHEMA = {"type": "string", "format": "uri", "pattern": "^https?://", "maxLength": MOST_IN_TEXT}
_CURRENCY_SCHEMA = {"type": "string", "format": "iso-4217", "minLength": 3, "maxLength": 3}
_ATTRIBUTE_SCHEMA = {"type": ["string", "number", "boolean", "null"], "maxLength": MOST_IN_ATTRIBUTE}


def _unix_schema(unit: str, in_second: int) -> dict[str, Any]:
    first, end = (int(instant.timestamp()) * in_second for instant in (EARLIEST, LATEST))
    return {"type": "integer", "minimum": first, "maximum": end - 1, "description": f"Unix {unit}"}


INSTANT_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "format": "date-time"},
        {"type": "string", "format": "date"},
        _unix_schema("seconds", 1),
        _unix_schema("milliseconds", 1000),
    ]
}

_GAINS = [kind.value for kind in MovementKind if kind.is_gain]
_LOSSES = [kind.value for kind in MovementKind if not kind.is_gain]
_SIDES_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"properties": {"kind": {"enum": _GAINS}, "amount_minor": {"minimum": 1}}},
        {"properties": {"kind": {"enum": _LOSSES}, "amount_minor": {"maximum": -1}}},
    ]
}


def _one_schema(*names: str) -> dict[str, Any]:
    """Ask for one of these fields."""
    value = {"type": ["string", "integer"], "minLength": 1}
    return {"anyOf": [{"required": [name], "properties": {name: value}} for name in names]}


Storable = BeforeValidator(_check_storable)
Blank = BeforeValidator(_blank_to_none)

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MOST_IN_NAME), Storable]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=MOST_IN_TEXT), Storable]
ExternalId = Annotated[Name, BeforeValidator(_number_to_text), WithJsonSchema(ID_SCHEMA)]
Email = Annotated[Name, BeforeValidator(_check_email), WithJsonSchema(_EMAIL_SCHEMA)]
Link = Annotated[Text, BeforeValidator(_check_link), WithJsonSchema(_LINK_SCHEMA)]
Currency = Annotated[str, BeforeValidator(_check_currency), Storable, WithJsonSchema(_CURRENCY_SCHEMA)]
Instant = Annotated[datetime, BeforeValidator(_check_instant), WithJsonSchema(INSTANT_SCHEMA)]
Amount = Annotated[int, Field(strict=True, ge=-LARGEST_AMOUNT, le=LARGEST_AMOUNT)]
RoleName = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=60), Storable
]
AttributeKey = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), Storable]
AttributeValue = Annotated[Scalar, BeforeValidator(_check_scalar), WithJsonSchema(_ATTRIBUTE_SCHEMA)]
Attributes = Annotated[dict[AttributeKey, AttributeValue], Field(max_length=MOST_ATTRIBUTES)]

OptionalName = Annotated[Name | None, Blank]
OptionalText = Annotated[Text | None, Blank]
OptionalId = Annotated[ExternalId | None, Blank]
OptionalEmail = Annotated[Email | None, Blank]
OptionalLink = Annotated[Link | None, Blank]
OptionalInstant = Annotated[Instant | None, Blank]
OptionalStatus = Annotated[AccountStatus | None, Blank]


class _Fact(BaseModel):
    # An error is logged; what a customer sent has no place there.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True)


class AccountFact(_Fact):
    """What is known about a customer company. What is left out or null was not said, and changes nothing."""

    type: Literal["account"] = "account"
    external_id: ExternalId
    """Your id of the account."""
    name: OptionalName = None
    """What people call it."""
    status: OptionalStatus = None
    """Where the account stands with you."""
    sales_stage: OptionalName = None
    """Its stage in the CRM, such as Closed Lost."""
    domain: OptionalName = None
    """The domain of its website and e-mail, such as northwind.example."""
    email: OptionalEmail = None
    """Where the company is written to."""
    website: OptionalText = None
    """Its website."""
    description: OptionalText = None
    """A sentence about it."""
    url: OptionalLink = None
    """Where the account is found in the system that it lives in."""
    created_at: OptionalInstant = None
    """Since when it exists there."""
    attributes: Attributes = {}
    """Values of your own by their names, to be chosen for messages and filters; one of null is emptied."""


class ContactFact(_Fact):
    """What is known about a person, at an account or not yet. A user id, anonymous id or e-mail says who it is."""

    model_config = ConfigDict(json_schema_extra=_one_schema("user_id", "anonymous_id", "email"))

    type: Literal["contact"] = "contact"
    user_id: OptionalId = None
    """Your id of the person."""
    anonymous_id: OptionalId = None
    """The id of a visitor who is not known yet, such as Segment's."""
    email: OptionalEmail = None
    """The person's e-mail address."""
    name: OptionalName = None
    """The full name, which counts only where first and last name are both missing."""
    first_name: OptionalName = None
    """The first name."""
    last_name: OptionalName = None
    """The last name."""
    title: OptionalName = None
    """What the person is at the account, such as VP Finance."""
    phone: OptionalName = None
    """A telephone number."""
    twitter: OptionalName = None
    """The name at X."""
    linked_in: OptionalText = None
    """The profile at LinkedIn."""
    account_external_id: OptionalId = None
    """Your id of the account that the person belongs to."""
    account_name: OptionalName = None
    """That account's name, where it is new."""
    attributes: Attributes = {}
    """Values of your own by their names, to be chosen for messages and filters; one of null is emptied."""

    @model_validator(mode="after")
    def _check_identity(self) -> "ContactFact":
        _check_somebody(self.user_id, self.anonymous_id, self.email)
        return self


class AliasFact(_Fact):
    """That somebody who was known by one id goes by another from now on."""

    type: Literal["alias"] = "alias"
    previous_id: ExternalId
    user_id: ExternalId


class ErasureFact(_Fact):
    """That a person is to be forgotten, with all that was said of them until then."""

    type: Literal["erasure"] = "erasure"
    user_id: OptionalId = None
    anonymous_id: OptionalId = None
    email: OptionalEmail = None

    @model_validator(mode="after")
    def _check_identity(self) -> "ErasureFact":
        _check_somebody(self.user_id, self.anonymous_id, self.email)
        return self


def _check_somebody(*identities: str | None) -> None:
    if not any(identities):
        words = "Nobody can tell whose contact this is; send user_id, anonymous_id or email."
        raise PydanticCustomError("nobody", words, {"field": "user_id"})


class RoleFact(_Fact):
    """Who of us is what to an account, such as its owner. An e-mail of null says that nobody is."""

    type: Literal["role"] = "role"
    account_external_id: ExternalId
    """Your id of the account."""
    role: RoleName
    """What the colleague is to the account: owner, csm, or any other word of yours."""
    email: Email | None
    """Who it is, by the e-mail address in Slack; null says that nobody is."""
    name: OptionalName = None
    """The colleague's name."""


class RecordFact(_Fact):
    """What a CRM says of a company in its own words: which of our accounts that is has yet to be found out.

    What is left out was not said, and changes nothing. A role with an e-mail of None is nobody's, and a stage that is
    said to be None is one that the CRM has no more.
    """

    type: Literal["record"] = "record"
    external_id: ExternalId
    """The CRM's own id of the company."""
    account_external_id: OptionalId = None
    """Our account's external id, where the CRM has a field for it."""
    name: OptionalName = None
    domain: OptionalName = None
    sales_stage: OptionalName = None
    url: OptionalLink = None
    """Where the company is found in the CRM."""
    roles: dict[RoleName, Email | None] = {}
    """By the role, such as `owner`, the e-mail of who holds it."""
    attributes: Attributes = {}
    is_gone: bool = False
    """The CRM has it no more: what it said of roles and stage ends."""


class MovementFact(_Fact):
    """A change of an account's MRR, in minor units of its currency: above 0 for a gain, below 0 for a loss."""

    model_config = ConfigDict(json_schema_extra=_SIDES_SCHEMA)

    type: Literal["movement"] = "movement"
    external_id: OptionalId = None
    """Your id of the movement; id, where it is left out."""
    account_external_id: ExternalId
    """Your id of the account, where account is left out."""
    account_name: OptionalName = None
    """The account's name, where account is left out."""
    kind: MovementKind
    """Why the MRR changed."""
    amount_minor: Amount
    """The change of MRR in minor units: 42000 is $420.00 or ¥42,000. Above 0 for a gain, below 0 for a loss."""
    currency: Currency
    """A currency code of ISO 4217."""
    mrr_before_minor: Amount | None = None
    """The account's MRR before, in the same currency."""
    mrr_after_minor: Amount | None = None
    """The account's MRR after, in the same currency."""
    plan: OptionalName = None
    """The plan that it is about, or the new one."""
    plan_before: OptionalName = None
    """The plan before."""
    description: OptionalText = None
    """What changed, such as 12 → 16 seats."""
    subscription_external_id: OptionalId = None
    """Your id of the subscription."""
    url: OptionalLink = None
    """Where a click on the movement leads."""
    occurred_at: Instant
    """When it happened; without a zone it is UTC. More than a day before the source was added it is history."""

    @field_validator("amount_minor")
    @classmethod
    def _check_sign(cls, amount: int, info: ValidationInfo) -> int:
        kind: MovementKind | None = info.data.get("kind")
        if kind is not None and (amount == 0 or (amount > 0) != kind.is_gain):
            side = "above 0, since it is a gain" if kind.is_gain else "below 0, since it is a loss"
            raise PydanticCustomError(
                "wrong_sign", "For {kind} the amount must be {side}.", {"kind": kind.value, "side": side}
            )
        return amount


class SubscriptionFact(_Fact):
    """What a subscription is worth a month from its start on, until it ends, or until it is said to change.

    Of what is said of the same start, that of the latest `as_of` counts. One that ends as it begins is over then.
    """

    type: Literal["subscription"] = "subscription"
    external_id: ExternalId
    """Your id of the subscription."""
    account_external_id: ExternalId
    """Your id of the account, where account is left out."""
    account_name: OptionalName = None
    """The account's name, where account is left out."""
    mrr_minor: Annotated[Amount, Field(ge=0)]
    """What it is worth a month, in minor units; 0 is a free one, which keeps its account a customer."""
    currency: Currency
    """A currency code of ISO 4217."""
    starts_at: Instant
    """From when on it is worth that; a date is its midnight in UTC."""
    ends_at: OptionalInstant = None
    """When it ends, itself not included; left out or null, it goes on until you say otherwise."""
    as_of: Instant

    @field_validator("ends_at")
    @classmethod
    def _check_end(cls, end: datetime | None, info: ValidationInfo) -> datetime | None:
        start: datetime | None = info.data.get("starts_at")
        if end is not None and start is not None and end < start:
            raise PydanticCustomError("ends_first", "It ends before it starts.")
        return end


class SignalFact(_Fact):
    """Something worth a person's attention about an account, such as a new executive."""

    model_config = ConfigDict(json_schema_extra=_one_schema("person", "text"))

    type: Literal["signal"] = "signal"
    external_id: OptionalId = None
    """Your id of the signal; id, where it is left out."""
    account_external_id: ExternalId
    """Your id of the account, where account is left out."""
    account_name: OptionalName = None
    """The account's name, where account is left out."""
    kind: SignalKind
    """What happened."""
    person: OptionalName = None
    """Who it is about."""
    title: OptionalName = None
    """The person's title, in their new place."""
    text: OptionalText = None
    """What there is to say."""
    url: OptionalLink = None
    """Where the button Open leads."""
    occurred_at: Instant
    """When it happened; without a zone it is UTC."""

    @model_validator(mode="after")
    def _check_words(self) -> "SignalFact":
        if self.person is None and self.text is None:
            raise PydanticCustomError("nothing_said", "It says nothing; send person, or a text.", {"field": "text"})
        return self


class TrackFact(_Fact):
    """What somebody did in the product, as a Segment `track` call tells it; event messages are made of it."""

    type: Literal["track"] = "track"
    event: Name
    payload: dict[str, Any]
    """The call as templates see it: event, userId, anonymousId, timestamp, properties, context."""
    audience: OptionalName = None
    """The audience of Segment's that somebody entered or left by it."""
    occurred_at: Instant


Fact = Annotated[
    AccountFact
    | ContactFact
    | AliasFact
    | ErasureFact
    | RoleFact
    | RecordFact
    | MovementFact
    | SubscriptionFact
    | SignalFact
    | TrackFact,
    Field(discriminator="type"),
]

_FACTS: TypeAdapter[tuple[Fact, ...]] = TypeAdapter(tuple[Fact, ...], config=ConfigDict(hide_input_in_errors=True))


def read_facts(values: Sequence[dict[str, Any]]) -> tuple[Fact, ...]:
    """Read facts back from the JSON that `dump_facts` made. Raises pydantic's `ValidationError` for anything else."""
    return _FACTS.validate_python(tuple(values))


def dump_facts(facts: Iterable[Fact]) -> list[dict[str, Any]]:
    """Write facts as JSON-able dicts, without what was not said."""
    return [_dump(fact) for fact in facts]


def _dump(fact: Fact) -> dict[str, Any]:
    """Write a fact: its fields are flat and their values checked, so that this is all there is to do."""
    defaults = _defaults(type(fact))
    dumped: dict[str, Any] = {"type": fact.type}
    for name, value in vars(fact).items():
        if value != defaults[name]:
            dumped[name] = iso_text(value, orjson.OPT_UTC_Z) if isinstance(value, datetime) else value
    return dumped


@cache
def _defaults(fact: type[BaseModel]) -> dict[str, Any]:
    return {name: field.default for name, field in fact.model_fields.items()}

"""The part of a destination's form that says which movements are told, and what is shown with them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from handlers.views.blocks import AS_TYPED, MOST_OPTIONS, Block, Element, context, field, looked_up, option, text_input
from handlers.views.destination_answers import ACTIONS, ANY_ACCOUNT, CONDITIONS, DestinationForm, Field
from handlers.views.destinations import criterion_word
from models.attribute import label
from models.condition import LONGEST_VALUE, MOST_VALUES, About, Condition, Criterion, criterion
from models.fact import is_email, read_currency
from models.wish import MOST_ATTRIBUTES
from scheduler.messages import mrkdwn
from scheduler.messages.movement import KINDS

LONGEST_AMOUNT = 30
ATTRIBUTES = "destination_attributes"
"""The menu of attributes, whose choices are looked up."""


def filter_fields(filled_in: DestinationForm, holders: Mapping[str, str]) -> list[Block]:
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
    element = looked_up(ACTIONS.criterion, "Any account") | ({"initial_option": chosen} if chosen else {})
    text = "Only accounts where" if is_first else "And where"
    hint = "By plan, currency, country or any other attribute, or by who is the owner." if is_first else None
    asked = field(text, element, block_id=where.block_id, hint=hint, optional=True, dispatch=True)
    return [asked, _values(where, condition, holders)] if condition else [asked]


def _values(where: Field, condition: Condition, holders: Mapping[str, str]) -> Block:
    """Ask for the values of a criterion. Each has a block of its own, or Slack would keep another's values in it."""
    element = looked_up(ACTIONS.values, "Choose or type", many=True) | {"max_selected_items": MOST_VALUES}
    chosen = [option(holders.get(value, value), value) for value in condition.values[:MOST_VALUES]]
    if chosen:
        element["initial_options"] = chosen
    block_id = f"{where.block_id} {condition.criterion.key}"
    return field(f"{criterion_word(condition.criterion)} is", element, block_id=block_id, optional=True, dispatch=True)


def criterion_option(of: Criterion, *, word: str | None = None) -> Element:
    """Draw the choice of a criterion."""
    return option(word or criterion_word(of), of.key)


def offered_criteria(criteria: Sequence[Criterion], typed: str) -> list[Element]:
    """Offer criteria whose name holds what is typed, after the choice of none; two that read the same by their key."""
    words = [criterion_word(one) for one in criteria]
    named = [(one.key if words.count(word) > 1 else word, one) for one, word in zip(criteria, words, strict=True)]
    found = [(word, one) for word, one in named if _holds(typed, word, one.name) and can_be_offered(one.key)]
    every = [option("Any account", ANY_ACCOUNT), *(criterion_option(one, word=word) for word, one in found)]
    return every[:MOST_OPTIONS]


def offered_values(of: Criterion, known: Mapping[str, str], typed: str) -> list[Element]:
    """Offer known values that hold what is typed; and that itself, last, where none of them is just that."""
    wanted = mrkdwn.one_line(typed)
    found = {value: word for value, word in known.items() if _holds(wanted, word, value) and can_be_offered(value)}
    other = as_typed(of, wanted)
    if other and other not in known and can_be_offered(other):
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


def attribute_field(filled_in: DestinationForm, known: Sequence[str]) -> Block:
    """Ask for the attributes; those chosen before stay chosen even where nobody sends them any more."""
    keys = [key for key in filled_in.attribute_keys if can_be_offered(key)][:MOST_ATTRIBUTES]
    if not keys and not any(map(can_be_offered, known)):
        return context("*Attributes to show*: none yet. They can be chosen here once a source has sent some.")
    element = looked_up(ATTRIBUTES, "Choose attributes", many=True) | {"max_selected_items": MOST_ATTRIBUTES}
    if keys:
        element["initial_options"] = [option(word, key) for key, word in _attribute_words(keys, known)]
    hint = f"Up to {MOST_ATTRIBUTES}, shown under each movement."
    return field("Attributes to show", element, block_id=Field.ATTRIBUTES.block_id, hint=hint, optional=True)


def offered_attributes(known: Sequence[str], typed: str) -> list[Element]:
    """Offer the attributes whose name holds what is typed."""
    words = _attribute_words(known, known)
    found = [option(word, key) for key, word in words if _holds(typed, word, key) and can_be_offered(key)]
    return found[:MOST_OPTIONS]


def can_be_offered(key: str) -> bool:
    return bool(key) and mrkdwn.width(key) <= LONGEST_VALUE


def _attribute_words(keys: Iterable[str], known: Iterable[str]) -> list[tuple[str, str]]:
    """Name attributes in words, or as the source does where two would read the same."""
    shared = Counter(map(label, {*keys, *known}))
    return [(key, word if shared[word] == 1 else key) for key in keys for word in [label(key)]]

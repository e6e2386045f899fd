"""A mapping: which field or attribute a source's trait goes to, where that is not the one of its own name."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from models.base import UserError
from models.fact import AccountFact, ContactFact

Profile = AccountFact | ContactFact

LONGEST_NAME = 100

_NOT_MAPPED = {"type", "attributes", "external_id", "user_id", "anonymous_id"}
"""What says what a fact is about, and stays as it came."""


def fields(fact: type[Profile]) -> set[str]:
    """Give the fields that a trait can be mapped to."""
    return set(fact.model_fields) - _NOT_MAPPED


def mapped(fact: Profile, mappings: Mapping[str, Mapping[str, str]]) -> Profile:
    """Move a fact's traits where its source's mappings send them. One that doesn't fit there stays where it is."""
    for trait, target in mappings.get(fact.type, {}).items():
        fact = _moved(fact, trait, target)
    return fact


def _moved(fact: Profile, trait: str, target: str) -> Profile:
    known = fields(type(fact))
    attributes = dict(fact.attributes)
    value = attributes.pop(trait, None)
    values: dict[str, Any] = dict(vars(fact))
    if value is None and trait in known:
        value, values[trait] = values[trait], None
    if value is None:
        return fact
    if target in known:
        values[target] = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    else:
        attributes[target] = value
    try:
        return type(fact).model_validate(values | {"attributes": attributes})
    except ValidationError:
        return fact


def read(text: str) -> dict[str, str]:
    """Read mappings as people write them: one a line, `trait -> field or attribute`. Raises `UserError`."""
    lines = [line.replace("→", "->").strip() for line in text.replace("\0", "").splitlines()]
    return dict(_line(number, line) for number, line in enumerate(lines, start=1) if line)


def _line(number: int, line: str) -> tuple[str, str]:
    trait, arrow, target = (part.strip() for part in line.partition("->"))
    if not arrow or "->" in target:
        raise UserError(f"Line {number} needs one arrow: write it as “trait -> field”, such as “job -> title”.")
    if not (0 < len(trait) <= LONGEST_NAME and 0 < len(target) <= LONGEST_NAME):
        raise UserError(f"Line {number} needs a name of 1 to {LONGEST_NAME} characters on both sides of the arrow.")
    return trait, target


def written(mappings: Mapping[str, str]) -> str:
    """Write mappings as people do."""
    return "\n".join(f"{trait} -> {target}" for trait, target in mappings.items())

"""A mapping: which field or attribute a source's trait goes to, where that is not the one of its own name."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from models.fact import AccountFact, ContactFact

Profile = AccountFact | ContactFact

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

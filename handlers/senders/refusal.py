"""Why a record can't be taken: the field as the sender named it, and a sentence that the sender can act on."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

F = TypeVar("F", bound=BaseModel)

SENTENCES = {
    "missing": "It is missing; send it.",
    "extra_forbidden": "There is no such field; put a value of your own under attributes.",
    "int_type": "It must be a whole number of minor units, such as 42000 for $420.00.",
    "greater_than_equal": "The amount is beyond what Runrate keeps; check it.",
    "less_than_equal": "The amount is beyond what Runrate keeps; check it.",
    "string_type": "It must be text.",
    "string_too_short": "It is empty; send a value.",
    "string_too_long": "It is longer than {max_length} characters; shorten it.",
    "too_long": "It has more than {max_length} entries; send fewer.",
    "dict_type": "It must be an object of names and values.",
    "enum": "It must be {expected}.",
    "literal_error": "It must be {expected}.",
}
"""Pydantic's own error types in words; the errors of `models.fact` bring their sentence along."""


class RecordRefusedError(Exception):
    """The record can't be taken."""

    def __init__(self, field: str, reason: str) -> None:
        """Take the field's path in the record and the sentence that says what to do."""
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def make(fact: type[F], values: Mapping[str, Any], *, paths: Mapping[str, str]) -> F:
    """Make a fact. Raises `RecordRefusedError`, with the field as `paths` says that the sender calls it."""
    try:
        return fact.model_validate(values)
    except ValidationError as error:
        raise _refusal(error.errors(include_url=False, include_input=False)[0], paths) from error


def _refusal(error: ErrorDetails, paths: Mapping[str, str]) -> RecordRefusedError:
    context = error.get("ctx", {})
    first, *rest = [str(part) for part in error["loc"] if part != "[key]"] or [str(context.get("field", "record"))]
    sentence = SENTENCES.get(error["type"])
    field = ".".join(part for part in (paths.get(first, first), *rest) if part)
    return RecordRefusedError(field, sentence.format_map(context) if sentence else error["msg"])

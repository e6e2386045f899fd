"""Mappings: how people write them."""

import pytest

from models import mapping
from models.base import UserError


def test_mappings_are_read_as_they_are_written() -> None:
    mappings = {"job": "title", "profile.plan": "Plan of theirs", "a b": "name"}
    assert mapping.read(mapping.written(mappings)) == mappings
    assert mapping.read("\n job→title \r\n\n profile.plan   ->Plan of theirs\na b -> name") == mappings
    assert mapping.read(" \n") == {}


@pytest.mark.parametrize(
    ("text", "line"),
    [("job", 1), ("job -> title\njob ->", 2), ("-> title", 1), ("a -> b -> c", 1), (f"{'x' * 101} -> b", 1)],
)
def test_a_line_that_is_no_mapping_is_named(text: str, line: int) -> None:
    with pytest.raises(UserError, match=f"Line {line} "):
        mapping.read(text)

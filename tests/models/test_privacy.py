"""docs/privacy.md says of every column that could hold words about somebody whether it does."""

import re
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Column, String

from models import dossier, tables
from models.condition import About, Condition, Criterion
from models.database import Database
from models.filter import Filter
from tests import seeds
from tests.seeds import ACME

DOC = Path(__file__).parents[2] / "docs" / "privacy.md"
LONGEST_ID = 64
_NAMES_A_COLLEAGUE = re.compile(r"user_id|actor|target|\w+_by")
_NO_PERSON = {"asked_by", "told_by"}
"""These name what asked for a delivery, and which sources spoke of something."""


def could_name_somebody(column: Column[Any]) -> bool:
    """Say whether a column is wide enough for words, or by its name holds the id of a colleague."""
    is_wide = isinstance(column.type, JSON) or (
        isinstance(column.type, String) and (column.type.length or LONGEST_ID + 1) > LONGEST_ID
    )
    return is_wide or (_NAMES_A_COLLEAGUE.fullmatch(column.name) is not None and column.name not in _NO_PERSON)


def told(heading: str) -> set[str]:
    """Give the columns, each after its table, that stand in the table under a heading."""
    section = DOC.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", section, re.MULTILINE)
    return {f"{table}.{column}" for table, cells in rows for column in re.findall(r"`(\w+)`", cells)}


def test_each_column_that_could_name_somebody_stands_in_the_document() -> None:
    personal, other = told("Where people stand"), told("Where nobody stands")
    everything = {f"{table.name}.{column.name}" for table in tables.metadata.sorted_tables for column in table.columns}
    wanted = {
        f"{table.name}.{column.name}"
        for table in tables.metadata.sorted_tables
        for column in table.columns
        if could_name_somebody(column)
    }
    assert wanted - personal - other == set(), "say in docs/privacy.md whether these hold anything about people"
    assert personal | other <= everything, "docs/privacy.md speaks of columns that there are not"
    assert personal & other == set()


def test_an_export_looks_wherever_a_colleague_is_named() -> None:
    everywhere = {
        f"{table.name}.{column.name}"
        for table in tables.metadata.sorted_tables
        for column in table.columns
        if _NAMES_A_COLLEAGUE.fullmatch(column.name) and column.name not in _NO_PERSON
    }
    looked_at = {
        f"{table}.{column}"
        for places in (dossier.OF_COLLEAGUES, dossier.NAMING_COLLEAGUES)
        for table, columns in places.items()
        for column in columns
    }
    # Whoever installed for an organisation stands in the installation of each of its workspaces too.
    known_by_another_way = {"contacts.user_id", "lookups.user_id", "organisations.installed_by", "people.user_id"}
    assert everywhere - looked_at == known_by_another_way


async def test_an_export_tells_of_destinations_that_name_a_colleague_in_a_condition(database: Database) -> None:
    owner = Condition(Criterion(About.ROLE, "owner"), ("dana@acme.com",))
    made = await seeds.add_destination(database, "C1", filter=Filter(conditions=(owner,)))
    await seeds.add_destination(database, "C1", name="All")
    async with database.read() as session:
        found = await dossier.compile_for(session, ACME, "Dana@acme.com")
    assert found.colleague["destinations"] == [{"id": made.id, "name": made.name, "conditions": [owner.as_json()]}]

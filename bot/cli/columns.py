"""A CSV's columns: what each kind of fact takes, and how its cells become a record like those in JSON."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from models.base import UserError
from models.fact import AccountFact, ContactFact, MovementFact, RoleFact, SignalFact

FACTS: Mapping[str, type[AccountFact | ContactFact | RoleFact | MovementFact | SignalFact]] = {
    "account": AccountFact,
    "contact": ContactFact,
    "role": RoleFact,
    "movement": MovementFact,
    "signal": SignalFact,
}
ATTRIBUTE = "attributes."
WHOLE_NUMBER = re.compile(r"[+-]?\d{1,18}")


class ColumnsError(UserError):
    """The file's columns can't be used."""


def check(header: Sequence[str], kind: str) -> None:
    """Refuse a header that names a column twice, or one that this kind of fact doesn't have."""
    if "" in header:
        raise ColumnsError(f"Column {header.index('') + 1} has no name. Name it in the file's first line.")
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise ColumnsError(f"The file has two columns “{twice[0]}”. Take one of them out.")
    unknown = [name for name in header if name not in _columns(kind) and not _is_attribute(name, kind)]
    if unknown:
        raise ColumnsError(f"A file of {kind}s has no column “{unknown[0]}”. {_advice(kind)}")


def record(cells: Mapping[str, str], kind: str) -> dict[str, Any]:
    """Make a record of a row's cells. An empty cell was not said; a role without an e-mail is taken from its holder."""
    said = {name: cell.strip() for name, cell in cells.items() if cell.strip()}
    made: dict[str, Any] = {name: _value(name, cell) for name, cell in said.items() if not _is_attribute(name, kind)}
    attributes = {name.removeprefix(ATTRIBUTE): cell for name, cell in said.items() if _is_attribute(name, kind)}
    if attributes:
        made["attributes"] = attributes
    if kind == "role" and "email" in cells:
        made.setdefault("email", None)
    return made


def _columns(kind: str) -> list[str]:
    return [name for name in ("id", *FACTS[kind].model_fields, "occurred_at") if name != "attributes"]


def _is_attribute(name: str, kind: str) -> bool:
    return name.startswith(ATTRIBUTE) and "attributes" in FACTS[kind].model_fields


def _value(name: str, cell: str) -> Any:
    """Read a number of minor units; what is none stays text, and is refused as such."""
    return int(cell) if name.endswith("_minor") and WHOLE_NUMBER.fullmatch(cell) else cell


def _advice(kind: str) -> str:
    names = ", ".join(name for name in dict.fromkeys(_columns(kind)) if name != "type")
    if "attributes" in FACTS[kind].model_fields:
        return f"Name it {ATTRIBUTE}… to keep it as an attribute, or choose from: {names}."
    return f"Take it out, or choose from: {names}."

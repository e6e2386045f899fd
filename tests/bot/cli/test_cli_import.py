"""Imports: history comes in through the inbox, once, and nobody is told."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from models import account, delivery, destination, event, movement, role
from models.database import Database
from models.delivery import FactKind
from models.event import EventState
from models.recipient import RecipientKind
from models.wish import Wish
from scheduler.apply import apply_waiting

on_one_engine = pytest.mark.parametrize("engine_name", ["sqlite"])
"""For what does not depend on the database."""

MOVEMENTS = [
    {
        "external_id": f"mov_{number}",
        "account_external_id": "acct_1",
        "account_name": "Northwind Traders",
        "kind": "new_business" if number == 1 else "expansion",
        "amount_minor": 100 * number,
        "currency": "USD",
        "occurred_at": f"2026-10-{number:02}T09:00:00Z",
    }
    for number in (1, 2, 3)
]
BAD = {**MOVEMENTS[0], "external_id": "mov_bad", "kind": "churn"}


@pytest.fixture
def bring(run: Any, folder: Path) -> Any:
    """Give what writes a file and imports it."""

    async def brought(kind: str, content: Any, *args: str, name: str = "rows.json") -> Any:
        path = folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return await run("import", "--kind", kind, name, *args)

    return brought


def refused(folder: Path, name: str = "rows.json.refused.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / name).read_text().splitlines()]


def lines(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


async def test_an_import_is_history_of_which_only_its_bringer_hears(
    bring: Any, database: Database, acme: str, now: datetime
) -> None:
    async with database.write() as session:
        wish = Wish(name="Every movement", recipients=((RecipientKind.CHANNEL, "C0REVENUE"),))
        await destination.create(session, acme, wish, by="U0ADA", now=now)
    result = await bring("movements", MOVEMENTS, "--json")
    assert result.document == {"read": 3, "stored": 3, "duplicates": 0, "refused": 0, "refused_file": None}
    await apply_waiting(database, now=now)
    async with database.read() as session:
        [found] = await account.of_workspace(session, acme)
        told = await movement.of_workspace(session, acme)
        assert [one.fact_kind for one in await delivery.of_workspace(session, acme)] == [FactKind.HISTORY]
        assert await event.count_by_state(session, acme) == {
            "received": 3, "waiting": 0, "applied": 3, "refused": 0, "duplicate": 0,
        }  # fmt: skip
    assert (found.name, found.status, found.mrr_minor) == ("Northwind Traders", "customer", 600)
    assert [(one.amount_minor, one.is_history) for one, _ in told] == [(300, True), (200, True), (100, True)]


async def test_the_same_file_again_adds_nothing(bring: Any, database: Database, acme: str) -> None:
    unnamed = [{name: value for name, value in row.items() if name != "external_id"} for row in MOVEMENTS]
    for rows in (MOVEMENTS, unnamed):
        assert (await bring("movements", rows, "--json")).document["stored"] == 3
        again = (await bring("movements", rows, "--json")).document
        assert again == {"read": 3, "stored": 0, "duplicates": 3, "refused": 0, "refused_file": None}
    async with database.read() as session:
        assert await movement.count(session, acme) == 6
        counts = await event.count_by_state(session, acme)
    assert (counts["received"], counts["applied"], counts["duplicate"]) == (12, 6, 6)


async def test_an_id_too_long_for_its_column_is_still_known_again(bring: Any, acme: str) -> None:
    rows = [{**MOVEMENTS[0], "external_id": "m" * 255}]
    assert (await bring("movements", rows, "--json")).document["stored"] == 1
    assert (await bring("movements", rows, "--json")).document["duplicates"] == 1


async def test_what_the_file_says_of_an_account_is_so_again(bring: Any, database: Database, acme: str) -> None:
    """A weekly file may say again what it said two weeks ago, and then that is the truth."""

    async def name() -> str | None:
        async with database.read() as session:
            [found] = await account.of_workspace(session, acme)
        return found.name

    for said in ("Northwind", "Northwind Traders", "Northwind"):
        await bring("accounts", [{"external_id": "acct_1", "name": said}], "--json")
        assert await name() == said


async def test_bad_rows_are_refused_by_number_field_and_reason_and_the_good_are_kept(
    bring: Any, folder: Path, database: Database, acme: str
) -> None:
    stray = [7, {"external_id": "mov_9", "type": "account"}, {**MOVEMENTS[1], "amount_minor": "42"}]
    result = await bring("movements", [MOVEMENTS[0], BAD, *stray], "--json")
    assert result.document == {
        "read": 5, "stored": 1, "duplicates": 0, "refused": 4, "refused_file": "rows.json.refused.jsonl",
    }  # fmt: skip
    found = refused(folder)
    assert [(one["row"], one["line"], one["field"]) for one in found] == [
        (2, None, "amount_minor"),
        (3, None, "record"),
        (4, None, "type"),
        (5, None, "amount_minor"),
    ]
    assert found[0]["reason"] == "For churn the amount must be below 0, since it is a loss."
    assert found[0]["record"] == BAD
    assert found[2]["reason"] == "Its type is account; import it with --kind accounts."
    async with database.read() as session:
        assert await movement.count(session, acme) == 1
        assert await event.of_workspace(session, acme, state=EventState.REFUSED) == []


@on_one_engine
async def test_refused_rows_go_where_they_are_wanted(bring: Any, folder: Path, acme: str) -> None:
    args = ("--refused", "elsewhere.jsonl")
    result = await bring("movements", lines(MOVEMENTS[0], BAD), *args, name="rows.jsonl")
    assert "2 rows read: 1 stored, 0 known already, 1 refused." in result.words
    assert "elsewhere.jsonl" in result.words
    assert refused(folder, "elsewhere.jsonl")[0]["line"] == 2
    same = await bring("movements", [BAD], "--refused", "./rows.json")
    assert (same.exit_code, json.loads((folder / "rows.json").read_text())) == (2, [BAD])
    nowhere = await bring("movements", [BAD], "--refused", "no/such/folder.jsonl")
    assert nowhere.exit_code == 1
    assert "can't be written" in nowhere.stderr


@on_one_engine
async def test_where_every_row_is_refused_the_import_was_not_done(bring: Any, acme: str) -> None:
    result = await bring("movements", [BAD], "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["refused"] == 1
    assert result.stderr == "Every row was refused; rows.json.refused.jsonl says why.\n"


@on_one_engine
async def test_csv_json_lines_and_json_say_the_same(bring: Any, database: Database, acme: str) -> None:
    header = list(MOVEMENTS[0])
    rows = [";".join(str(row[name]) for name in header) for row in MOVEMENTS]
    csv = "\ufeff" + "\r\n".join([";".join(header), *rows, "", ";;;"]) + "\r\n"
    for content, name in ((csv, "a.csv"), (lines(*MOVEMENTS), "b.txt"), (json.dumps(MOVEMENTS), "c")):
        document = (await bring("movements", content, "--json", name=name)).document
        assert document["read"] == document["stored"] + document["duplicates"] == 3
    one_line, indented = json.dumps({"records": MOVEMENTS}), json.dumps({"records": MOVEMENTS}, indent=1)
    for content in (one_line, indented):
        assert (await bring("movements", content, "--json")).document["duplicates"] == 3
    async with database.read() as session:
        assert await movement.count(session, acme) == 3


@on_one_engine
async def test_a_csv_of_accounts_brings_attributes(bring: Any, database: Database, acme: str) -> None:
    csv = 'external_id,name,status,attributes.Country,attributes.Plan\n01,"Northwind, Inc",lead,Germany,\n2,,,,Scale\n'
    assert (await bring("accounts", csv, "--json", name="accounts.csv")).document["stored"] == 2
    async with database.read() as session:
        first, second = await account.of_workspace(session, acme)
    assert (first.external_id, first.name, first.attributes) == ("01", "Northwind, Inc", {"Country": "Germany"})
    assert (second.name, second.attributes) == (None, {"Plan": "Scale"})


async def test_a_csv_of_roles_gives_and_takes_them(bring: Any, database: Database, acme: str) -> None:
    header = "account_external_id,role,email\n"

    async def held() -> list[tuple[str, str]]:
        async with database.read() as session:
            [found] = await account.of_workspace(session, acme)
            return [(one.role, one.email) for one in await role.of_account(session, found.id)]

    await bring("roles", f"{header}acct_1,owner,dana@acme.com\nacct_1,csm,mei@acme.com\n", name="roles.csv")
    assert await held() == [("csm", "mei@acme.com"), ("owner", "dana@acme.com")]
    await bring("roles", f"{header}acct_1,csm,\n", name="roles.csv")
    assert await held() == [("owner", "dana@acme.com")]


async def test_contacts_come_in_with_their_account(bring: Any, database: Database, acme: str) -> None:
    rows = [{"email": "sofia@contoso.com", "account_external_id": "acct_1", "account_name": "Contoso"}]
    assert (await bring("contacts", rows, "--json")).document["stored"] == 1
    async with database.read() as session:
        [found] = await account.of_workspace(session, acme)
    assert found.name == "Contoso"


@on_one_engine
async def test_rows_of_a_csv_are_refused_by_their_line(bring: Any, folder: Path, acme: str) -> None:
    csv = "external_id,name\n1,One\n2,Two,too many\n,Three\n"
    await bring("accounts", csv, name="accounts.csv")
    found = refused(folder, "accounts.csv.refused.jsonl")
    assert [(one["row"], one["line"], one["field"], one["reason"]) for one in found] == [
        (2, 3, "row", "It has 3 cells, and the header has 2."),
        (3, 4, "external_id", "It is missing; send it."),
    ]


@on_one_engine
async def test_a_line_that_is_no_json_is_one_refused_row(bring: Any, folder: Path, acme: str) -> None:
    content = lines(MOVEMENTS[0]) + '{"external_id": "xoxb-planted-token\n' + lines(MOVEMENTS[1])
    assert (await bring("movements", content, "--json", name="rows.jsonl")).document["stored"] == 2
    [found] = refused(folder, "rows.jsonl.refused.jsonl")
    assert (found["row"], found["line"], found["reason"]) == (2, 2, "The line is not JSON.")
    assert "planted" not in json.dumps(found)


@pytest.mark.parametrize(
    ("kind", "content", "words"),
    [
        ("movements", "[1, 2", "is not JSON"),
        ("movements", '{\n"records": 3}', "“records” must be an array"),
        ("accounts", "external_id,Seats\n1,2\n", "A file of accounts has no column “Seats”. Name it attributes.…"),
        ("roles", "role,attributes.x\n1,2\n", "A file of roles has no column “attributes.x”. Take it out"),
        ("accounts", "external_id,external_id\n1,2\n", "two columns “external_id”"),
        ("accounts", "external_id,,name\n1,2,3\n", "Column 2 has no name"),
        ("accounts", 'external_id,name\n1,"open', "is no valid CSV at line 2"),
    ],
)
@on_one_engine
async def test_a_file_that_cannot_be_read_is_refused_as_a_whole(
    bring: Any, run: Any, acme: str, kind: str, content: str, words: str
) -> None:
    result = await bring(kind, content, "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert words in result.stderr
    assert (await run("accounts", "list", "--json")).document == []


@on_one_engine
async def test_a_file_in_another_encoding_is_refused(run: Any, folder: Path, acme: str) -> None:
    (folder / "old.csv").write_bytes("external_id,name\n1,Zürich\n".encode("latin-1"))
    result = await run("import", "--kind", "accounts", "old.csv")
    assert (result.exit_code, result.stderr) == (1, "old.csv is not in UTF-8. Save it as UTF-8 and import it again.\n")


@on_one_engine
async def test_an_empty_file_is_an_import_of_nothing(bring: Any, acme: str) -> None:
    for content in ("", "[]", "external_id,name\n"):
        assert (await bring("accounts", content, "--json")).document["read"] == 0


async def test_a_large_file_comes_in_by_chunks(bring: Any, database: Database, acme: str) -> None:
    rows = "".join(f"acct_{number},Account {number}\n" for number in range(501))
    result = await bring("accounts", f"external_id,name\n{rows}", "--json", name="accounts.csv")
    assert result.document["stored"] == 501
    async with database.read() as session:
        assert await account.count(session, acme) == 501


@on_one_engine
async def test_an_import_makes_the_database_but_needs_a_workspace(bring: Any, folder: Path, run: Any) -> None:
    (folder / "rows.json").write_text("[]")
    url = "sqlite+aiosqlite:///./runrate.db"
    result = await run("import", "--kind", "accounts", "rows.json", DATABASE_URL=url)
    assert result.exit_code == 1
    assert result.stderr.startswith("No workspace has installed Runrate yet.")

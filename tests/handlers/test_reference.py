"""The reference of the intake: the document and the page say the same, and both say all."""

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from handlers import pages, reference
from handlers.openapi import KINDS, document
from handlers.problem_json import KNOWN
from handlers.senders import tracking
from models.fact import AccountFact, MovementFact

HANDLERS = Path(reference.__file__).parent
DOCUMENT = document("https://runrate.example.com")
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
PAGE = unescape(pages.api_page(reference.describe(DOCUMENT)))
RAISED = re.compile(r'(?:Unreadable|CallRefusedError)\(\s*(\d{3}),\s*"(\w+)"')


def test_each_record_is_described_by_its_fact_and_what_only_a_record_has() -> None:
    assert set(SCHEMAS["Movement"]["properties"]) == {*MovementFact.model_fields, "id", "account"}
    assert set(SCHEMAS["Account"]["properties"]) == {*AccountFact.model_fields, "id", "occurred_at"}
    assert "as_of" not in SCHEMAS["Subscription"]["properties"]
    assert SCHEMAS["Movement"]["required"] == ["type", "kind", "amount_minor", "currency", "occurred_at"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_says_what_it_means(kind: str) -> None:
    for name, field in SCHEMAS[kind.capitalize()]["properties"].items():
        assert name == "type" or field["description"].endswith("."), name


@pytest.mark.parametrize(
    "name", [*map(str.capitalize, KINDS), *(f"{call.capitalize()}Call" for call in tracking.KINDS)]
)
def test_the_page_has_every_field_of_every_record_and_call(name: str) -> None:
    for field, schema in SCHEMAS[name]["properties"].items():
        assert f"<code>{field}</code>" in PAGE
        assert schema.get("description", "") in PAGE


def test_the_page_says_of_a_field_what_it_takes() -> None:
    movement = next(entry for entry in reference.describe(DOCUMENT).records if entry.name == "movement")
    takes = {field.name: (field.takes, field.is_required) for field in movement.fields}
    assert takes["kind"] == ("“new_business”, “expansion”, “contraction”, “churn” or “reactivation”", True)
    assert takes["account_external_id"] == ("text of up to 255 characters or whole number", False)
    assert takes["occurred_at"] == ("time", True)
    assert takes["currency"] == ("currency code", True)
    assert movement.needs == "One of account or account_external_id is needed."


def test_every_error_of_the_intake_is_explained_with_its_status() -> None:
    raised = {found for file in HANDLERS.glob("**/*.py") for found in RAISED.findall(file.read_text())}
    assert len(raised) > 10
    assert {(status, error) for status, error in raised if error in KNOWN} == raised
    assert all(KNOWN[error].status == int(status) for status, error in raised)


def test_a_problem_s_type_leads_to_its_line_on_the_page() -> None:
    for error, known in KNOWN.items():
        assert f'<div id="{error}">' in PAGE
        assert known.title in PAGE
        assert known.remedy in PAGE


def test_the_page_is_whole_and_its_links_lead_somewhere() -> None:
    ids = re.findall(r'id="([^"]+)"', PAGE)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', PAGE)) <= set(ids)
    assert set(re.findall(r'data-copy="([^"]+)"', PAGE)) <= set(ids)
    for tag in ("section", "dl", "dd", "pre", "p", "code", "nav"):
        assert len(re.findall(rf"<{tag}[ >]", PAGE)) == PAGE.count(f"</{tag}>"), tag
    assert "style=" not in PAGE
    assert PAGE.count("<script") == 1


def test_every_answer_of_an_operation_is_described() -> None:
    statuses = {path: set(methods["post"]["responses"]) for path, methods in DOCUMENT["paths"].items()}
    assert statuses["/in/{source_key}"] == {"200", "400", "404", "413", "415", "422", "503"}
    assert {frozenset(statuses[f"/v1/{call}"]) for call in tracking.CALLS} == {
        frozenset({"200", "400", "401", "413", "415", "503"})
    }


async def test_both_are_served() -> None:
    app = web.Application()
    reference.register(app, public_url="https://runrate.example.com")
    async with TestClient(TestServer(app)) as client:
        got = await client.get("/openapi.json")
        assert (got.content_type, json.loads(await got.text())) == ("application/json", DOCUMENT)
        assert unescape(await (await client.get("/api")).text()) == PAGE
        assert (await client.post("/api")).status == 405

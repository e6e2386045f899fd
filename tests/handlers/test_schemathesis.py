"""What `/openapi.json` promises holds: schemathesis sends what it allows, and what it doesn't, to a real server."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bot.app import Runrate
from handlers import pages
from handlers.intake import Intake, IntakeSource
from handlers.openapi import KINDS, document
from models import source
from models.event import EventOutcome
from models.source import SourceKind
from tests import seeds
from tests.stage import settings_for

IN = "/in/{source_key}"
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
FIRST, LAST = datetime(1990, 1, 2), datetime(2099, 12, 30)  # noqa: DTZ001 - "Z" is written behind them
FORMATS: dict[str, st.SearchStrategy[str]] = {
    "date": st.dates(FIRST.date(), LAST.date()).map(date.isoformat),
    "date-time": st.datetimes(FIRST, LAST).map(lambda one: f"{one.isoformat()}Z"),
    "iso-4217": st.sampled_from(["USD", "EUR", "JPY", "KWD"]),
    "uri": st.sampled_from(["https://a.example", "http://a.example/x?y=1#z"]),
}


@dataclass(frozen=True)
class Served:
    """A server, what it says of itself, and the keys that it knows."""

    address: str
    document: dict[str, Any]
    keys: dict[str, str]


def described(served: Served) -> BaseSchema:
    """Read the description, with the key in its place: what is not allowed is then always the body."""
    for name, strategy in FORMATS.items():
        openapi.format(name, strategy)
    config = SchemathesisConfig.discover()
    config.projects.default.generation.allow_x00 = False
    paths = {path: methods for path, methods in served.document["paths"].items() if path.startswith("/v1/")}
    send = {name: value for name, value in served.document["paths"][IN]["post"].items() if name != "parameters"}
    return openapi.from_dict(served.document | {"paths": paths | {records_path(served): {"post": send}}}, config=config)


def records_path(served: Served) -> str:
    return IN.replace("{source_key}", served.keys["api"])


def send_calls(served: Served, *, examples: int) -> None:
    """Send what schemathesis makes of each call of the tracking API. Raises where the answer is not as promised."""
    with requests.Session() as session:
        for result in described(served).get_all_operations():
            for mode in GenerationMode:
                send_some(result.ok().as_strategy(generation_mode=mode), served, session, mode, examples)


def send_records(served: Served, *schemas: str, examples: int) -> None:
    """Send what schemathesis makes of these schemas as records. Raises where the answer is not as promised."""
    with requests.Session() as session:
        for schema in schemas:
            body = served.document["paths"][IN]["post"]["requestBody"]
            body["content"] = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
            operation = described(served)[records_path(served)]["POST"]
            for mode in GenerationMode:
                send_some(operation.as_strategy(generation_mode=mode), served, session, mode, examples)


def send_some(
    cases: st.SearchStrategy[Case], served: Served, session: requests.Session, mode: GenerationMode, number: int
) -> None:
    @settings(
        max_examples=number,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def send(case: Case) -> None:
        case.headers = {"Authorization": f"Bearer {served.keys['segment']}"}
        if mode.is_positive:
            case.body = allowed(case.body)
        response = case.call(base_url=served.address, session=session)
        case.validate_response(response, checks=CHECKS)
        if case.path.startswith("/in/") and (mode.is_positive or not is_taken_all_the_same(case.body)):
            is_whole = response.status_code == 200 and not response.json()["refused"]
            assert is_whole == mode.is_positive, (mode, case.body, response.text)

    send()


def allowed(body: Any) -> Any:
    """Heed what the description says in words alone: whole numbers have no point, texts no blanks, ends come last."""
    match body:
        case dict():
            return {allowed(name): allowed(value) for name, value in body.items() if name != "ends_at"}
        case list():
            return [allowed(value) for value in body]
        case float() if body.is_integer():
            return int(body)
        case str():
            return body if body.strip() else "x"
        case _:
            return body


def is_taken_all_the_same(body: Any) -> bool:
    """Know what is taken although the schema forbids it: blanks, no records at all, an account that is named twice."""
    match body:
        case str():
            return body != body.strip() or not body
        case [] | {"account": _, "account_external_id": _}:
            return True
        case dict():
            return any(is_taken_all_the_same(child) for child in [*body, *body.values()])
        case list():
            return any(is_taken_all_the_same(child) for child in body)
        case _:
            return False


@asynccontextmanager
async def runrate(tmp_path: Path) -> AsyncIterator[Served]:
    """Start the app with a source of each of the two kinds."""
    configured = settings_for(f"sqlite+aiosqlite:///{tmp_path / 'runrate.db'}", slack_port=9)
    app = Runrate(configured, works=False)
    await app.start()
    await seeds.install(app.database)
    assert app.keyring is not None
    keys = {}
    async with app.database.write() as session:
        for kind in (SourceKind.API, SourceKind.SEGMENT):
            added = await source.add(
                session, seeds.ACME, kind=kind, name=kind, keyring=app.keyring, by="U0ADA", now=seeds.NOW
            )
            keys[str(kind)] = added[1]
    got = await asyncio.to_thread(requests.get, f"{configured.address}/openapi.json", timeout=10)
    yield Served(configured.address, got.json(), keys)
    await app.stop()


class AnyInbox:
    """An inbox that takes everything."""

    async def add(self, events: Any, /) -> list[EventOutcome]:
        return [EventOutcome.STORED for _ in events]


@asynccontextmanager
async def intake_alone(now: Callable[[], datetime]) -> AsyncIterator[Served]:
    async def find(key: str) -> IntakeSource | None:
        return IntakeSource("src_1", seeds.ACME, key)

    app = web.Application(middlewares=[pages.answer_errors(is_unavailable=lambda _error: False)])
    app.add_routes(Intake(find_source=find, inbox=AnyInbox(), now=now).routes())
    async with TestServer(app) as server:
        address = str(server.make_url("")).rstrip("/")
        yield Served(address, document(address), {"api": "api", "segment": "segment"})


async def test_the_server_takes_and_answers_what_its_description_says(tmp_path: Path) -> None:
    async with runrate(tmp_path) as served:
        described(served).validate()
        await asyncio.to_thread(send_calls, served, examples=5)
        await asyncio.to_thread(send_records, served, "Records", *map(str.capitalize, KINDS), examples=12)


async def test_a_server_that_fails_now_and_then_is_found_out() -> None:
    taken = []

    def now() -> datetime:
        taken.append(1)
        if len(taken) % 7 == 0:
            raise RuntimeError
        return seeds.NOW

    async with intake_alone(now) as served:
        with pytest.raises(FailureGroup) as caught:
            await asyncio.to_thread(send_records, served, "Movement", examples=20)
    assert "ServerError" in {type(failure).__name__ for failure in caught.value.exceptions}


@pytest.mark.parametrize("forgotten", ["anyOf", "oneOf", "required"])
async def test_a_description_that_promises_more_than_is_taken_is_found_out(forgotten: str) -> None:
    async with intake_alone(lambda: seeds.NOW) as served:
        del served.document["components"]["schemas"]["Movement"][forgotten]
        with pytest.raises(AssertionError, match="POSITIVE"):
            await asyncio.to_thread(send_records, served, "Movement", examples=20)


async def test_a_description_that_forbids_what_is_taken_is_found_out() -> None:
    async with intake_alone(lambda: seeds.NOW) as served:
        fields = served.document["components"]["schemas"]["Role"]["properties"]
        for one in ("account_external_id", "id", "name", "role"):
            fields[one]["maxLength"] = 3
        with pytest.raises(AssertionError, match="NEGATIVE"):
            await asyncio.to_thread(send_records, served, "Role", examples=60)

"""Intake over real HTTP: verify, read, hand over, answer."""

import asyncio
import base64
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import segment.analytics
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from handlers.intake import Intake, IntakeSource
from handlers.problem_json import KNOWN
from models.database import Database
from models.event import EventOutcome, EventState, NewEvent, of_workspace, store
from models.inbox import Inbox, InboxFullError
from tests.stage import both_engines

NOW = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)
KEYS = {"key-api": "api", "key-chartmogul": "chartmogul", "key-segment": "segment", "key-csv": "csv"}
MOVEMENT: dict[str, Any] = {
    "type": "movement",
    "id": "mv_1",
    "account": {"external_id": "acct_42", "name": "Northwind Traders"},
    "kind": "expansion",
    "amount_minor": 42000,
    "currency": "USD",
    "occurred_at": "2026-11-20T14:02:00Z",
}
IDENTIFY: dict[str, Any] = {"type": "identify", "messageId": "m-1", "userId": "u_1", "traits": {"email": "a@b.example"}}

Client = TestClient[web.Request, web.Application]


class RememberedEvents:
    """An inbox that simply remembers."""

    def __init__(self) -> None:
        self.events: list[NewEvent] = []
        self.error: Exception | None = None

    async def add(self, events: Sequence[NewEvent], /) -> list[EventOutcome]:
        if self.error is not None:
            raise self.error
        return [self._add(event) for event in events]

    def _add(self, event: NewEvent) -> EventOutcome:
        if any(known.key() == event.key() for known in self.events):
            return EventOutcome.DUPLICATE
        self.events.append(event)
        return EventOutcome.STORED


async def find_source(key: str) -> IntakeSource | None:
    kind = KEYS.get(key)
    return IntakeSource(id=f"src_{kind}", workspace_id="T0ACME", kind=kind) if kind else None


@asynccontextmanager
async def served(
    inbox: Any, *, find: Callable[[str], Awaitable[IntakeSource | None]] = find_source, inflates: bool = False
) -> AsyncIterator[Client]:
    app = web.Application()
    app.add_routes(Intake(find_source=find, inbox=inbox, now=lambda: NOW).routes())
    server = TestServer(app)
    await server.start_server(auto_decompress=inflates)
    async with TestClient(server) as client:
        yield client


@pytest.fixture
def inbox() -> RememberedEvents:
    return RememberedEvents()


@pytest.fixture
async def client(inbox: RememberedEvents) -> AsyncIterator[Client]:
    async with served(inbox) as client:
        yield client


def basic(user: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}


async def error_of(response: ClientResponse) -> tuple[int, str]:
    assert response.content_type == "application/problem+json"
    answer = await response.json()
    assert (answer["status"], answer["type"]) == (response.status, f"/api#{answer['error']}")
    assert answer["message"] == answer["detail"]
    assert answer["message"].endswith(".")
    assert KNOWN[answer["error"]].status == response.status
    assert answer["title"] == KNOWN[answer["error"]].title
    return response.status, answer["error"]


async def test_a_movement_is_stored_and_answered(client: Client, inbox: RememberedEvents) -> None:
    response = await client.post("/in/key-api", json=MOVEMENT)
    assert response.status == 200
    assert await response.json() == {"ok": True, "stored": 1, "duplicates": 0, "refused": []}
    (event,) = inbox.events
    assert (event.workspace_id, event.source_id, event.kind, event.dedupe_key) == (
        "T0ACME",
        "src_api",
        "movement",
        "movement:mv_1",
    )
    assert [fact["type"] for fact in event.facts] == ["account", "movement"]
    assert (event.received_at, event.raw, event.refusal) == (NOW, None, None)


async def test_the_same_record_again_is_a_duplicate(client: Client, inbox: RememberedEvents) -> None:
    await client.post("/in/key-api", json=MOVEMENT)
    response = await client.post("/in/key-api", json=MOVEMENT)
    assert await response.json() == {"ok": True, "stored": 0, "duplicates": 1, "refused": []}
    assert len(inbox.events) == 1


async def test_one_bad_record_among_good_ones_is_named(client: Client, inbox: RememberedEvents) -> None:
    bad = MOVEMENT | {"id": "mv_2", "amount_minor": "420"}
    response = await client.post("/in/key-api", json=[MOVEMENT, bad])
    assert response.status == 200
    reason = "It must be a whole number of minor units, such as 42000 for $420.00."
    assert await response.json() == {
        "ok": True,
        "stored": 1,
        "duplicates": 0,
        "refused": [{"record": 1, "id": "mv_2", "field": "amount_minor", "reason": reason}],
    }
    refused = inbox.events[1]
    assert refused.refusal is not None
    assert (refused.refusal.field, refused.refusal.reason) == ("amount_minor", reason)
    assert refused.raw == bad | {"account": bad["account"] | {"name": "[hidden]"}}


async def test_only_bad_records_are_422(client: Client, inbox: RememberedEvents) -> None:
    response = await client.post("/in/key-api", json={"records": [{"type": "movement"}, 5]})
    assert await error_of(response) == (422, "all_refused")
    answer = await response.json()
    assert (answer["ok"], answer["stored"], answer["duplicates"]) == (False, 0, 0)
    assert answer["detail"].startswith("All 2 records were refused. The first: account_external_id: It is missing")
    assert [(refused["record"], refused["field"]) for refused in answer["refused"]] == [
        (0, "account_external_id"),
        (1, "record"),
    ]
    assert len(inbox.events) == 2


async def test_a_record_corrected_under_the_same_id_is_taken(client: Client) -> None:
    await client.post("/in/key-api", json=MOVEMENT | {"currency": "?"})
    response = await client.post("/in/key-api", json=MOVEMENT)
    assert (await response.json())["stored"] == 1


@pytest.mark.parametrize("kind", ["chartmogul", "segment"])
async def test_a_vendor_gets_200_even_for_a_refused_payload(kind: str, client: Client, inbox: RememberedEvents) -> None:
    response = await client.post(f"/in/key-{kind}", json={"type": "unheard of"})
    assert response.status == 200
    assert (await response.json())["ok"] is False
    assert inbox.events[0].refusal is not None


@pytest.mark.parametrize("kind", ["chartmogul", "segment"])
async def test_a_connection_test_is_answered_and_stores_nothing(
    kind: str, client: Client, inbox: RememberedEvents
) -> None:
    response = await client.post(f"/in/key-{kind}", json={})
    assert (response.status, await response.json()) == (
        200,
        {"ok": True, "stored": 0, "duplicates": 0, "refused": []},
    )
    assert inbox.events == []


@pytest.mark.parametrize("key", ["nobodys", "key-csv", "k" * 500, "%C3%A9", "%00", "KEY-API"])
async def test_an_unknown_address_is_404(key: str, client: Client) -> None:
    assert await error_of(await client.post(f"/in/{key}", json=MOVEMENT)) == (404, "unknown_source")


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (b"", {}, (400, "not_json")),
        (b"no json", {}, (400, "not_json")),
        (b"[" * 100 + b"]" * 100, {}, (400, "nested_too_deep")),
        (b'"text"', {}, (400, "no_records")),
        (json.dumps([{}] * 1001).encode(), {}, (413, "too_many_records")),
        (b" " * (4 * 2**20 + 1), {}, (413, "too_large")),
        (gzip.compress(b" " * (4 * 2**20 + 1)), {"Content-Encoding": "gzip"}, (413, "too_large")),
        (zlib.compress(b" " * (4 * 2**20 + 1)), {"Content-Encoding": "deflate"}, (413, "too_large")),
        (b"\x1f\x8b junk that is no gzip", {"Content-Encoding": "gzip"}, (400, "broken_compression")),
        (gzip.compress(b"{}", mtime=0)[:-3], {"Content-Encoding": "gzip"}, (400, "broken_compression")),
        (b"{}", {"Content-Encoding": "compress"}, (415, "unknown_encoding")),
    ],
)
@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_a_body_of_which_nothing_can_be_taken(
    body: bytes, headers: dict[str, str], expected: tuple[int, str], client: Client, inbox: RememberedEvents
) -> None:
    assert await error_of(await client.post("/in/key-api", data=body, headers=headers)) == expected
    assert inbox.events == []


ODD_BODIES = [
    b"{}",
    b"[[]]",
    b'[null, true, 1.5, "text", []]',
    b'{"type": "movement", "type": "account", "external_id": 1, "external_id": "two"}',
    b'{"type": "account", "external_id": 123456789012345678901234567890}',
    b'{"type": "identify", "userId": 1e300, "traits": {"a": {"b": [{"c": -1e-300}]}}}',
    b'{"batch": [{"type": "track", "userId": "u", "event": "\\u0000"}, {"type": {}}], "context": 7}',
    b'{"type": "mrr_movement", "customer": [], "date": "-0001"}',
    b'{"records": [{"type": "role\\ud800"}]}',
    b'{"type": "Send Contact", "user_id": true, "company": {"id": NaN}}',
    '{"type": "account"}'.encode("utf-16"),
    '{"name": "é"}'.encode("latin-1"),
    b"\x00\x01\x02{}",
    b"type=movement&id=1",
    gzip.compress(b"{}"),
]
ODD_HEADERS = [
    {"Content-Type": "text/plain; charset=utf-16"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Content-Type": "nonsense; charset=nothing", "Content-Encoding": "GZIP"},
    {"Content-Type": "multipart/form-data", "Content-Encoding": "deflate"},
]


@pytest.mark.parametrize("path", ["/in/key-api", "/in/key-chartmogul", "/in/key-segment", "/v1/batch", "/v1/identify"])
async def test_no_odd_body_with_odd_headers_is_a_fault_of_ours(path: str, client: Client) -> None:
    for body in ODD_BODIES:
        for headers in ODD_HEADERS:
            response = await client.post(path, data=body, headers=basic("key-segment:") | headers)
            assert response.status in {200, 400, 422}, (body, headers)
            if response.status != 200:
                await error_of(response)


@pytest.mark.parametrize("inflates", [True, False])
@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("", bytes)])
async def test_a_compressed_body_is_read_whether_or_not_the_server_inflates(
    inflates: bool, encoding: str, compress: Callable[[bytes], bytes], inbox: RememberedEvents
) -> None:
    async with served(inbox, inflates=inflates) as client:
        response = await client.post(
            "/in/key-api", data=compress(json.dumps(MOVEMENT).encode()), headers={"Content-Encoding": encoding}
        )
        assert (response.status, (await response.json())["stored"]) == (200, 1)


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_a_bomb_is_refused_where_the_server_inflates(inbox: RememberedEvents) -> None:
    async with served(inbox, inflates=True) as client:
        bomb = gzip.compress(b" " * 2**26)
        response = await client.post("/in/key-api", data=bomb, headers={"Content-Encoding": "gzip"})
        assert await error_of(response) == (413, "too_large")


async def test_broken_compression_is_refused_where_the_server_inflates(inbox: RememberedEvents) -> None:
    async with served(inbox, inflates=True) as client:
        response = await client.post("/in/key-api", data=b"no gzip", headers={"Content-Encoding": "gzip"})
        assert await error_of(response) == (400, "broken_compression")


async def test_half_a_surrogate_pair_refuses_its_record_alone(client: Client) -> None:
    response = await client.post("/in/key-api", data=json.dumps([MOVEMENT, {"type": "account", "name": "\ud83d"}]))
    answer = await response.json()
    assert (answer["stored"], [refused["field"] for refused in answer["refused"]]) == (1, ["name"])


@pytest.mark.parametrize(
    ("headers", "written"),
    [
        (basic("key-segment:"), {}),
        (basic("key-segment"), {}),
        ({"Authorization": "Bearer key-segment"}, {}),
        ({}, {"writeKey": "key-segment"}),
        ({"Authorization": "Bearer an-oauth-token"}, {"writeKey": "key-segment"}),
    ],
)
async def test_the_tracking_api_takes_its_key_in_each_of_the_places(
    headers: dict[str, str], written: dict[str, str], client: Client, inbox: RememberedEvents
) -> None:
    response = await client.post("/v1/identify", json=IDENTIFY | written, headers=headers)
    assert (response.status, await response.json()) == (200, {"success": True})
    assert [(event.source_id, event.kind) for event in inbox.events] == [("src_segment", "identify")]


@pytest.mark.parametrize(
    ("headers", "body", "error"),
    [
        ({}, IDENTIFY, "wrong_key"),
        ({}, [], "wrong_key"),
        ({}, IDENTIFY | {"writeKey": 5}, "wrong_key"),
        (basic("wrong:"), IDENTIFY, "wrong_key"),
        (basic(":key-segment"), IDENTIFY, "wrong_key"),
        ({"Authorization": "Basic %%%"}, IDENTIFY, "wrong_key"),
        ({"Authorization": "Basic /////w=="}, IDENTIFY, "wrong_key"),
        ({"Authorization": "Digest key-segment"}, IDENTIFY, "wrong_key"),
        ({"Authorization": "Bearer"}, IDENTIFY, "wrong_key"),
        (basic("key-api:"), IDENTIFY, "wrong_kind"),
    ],
)
async def test_a_wrong_key_is_401(
    headers: dict[str, str], body: Any, error: str, client: Client, inbox: RememberedEvents
) -> None:
    response = await client.post("/v1/identify", json=body, headers=headers)
    assert response.headers["WWW-Authenticate"].startswith("Basic ")
    assert await error_of(response) == (401, error)
    assert inbox.events == []


@pytest.mark.parametrize("call", ["identify", "group", "track", "page", "screen", "alias"])
async def test_each_call_of_the_tracking_api_is_taken(call: str, client: Client, inbox: RememberedEvents) -> None:
    body = {"userId": "u_1", "groupId": "g_1", "event": "Signed In", "previousId": "a_1", "writeKey": "key-segment"}
    response = await client.post(f"/v1/{call}", json=body)
    assert (response.status, await response.json()) == (200, {"success": True})
    assert [event.kind for event in inbox.events] == [call]


@pytest.mark.parametrize("call", ["import", "identifyx", "batch/"])
async def test_no_other_call_is_there(call: str, client: Client) -> None:
    assert (await client.post(f"/v1/{call}", json={})).status == 404


async def test_an_event_over_32_kb_is_refused_and_listed_while_http_says_200(
    client: Client, inbox: RememberedEvents
) -> None:
    huge = {"type": "track", "event": "Big", "userId": "u_1", "properties": {"blob": "x" * 40_000}, "messageId": "m-2"}
    response = await client.post("/v1/batch", json={"batch": [IDENTIFY, huge]}, headers=basic("key-segment:"))
    assert (response.status, await response.json()) == (200, {"success": True})
    taken, refused = inbox.events
    assert taken.refusal is None
    assert refused.refusal is not None
    assert refused.refusal.reason == "It is larger than 32 KB; send fewer or shorter properties."
    assert refused.raw is not None
    assert list(refused.raw) == ["cut"]


async def test_a_batch_of_more_than_2500_events_is_413(client: Client, inbox: RememberedEvents) -> None:
    response = await client.post("/v1/batch", json={"batch": [IDENTIFY] * 2501}, headers=basic("key-segment:"))
    assert await error_of(response) == (413, "too_many_events")
    assert inbox.events == []


@pytest.mark.parametrize(
    ("error", "code"),
    [(InboxFullError(), "inbox_full"), (ConnectionRefusedError(), "unavailable"), (KeyError(), "unavailable")],
)
@pytest.mark.parametrize(
    ("path", "body"), [("/in/key-api", MOVEMENT), ("/v1/identify", IDENTIFY | {"writeKey": "key-segment"})]
)
async def test_what_is_not_stored_is_not_acknowledged(
    path: str, body: Any, error: Exception, code: str, client: Client, inbox: RememberedEvents
) -> None:
    inbox.error = error
    response = await client.post(path, json=body)
    assert int(response.headers["Retry-After"]) > 0
    assert await error_of(response) == (503, code)


async def test_a_database_that_can_not_look_up_the_key_is_503(inbox: RememberedEvents) -> None:
    async def find(key: str) -> IntakeSource | None:
        raise ConnectionRefusedError(key)

    async with served(inbox, find=find) as client:
        assert await error_of(await client.post("/in/key-api", json=MOVEMENT)) == (503, "unavailable")
        response = await client.post("/v1/identify", json=IDENTIFY, headers=basic("key-segment"))
        assert await error_of(response) == (503, "unavailable")


async def test_keys_are_neither_logged_nor_answered_nor_stored(client: Client, inbox: RememberedEvents) -> None:
    with capture_logs() as logs:
        answers = [
            await (await client.post("/in/key-api", json={"type": "key-less"})).text(),
            await (await client.post("/in/planted-key", json={})).text(),
            await (await client.post("/v1/track", json={"writeKey": "key-segment"})).text(),
            await (await client.post("/v1/track", json={"writeKey": "planted-key"})).text(),
        ]
        inbox.error = RuntimeError("key-segment")
        answers.append(await (await client.post("/v1/track", json={"writeKey": "key-segment"})).text())
    written = repr((logs, answers, inbox.events))
    assert "records_refused" in written
    assert "intake_unavailable" in written
    for key in ("key-api", "key-segment", "planted-key"):
        assert key not in written


@both_engines
async def test_events_reach_the_database(database: Database) -> None:
    inbox = Inbox(database)
    await inbox.start()
    async with served(inbox) as client:
        body = [MOVEMENT, MOVEMENT, {"type": "role"}, {"type": "account", "external_id": "nul\0"}]
        first = await (await client.post("/in/key-api", json=body)).json()
        again = await (await client.post("/in/key-api", json=body)).json()
    await inbox.close()
    assert (first["stored"], first["duplicates"], len(first["refused"])) == (1, 1, 2)
    assert (again["stored"], again["duplicates"], len(again["refused"])) == (0, 2, 2)
    async with database.read() as session:
        events = await of_workspace(session, "T0ACME")
    assert sorted(event.state for event in events) == [EventState.REFUSED, EventState.REFUSED, EventState.WAITING]


@both_engines
async def test_beyond_the_bounded_queue_a_call_is_refused_and_nothing_of_it_stored(database: Database) -> None:
    inbox = Inbox(database, most_waiting=3)
    await inbox.start()
    async with served(inbox) as client:
        async with database.write() as session:  # Somebody else is writing the same event, so that calls queue up.
            await store(
                session,
                [
                    NewEvent(
                        workspace_id="T0ACME",
                        source_id="src_api",
                        kind="movement",
                        dedupe_key="movement:0:0",
                        occurred_at=NOW,
                        received_at=NOW,
                    )
                ],
            )
            calls = [[MOVEMENT | {"id": f"{call}:{number}"} for number in range(3)] for call in range(3)]
            first = asyncio.create_task(client.post("/in/key-api", json=calls[0]))
            await asyncio.sleep(0.1)
            refused = [await client.post("/in/key-api", json=call) for call in calls[1:]]
        assert [await error_of(response) for response in refused] == [(503, "inbox_full")] * 2
        assert all(int(response.headers["Retry-After"]) > 0 for response in refused)
        assert (await first).status == 200
        again = await (await client.post("/in/key-api", json=calls[1])).json()
    await inbox.close()
    assert (again["stored"], again["duplicates"]) == (3, 0)
    async with database.read() as session:
        assert len(await of_workspace(session, "T0ACME")) == 6


async def test_a_caller_who_hangs_up_amid_the_body_stores_nothing_and_alarms_nobody(
    client: Client, inbox: RememberedEvents
) -> None:
    url = client.make_url("/in/key-api")
    with capture_logs() as logs:
        _reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(f"POST {url.path} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n[".encode())
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.transport.abort()
        await asyncio.sleep(0.05)
    assert (inbox.events, logs) == ([], [])


async def test_segments_own_library_is_served(client: Client, inbox: RememberedEvents) -> None:
    errors: list[Any] = []

    def send() -> None:
        library = segment.analytics.Client(
            "key-segment",
            host=str(client.make_url("")).rstrip("/"),
            sync_mode=True,
            on_error=lambda *a: errors.append(a),
        )
        library.identify("u_1", {"email": "Ada@Example.com", "company": {"id": "acct_42", "name": "Analytical"}})
        library.group("u_1", "acct_42", {"plan": "enterprise"})
        library.track("u_1", "Signed In")
        library.alias("a_1", "u_1")

    await asyncio.to_thread(send)
    assert errors == []
    assert [event.kind for event in inbox.events] == ["identify", "group", "track", "alias"]
    assert [event.refusal for event in inbox.events] == [None] * 4
    assert inbox.events[3].facts == [{"type": "alias", "previous_id": "a_1", "user_id": "u_1"}]
    assert inbox.events[0].facts[0] == {"type": "account", "external_id": "acct_42", "name": "Analytical"}

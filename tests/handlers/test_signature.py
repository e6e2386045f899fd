"""The signature of Segment's Webhook destination, over real HTTP: what it proves, and what it doesn't."""

import gzip
import hashlib
import hmac
import json
from typing import Any

import pytest
from aiohttp import ClientResponse

from handlers.intake import IntakeSource
from tests.handlers.test_intake import Client, RememberedEvents, inbox, served

__all__ = ["inbox"]

SECRET = "rrk_shared"
DELETE = {"type": "delete", "messageId": "d-1", "userId": "u_1", "timestamp": "2026-11-20T14:02:00.000Z"}
IDENTIFY = {"type": "identify", "messageId": "m-1", "userId": "u_1", "traits": {"name": "Zoë"}}


async def find_source(key: str) -> IntakeSource | None:
    kind = {"signed": "segment", "unsigned": "segment", "other": "api"}.get(key)
    secret = SECRET if key == "signed" else None
    return IntakeSource(id="src_1", workspace_id="T0ACME", kind=kind, shared_secret=secret) if kind else None


def sign(value: Any, *, secret: str = SECRET) -> str:
    """Sign as Segment does: the JSON of one event as JavaScript writes it."""
    return hmac.new(secret.encode(), written(value).encode(), hashlib.sha1).hexdigest()


def written(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


async def post(
    client: Client, body: Any, *, signature: str | None, key: str = "signed", **headers: str
) -> ClientResponse:
    content = (body if isinstance(body, str) else written(body)).encode()
    told = {"Content-Type": "application/json", **({"X-Signature": signature} if signature else {}), **headers}
    content = gzip.compress(content) if "Content-Encoding" in headers else content
    return await client.post(f"/in/{key}", data=content, headers=told)


@pytest.mark.parametrize("body", [DELETE, IDENTIFY, [DELETE], [DELETE, IDENTIFY]])
async def test_what_is_signed_is_taken(inbox: RememberedEvents, body: Any) -> None:
    first = body[0] if isinstance(body, list) else body
    async with served(inbox, find=find_source) as client:
        answer = await post(client, body, signature=sign(first).upper())
        assert (answer.status, (await answer.json())["refused"]) == (200, [])
    assert len(inbox.events) == (len(body) if isinstance(body, list) else 1)
    assert all(one.refusal is None for one in inbox.events)


async def test_a_signed_call_may_be_compressed_and_spaced(inbox: RememberedEvents) -> None:
    async with served(inbox, find=find_source) as client:
        spaced = f" [ {written(DELETE)} , {written(IDENTIFY)} ] "
        answer = await post(client, spaced, signature=sign(DELETE), **{"Content-Encoding": "gzip"})
        assert (await answer.json())["stored"] == 2


@pytest.mark.parametrize("signature", [sign(IDENTIFY), sign(DELETE, secret="another"), sign([DELETE]), "0" * 40, "zoë"])
async def test_nothing_of_a_call_with_a_wrong_signature_is_taken(inbox: RememberedEvents, signature: str) -> None:
    async with served(inbox, find=find_source) as client:
        answer = await post(client, [DELETE, IDENTIFY], signature=signature)
        assert (answer.status, (await answer.json())["error"]) == (401, "wrong_signature")
    assert inbox.events == []


@pytest.mark.parametrize("key", ["signed", "unsigned"])
async def test_what_is_not_signed_is_taken_and_never_deletes(inbox: RememberedEvents, key: str) -> None:
    async with served(inbox, find=find_source) as client:
        answer = await post(client, [DELETE, IDENTIFY], signature=None, key=key)
        [refused] = (await answer.json())["refused"]
    assert (answer.status, refused["record"], refused["id"], refused["field"]) == (200, 0, "d-1", "type")
    assert "shared secret" in refused["reason"]
    assert [(one.kind, one.refusal is None) for one in inbox.events] == [("delete", False), ("identify", True)]


async def test_of_a_batch_only_the_first_may_delete(inbox: RememberedEvents) -> None:
    """The signature covers nothing else: whoever knows the URL could add the second to a batch that they saw."""
    another = DELETE | {"messageId": "d-2", "userId": "u_2"}
    async with served(inbox, find=find_source) as client:
        answer = await post(client, [DELETE, another, IDENTIFY], signature=sign(DELETE))
        assert [one["id"] for one in (await answer.json())["refused"]] == ["d-2"]
    assert [(one.kind, one.refusal is None) for one in inbox.events] == [
        ("delete", True), ("delete", False), ("identify", True),
    ]  # fmt: skip


async def test_a_deletion_through_the_tracking_api_is_refused(inbox: RememberedEvents) -> None:
    """Its key stands in browsers."""
    async with served(inbox, find=find_source) as client:
        body = {"batch": [DELETE], "writeKey": "signed"}
        assert (await client.post("/v1/batch", json=body)).status == 200
        assert (await client.post("/v1/delete", json=DELETE | {"writeKey": "signed"})).status == 404
    assert [one.refusal is None for one in inbox.events] == [False]


async def test_the_header_means_nothing_to_other_kinds_of_source(inbox: RememberedEvents) -> None:
    record = {"type": "account", "external_id": "acme"}
    async with served(inbox, find=find_source) as client:
        assert (await post(client, record, signature="0" * 40, key="other")).status == 200

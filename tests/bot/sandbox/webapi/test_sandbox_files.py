"""Uploading files, and naming them in image blocks."""

from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.people import REVENUE

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)


async def upload(client: AsyncWebClient, content: bytes = PNG, *, name: str = "chart.png") -> str:
    announced = await client.files_getUploadURLExternal(filename=name, length=len(content))
    assert client.session is not None
    async with client.session.post(announced["upload_url"], data=content) as response:
        assert (response.status, await response.text()) == (200, f"OK - {len(content)}")
    return str(announced["file_id"])


async def test_a_file_is_announced_sent_and_completed(client: AsyncWebClient) -> None:
    file_id = await upload(client)
    completed = await client.files_completeUploadExternal(files=[{"id": file_id, "title": "MRR"}])
    assert (completed["files"][0]["id"], completed["files"][0]["title"]) == (file_id, "MRR")
    info = (await client.files_info(file=file_id))["file"]
    assert (info["mimetype"], info["size"], info["name"]) == ("image/png", len(PNG), "chart.png")


async def test_a_form_with_the_file_is_taken_too(client: AsyncWebClient, http: aiohttp.ClientSession) -> None:
    announced = await client.files_getUploadURLExternal(filename="chart.png", length=len(PNG))
    form = aiohttp.FormData()
    form.add_field("file", PNG, filename="chart.png")
    async with http.post(announced["upload_url"], data=form) as response:
        assert response.status == 200


async def test_other_bytes_than_were_announced_are_refused(client: AsyncWebClient, http: aiohttp.ClientSession) -> None:
    announced = await client.files_getUploadURLExternal(filename="chart.png", length=99)
    async with http.post(announced["upload_url"], data=PNG) as response:
        assert (response.status, await response.text()) == (400, f"99 bytes were announced, {len(PNG)} came.")
    async with http.post(f"{announced['upload_url']}x", data=PNG) as response:
        assert response.status == 404


@pytest.mark.parametrize(
    ("method", "arguments", "code"),
    [
        ("files.getUploadURLExternal", {"filename": "a", "length": 0}, "missing_argument"),
        ("files.getUploadURLExternal", {"filename": "a", "length": 10**9}, "file_upload_size_restricted"),
        ("files.getUploadURLExternal", {"filename": "a", "length": 1, "alt_txt": "x" * 1001}, "alt_txt_too_large"),
        ("files.completeUploadExternal", {"files": [{"id": "F404"}]}, "file_not_found"),
        ("files.completeUploadExternal", {"files": []}, "invalid_arguments"),
        ("files.info", {"file": "F404"}, "file_not_found"),
    ],
)
async def test_what_is_no_upload_is_refused(
    client: AsyncWebClient, refused: Any, method: str, arguments: dict[str, Any], code: str
) -> None:
    assert (await refused(client.api_call(method, json=arguments)))["error"] == code


async def test_a_file_is_shared_only_where_the_bot_is(client: AsyncWebClient, refused: Any) -> None:
    file_id = await upload(client)
    sharing = client.files_completeUploadExternal(files=[{"id": file_id, "title": "A"}], channel_id=REVENUE)
    assert (await refused(sharing))["error"] == "not_in_channel"
    await client.conversations_join(channel=REVENUE)
    await client.files_completeUploadExternal(files=[{"id": file_id, "title": "A"}], channel_id=REVENUE)
    [message] = (await client.conversations_history(channel=REVENUE))["messages"]
    assert message["files"][0]["id"] == file_id


async def test_an_image_names_only_a_picture_that_is_complete(client: AsyncWebClient, refused: Any) -> None:
    await client.conversations_join(channel=REVENUE)
    unfinished, text = await upload(client), await upload(client, b"a,b", name="rows.csv")
    await client.files_completeUploadExternal(files=[{"id": text, "title": "Rows"}])
    for file_id in (unfinished, text, "F404"):
        image = {"type": "image", "slack_file": {"id": file_id}, "alt_text": "A chart"}
        answer = await refused(client.chat_postMessage(channel=REVENUE, text="x", blocks=[image]))
        assert answer["response_metadata"]["messages"] == [
            "[ERROR] invalid slack file [json-pointer:/blocks/0/slack_file]"
        ]
        view = {"type": "home", "blocks": [image]}
        assert (await refused(client.views_publish(user_id="U0DANA", view=view)))["error"] == "invalid_arguments"
    await client.files_completeUploadExternal(files=[{"id": unfinished, "title": "Chart"}])
    image = {"type": "image", "slack_file": {"id": unfinished}, "alt_text": "A chart"}
    await client.chat_postMessage(channel=REVENUE, text="x", blocks=[image])


async def test_what_is_no_picture_is_given_to_be_saved_only(
    client: AsyncWebClient, http: aiohttp.ClientSession
) -> None:
    file_id = await upload(client, b"<script>alert(1)</script>", name="page.html")
    await client.files_completeUploadExternal(files=[{"id": file_id, "title": "Page"}])
    address = (await client.files_info(file=file_id))["file"]["url_private"]
    async with http.get(address) as response:
        assert response.headers["Content-Type"] == "application/octet-stream"
        assert response.headers["Content-Disposition"] == "attachment"
        assert "sandbox" in response.headers["Content-Security-Policy"]

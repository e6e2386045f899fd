"""Files: where an app sends the bytes of an upload, and where a browser fetches a picture from."""

from aiohttp import web

from bot.sandbox.methods.files import UPLOAD_PATH
from bot.sandbox.records import File
from bot.sandbox.state import Slack
from bot.sandbox.world import World

# Whoever can upload a file must not be able to run it as a page beside ours.
HARMLESS = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}


def add_routes(web_app: web.Application, world: World) -> None:
    files = Files(world.state)
    web_app.router.add_post(UPLOAD_PATH + "/{ticket}", files.take)
    web_app.router.add_get("/files-pri/{workspace}-{file}/{name}", files.give)


class Files:
    """Takes and gives the contents of files."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack

    async def take(self, request: web.Request) -> web.Response:
        """Take the bytes of an announced file, as the body itself or as a form's only file."""
        ticket = request.match_info["ticket"]
        file = next((one for one in self._slack.files.values() if one.ticket == ticket), None)
        if file is None or file.completed_at is not None:
            return web.Response(status=404, text="There is no such upload.")
        sent = await _bytes(request)
        if len(sent) != file.length:
            return web.Response(status=400, text=f"{file.length} bytes were announced, {len(sent)} came.")
        file.content = sent
        return web.Response(text=f"OK - {len(sent)}")

    async def give(self, request: web.Request) -> web.Response:
        """Give a picture to be shown, anything else to be saved."""
        file = self._slack.files.get(request.match_info["file"])
        if file is None or file.completed_at is None or file.content is None:
            return web.Response(status=404, text="There is no such file.")
        return web.Response(body=file.content, headers={**HARMLESS, **_described(file)})


def _described(file: File) -> dict[str, str]:
    if file.is_picture:
        return {"Content-Type": file.kind}
    return {"Content-Type": "application/octet-stream", "Content-Disposition": "attachment"}


async def _bytes(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    for value in (await request.post()).values():
        if isinstance(value, web.FileField):
            return value.file.read()
    return b""

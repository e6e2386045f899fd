"""The page."""

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from bot.sandbox.server import Sandbox


def add_routes(web_app: web.Application, sandbox: "Sandbox") -> None:
    """Nothing yet."""

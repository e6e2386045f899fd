"""Health: what a supervisor or a load balancer asks."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

DATABASE_PATIENCE_SECONDS = 2.0

logger = structlog.get_logger(__name__)


def register(
    app: web.Application, *, database: Callable[[], Awaitable[None]], patience: float = DATABASE_PATIENCE_SECONDS
) -> None:
    """Add `/healthz` (the process lives) and `/readyz` (it can work). `database` raises where it can't be reached."""

    async def show_ready(_request: web.Request) -> web.Response:
        try:
            await asyncio.wait_for(database(), patience)
        except Exception:
            # Whatever keeps the database from answering, the answer is the same, and its details stay in the log.
            logger.warning("database_unreachable", route="/readyz", exc_info=True)
            body = {
                "status": "unavailable",
                "database": "unreachable",
                "message": "The database doesn't answer. Check DATABASE_URL and that the database is running.",
            }
            return web.json_response(body, status=503, headers={"Retry-After": "5", "Cache-Control": "no-store"})
        return web.json_response({"status": "ready", "database": "ok"}, headers={"Cache-Control": "no-store"})

    app.router.add_get("/healthz", _show_alive)
    app.router.add_get("/readyz", show_ready)


async def _show_alive(_request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"}, headers={"Cache-Control": "no-store"})

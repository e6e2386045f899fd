"""serve, web and worker as whole processes: they start, say where they are, and stop when told to."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

on_one_engine = pytest.mark.parametrize("engine_name", ["sqlite"])
"""For what does not depend on the database."""

ROOT = Path(__file__).resolve().parents[3]
COMMAND = (sys.executable, "-c", "from bot.cli import main; main()")


@pytest.fixture
def port() -> int:
    """Give a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@asynccontextmanager
async def running(*args: str, env: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        *args,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def said(process: asyncio.subprocess.Process, words: str) -> str:
    assert process.stderr is not None
    heard = ""
    async with asyncio.timeout(20):
        while line := (await process.stderr.readline()).decode():
            heard += line
            if words in line:
                return heard
    raise AssertionError(f"{words!r} was never said: {heard}")


async def stopped(process: asyncio.subprocess.Process, by: signal.Signals) -> str:
    process.send_signal(by)
    async with asyncio.timeout(20):
        out, error = await process.communicate()
    assert process.returncode == 0, error.decode()
    assert out == b""
    return error.decode()


async def test_serve_makes_the_database_answers_and_stops(settings: dict[str, str], port: int) -> None:
    async with running("serve", env={**settings, "PORT": str(port)}) as process:
        heard = await said(process, "Ctrl-C stops it")
        assert f"Runrate is at https://runrate.test, listening on 127.0.0.1:{port}." in heard
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/readyz") as answer:
            assert answer.status == 200
        heard += await stopped(process, signal.SIGTERM)
    assert "Traceback" not in heard
    assert "planted" not in heard


@on_one_engine
@pytest.mark.parametrize(("part", "serves"), [("web", True), ("worker", False)])
async def test_the_parts_run_apart(settings: dict[str, str], port: int, part: str, serves: bool) -> None:
    async with running(part, env={**settings, "PORT": str(port)}) as process:
        await said(process, "Ctrl-C stops it")
        with socket.socket() as probe:
            assert (probe.connect_ex(("127.0.0.1", port)) == 0) is serves
        await stopped(process, signal.SIGTERM)


@on_one_engine
async def test_without_settings_serve_says_what_is_missing_and_runs(port: int, database_url: str) -> None:
    async with running("serve", env={"PORT": str(port), "DATABASE_URL": database_url}) as process:
        heard = await said(process, "Ctrl-C stops it")
        assert "Nobody can install before these are set: SLACK_CLIENT_ID" in heard
        await stopped(process, signal.SIGINT)


@on_one_engine
async def test_a_port_that_is_taken_is_named_in_one_sentence(settings: dict[str, str], port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        async with running("serve", env={**settings, "PORT": str(port)}) as process:
            _, error = await process.communicate()
    assert process.returncode == 1
    assert f"Can't listen on 127.0.0.1:{port}" in error.decode()
    assert "Traceback" not in error.decode()


@on_one_engine
async def test_a_worker_without_keys_would_do_nothing_and_does_not_start(run: Any) -> None:
    result = await run("worker", RUNRATE_SECRET_KEYS="")
    assert result.exit_code == 1
    assert result.stderr == "RUNRATE_SECRET_KEYS is empty. Make a key with: runrate keys new\n"

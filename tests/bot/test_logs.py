"""Logs say what happened and never a secret, whatever it is hidden in."""

import json
import logging
import sqlite3
import traceback

import pytest
import structlog
from asyncpg import PostgresError
from sqlalchemy.exc import IntegrityError

from bot import logs

SECRETS = [
    "xoxb-111-222-abcDEF",
    "xoxe.xoxp-1-abc",
    "xapp-1-A1-2-abc",
    "rrk_wVb2bJ3l-_x",
    "whsec_c2VjcmV0",
    "rk_live_51Habcdef",
    "gAAAAABmabc_-def==",
    "https://hooks.slack.com/commands/T1/2/abcDEF",
    "Bearer abcdefgh12345678",
    "Basic YWxhZGRpbjpvcGVu",
    "postgresql://runrate:pa55word@db/runrate",
]
HIDDEN_PARTS = [
    "abcDEF",
    "xoxp-1-abc",
    "A1-2-abc",
    "wVb2bJ3l",
    "c2VjcmV0",
    "51Habcdef",
    "ABmabc_",
    "T1/2/abcDEF",
    "abcdefgh12345678",
    "YWxhZGRpbjpvcGVu",
    "pa55word",
]


pytestmark = pytest.mark.usefixtures("own_logging")


class Holder:
    """Something whose representation has a secret in it."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def __repr__(self) -> str:
        return f"Holder({self.secret})"


def fail(message: str) -> None:
    raise ValueError(message)


@pytest.mark.parametrize("log_format", ["json", "text"])
@pytest.mark.parametrize(("secret", "part"), list(zip(SECRETS, HIDDEN_PARTS, strict=True)))
def test_a_secret_is_hidden_wherever_it_stands(
    capsys: pytest.CaptureFixture[str], log_format: str, secret: str, part: str
) -> None:
    logs.configure(level="debug", log_format=log_format)
    log = structlog.get_logger()
    log.info("said", answer=f"it was {secret}, and more")
    log.info("nested", body={"list": [{"deep": f"x {secret}"}], "pair": (secret, 1)})
    log.info("held", held=Holder(secret))
    logging.getLogger("anything").error("a library says %s", secret)
    logging.getLogger("anything").warning("with %s", Holder(secret))
    try:
        fail(f"it was {secret}")
    except ValueError as error:
        log.exception("failed")
        log.warning("failed_too", exc_info=error)
        logging.getLogger("anything").exception("a library failed")
    lines = capsys.readouterr().err
    assert part not in lines
    assert lines.count("ValueError") >= 3
    assert "[hidden]" in lines


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_fields_that_are_secrets_by_their_name_are_hidden_whatever_they_hold(
    capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    logs.configure(log_format=log_format)
    names = ["token", "client_secret", "password", "Authorization", "api_key", "writeKey", "Cookie", "refresh_tokens"]
    structlog.get_logger().info("said", **dict.fromkeys(names, "planted"), body={"access_token": "planted", "n": 1})
    structlog.get_logger().info("listed", tokens=["planted", {"deep": {"secret": b"planted"}}], lane_token=7)
    lines = capsys.readouterr().err
    assert "planted" not in lines
    assert "7" in lines


def test_a_line_of_json_stays_json_and_keeps_what_is_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(log_format="json")
    structlog.get_logger().info("said", url="http://127.0.0.1:3000", at="here@once", token="xoxb-1")
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"], line["token"]) == ("said", "info", "[hidden]")
    assert (line["url"], line["at"]) == ("http://127.0.0.1:3000", "here@once")
    assert line["timestamp"].endswith("Z")


ADA = "Ada Lovelace"


def break_a_rule_of_the_database(name: str) -> None:
    """Fail as SQLAlchemy does, with the words of asyncpg in which a row is quoted."""
    broken = {"S": "ERROR", "C": "23505", "M": f"duplicate key: {name}", "D": f"Key ({name})", "n": "uq_contacts"}
    try:
        raise PostgresError.new(broken)
    except PostgresError as error:
        raise IntegrityError("INSERT", {"name": name}, error) from error


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_of_an_error_the_kind_and_the_place_are_written_and_no_word_that_quotes_somebody(
    capsys: pytest.CaptureFixture[str], log_format: str
) -> None:
    logs.configure(level="debug", log_format=log_format)
    for failing in (fail, {}.__getitem__, int, break_a_rule_of_the_database):
        try:
            failing(ADA)
        except (ValueError, KeyError, IntegrityError) as error:
            structlog.get_logger().exception("failed")
            logging.getLogger("anything").exception("a library failed")
            structlog.get_logger().error("failed_in", exc_info=ExceptionGroup(ADA, [error]))
    logging.getLogger("asyncio").error("never retrieved: ValueError('ada@acme.io')")
    lines = capsys.readouterr().err
    assert not [word for word in ("Ada", "ada", "Lovelace") if word in lines]
    assert lines.count("23505 uq_contacts") == 3
    assert lines.count("raise ValueError(message)") >= 3
    assert "KeyError" in lines


def test_an_error_of_the_system_is_written_in_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(log_format="text")
    try:
        sqlite3.connect(":memory:").execute("SELECT missing")
    except sqlite3.Error:
        structlog.get_logger().exception("failed")
    structlog.get_logger().error("failed", exc_info=ConnectionRefusedError(111, "Connect call failed"))
    lines = capsys.readouterr().err
    assert "OperationalError: no such column: missing" in lines
    assert "Connect call failed" in lines


def test_the_words_of_an_error_would_be_found(capsys: pytest.CaptureFixture[str]) -> None:
    """The broken variant: an error as Python writes it."""
    logs.configure(log_format="json")
    try:
        fail(ADA)
    except ValueError:
        structlog.get_logger().error("failed", written=traceback.format_exc())
    assert ADA in capsys.readouterr().err


def test_logs_go_to_stderr_and_libraries_speak_only_when_something_is_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure(level="debug", log_format="json")
    logging.getLogger("slack_sdk.web.async_base_client").setLevel(logging.DEBUG)  # As Bolt does with its own.
    for name in ("slack_sdk.web.async_base_client", "aiohttp.access", "sqlalchemy.engine.Engine"):
        logging.getLogger(name).debug("chatter")
        logging.getLogger(name).info("chatter")
        logging.getLogger(name).warning("trouble")
    structlog.get_logger().debug("ours")
    output = capsys.readouterr()
    assert output.out == ""
    assert "chatter" not in output.err
    assert output.err.count("trouble") == 3
    assert "ours" in output.err


def test_what_is_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(level="warning", log_format="json")
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == ["loud"]

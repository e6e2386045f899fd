"""Logs: static event names with ids as fields, to stderr, and never a secret or anything about people.

Every line passes here, the libraries' too. Fields that are secrets by their name are hidden while the line is still
data; what looks like a token, a source's key or an e-mail address is taken out of the finished line, wherever it
stands. Of an error the kind and the place are written, without its words: they may quote what somebody sent.
"""

import logging
import re
import sqlite3
import sys
import traceback
from collections.abc import Iterator
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

SECRETS = re.compile(
    r"xox[a-z]-[\w-]+|xoxe\.[\w.-]+|xapp-[\w-]+|rrk_[\w-]+|gAAAAA[\w=-]+|(?<=hooks\.slack\.com/)[\w/-]+"
    r"|whsec_\w+|[rs]k_(?:live|test)_\w+"
    r"|(?i:(?<=bearer )|(?<=basic ))[\w.~+/=-]{8,}|(?<=://)[^\s/:@\"]+:[^\s/@\"]+(?=@)"
    r"|[\w.+%-]+@[\w-]+(?:\.[\w-]+)+"
)
"""Slack's tokens and webhooks, our sources' keys, sealed secrets, credentials in a header, a password in a URL, and
e-mail addresses."""

HIDDEN_FIELDS = re.compile(r"(?i)token|secret|password|authorization|api_?key|write_?key|cookie")
HIDDEN = "[hidden]"
NOISY = ("slack_bolt", "slack_sdk", "aiohttp", "apscheduler", "sqlalchemy", "alembic", "asyncio", "aiosqlite")


def hide_fields(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Hide the fields of a log line that are secrets by their name, however deep they lie."""
    return {key: _hide(key, value) for key, value in event.items()}


def _hide(key: object, value: Any) -> Any:
    if isinstance(value, dict):
        return {inner: _hide(inner, one) for inner, one in value.items()}
    if isinstance(value, list):
        return [_hide(key, one) for one in value]
    return HIDDEN if isinstance(value, str | bytes) and HIDDEN_FIELDS.search(str(key)) else value


def hide_secrets(_logger: WrappedLogger, _method: str, line: str) -> str:
    """Take secrets out of a finished log line."""
    return SECRETS.sub(HIDDEN, line)


def configure(*, level: str = "info", log_format: str = "auto") -> None:
    """Send every log line to stderr, as JSON or for people. The libraries speak only when something is wrong."""
    is_json = log_format == "json" or (log_format == "auto" and not sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    closing: list[Any] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        hide_fields,
        *(_json_line() if is_json else _line_for_people()),
        hide_secrets,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_is_worth_saying)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=closing))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _is_worth_saying(record: logging.LogRecord) -> bool:
    """Keep the libraries quiet where their own level doesn't: Bolt gives its loggers that of the root."""
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] not in NOISY


def _json_line() -> list[Any]:
    return [structlog.processors.ExceptionRenderer(told), structlog.processors.JSONRenderer()]


def _line_for_people() -> list[Any]:
    """Draw tracebacks plainly: those with colours also print every local variable, tokens among them."""

    def plain(file: TextIO, error: ExcInfo) -> None:
        file.write("\n" + told(error))

    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]


def told(exc_info: ExcInfo) -> str:
    """Write an error down with what led to it."""
    return "".join(_parts(exc_info[1], set())).rstrip()


def _parts(error: BaseException, known: set[int]) -> Iterator[str]:
    known.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    others = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for one in (before, *others):
        if one is not None and id(one) not in known:
            yield from _parts(one, known)
            yield "\nwhich led to\n\n"
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(error.__traceback__)
    yield ": ".join(filter(None, [type(error).__qualname__, _words(error)])) + "\n"


def _words(error: BaseException) -> str:
    """Give those of an error's words that quote nobody: the system's, SQLite's, and PostgreSQL's and Slack's codes."""
    if isinstance(error, OSError | sqlite3.Error):
        return str(error)
    answer = getattr(getattr(error, "response", None), "data", None)
    codes = [getattr(error, "sqlstate", None), getattr(error, "constraint_name", None)]
    return " ".join(str(code) for code in [*codes, answer.get("error") if isinstance(answer, dict) else None] if code)

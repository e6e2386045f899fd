"""Logs: static event names with ids as fields, to stderr, and never a secret.

Every line passes here, the libraries' too. Fields that are secrets by their name are hidden while the line is still
data; what looks like a token or a source's key is taken out of the finished line, wherever it stands: in a message, in
something that a field merely contains, or in a traceback.
"""

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

SECRETS = re.compile(
    r"xox[a-z]-[\w-]+|xoxe\.[\w.-]+|xapp-[\w-]+|rrk_[\w-]+|gAAAAA[\w=-]+|(?<=hooks\.slack\.com/)[\w/-]+"
    r"|(?i:(?<=bearer )|(?<=basic ))[\w.~+/=-]{8,}|(?<=://)[^\s/:@\"]+:[^\s/@\"]+(?=@)"
)
"""Slack's tokens and webhooks, our sources' keys, sealed secrets, credentials in a header, and a password in a URL."""

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
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _line_for_people() -> list[Any]:
    """Draw tracebacks plainly: those with colours also print every local variable, tokens among them."""
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]

"""Logs: static event names with ids as fields, to stderr, and never a secret.

Everything passes one filter, the libraries' lines too: what looks like a token or a source's key is taken out wherever
it stands, in a field, in a message or in a traceback.
"""

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

SECRETS = re.compile(
    r"xox[a-z]-[\w-]+|xoxe\.[\w.-]+|xapp-[\w-]+|rrk_[\w-]+|gAAAAA[\w=-]+"
    r"|(?i:(?<=bearer )|(?<=basic ))[\w.~+/=-]{8,}|(?<=://)[^\s/:@]+:[^\s/@]+(?=@)"
)
"""Slack's tokens, our sources' keys, sealed secrets, credentials in a header, and a password in a URL."""

HIDDEN_FIELDS = re.compile(r"(?i)token|secret|password|authorization|api_?key|write_?key|cookie")
HIDDEN = "[hidden]"
NOISY = ("slack_bolt", "slack_sdk", "aiohttp", "apscheduler", "sqlalchemy", "alembic", "asyncio", "aiosqlite")


def hide_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take secrets out of a log line."""
    return {key: _hide(key, value) for key, value in event.items()}


def _hide(key: str, value: Any) -> Any:
    if HIDDEN_FIELDS.search(key) and isinstance(value, str):
        return HIDDEN
    return SECRETS.sub(HIDDEN, value) if isinstance(value, str) else value


def configure(*, level: str = "info", log_format: str = "auto") -> None:
    """Send every log line to stderr, as JSON or for people. The libraries speak only when something is wrong."""
    is_json = log_format == "json" or (log_format == "auto" and not sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    closing: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        hide_secrets,
        structlog.processors.JSONRenderer() if is_json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=closing))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)

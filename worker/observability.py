"""Log lines, as JSON or as plain text. That no code and no credential is in them is the callers' duty."""

import logging
import sys

import structlog
from celery import signals

from config.settings import Settings

SHARED = (
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def connect(settings: Settings) -> None:
    """Have Celery leave logging to us, in every process that it starts."""

    def configure(**_: object) -> None:
        """Set up the root logger."""
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(_formatter(settings.worker.log_format))
        root = logging.getLogger()
        root.handlers[:] = [handler]
        root.setLevel(settings.worker.log_level)
        # a bell a second is not news
        for noisy in ("celery.app.trace", "celery.worker.strategy", "celery.beat", "httpx", "httpcore"):
            logging.getLogger(noisy).setLevel(logging.WARNING)

    signals.setup_logging.connect(configure, weak=False)


def _formatter(kind: str) -> logging.Formatter:
    last = structlog.processors.JSONRenderer() if kind == "json" else structlog.dev.ConsoleRenderer()
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            last,
        ],
    )

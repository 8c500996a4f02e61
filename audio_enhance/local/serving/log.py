"""What the HTTP server says in the log: a line for what is no request, not a traceback."""

import logging
from collections.abc import MutableMapping
from typing import Any

from aiohttp.http_exceptions import HttpProcessingError


class _OneLine(logging.LoggerAdapter[logging.Logger]):
    """Logs what cannot be read as HTTP, such as a port scan or TLS, as one warning."""

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        error = kwargs.get("exc_info")
        if isinstance(error, HttpProcessingError):
            # Not its text: that quotes what came, which may be a signature.
            return f"{msg} ({type(error).__name__})", {}
        return msg, kwargs

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        if isinstance(kwargs.get("exc_info"), HttpProcessingError):
            level = logging.WARNING
        super().log(level, msg, *args, **kwargs)


def one_line() -> logging.Logger:
    """Return a logger for aiohttp's servers."""
    adapter: Any = _OneLine(logging.getLogger("audio_enhance.local"), {})
    return adapter  # type: ignore[no-any-return]  # it is used as one; aiohttp asks for the class

"""A finished application: one page in the browser, and what stands behind it.

It comes with the extra ``web``. `create_app` makes it for any ASGI server, `serve` runs it on
this machine.
"""

try:
    import starlette as _starlette  # noqa: F401  # pyright: ignore[reportUnusedImport]
    import uvicorn as _uvicorn  # noqa: F401  # pyright: ignore[reportUnusedImport]
except ImportError as error:
    from audio_enhance import MissingExtraError

    raise MissingExtraError("web", error.name or "starlette") from error

from ._application import create_app
from ._limits import Limits
from ._serving import serve

__all__ = ["Limits", "create_app", "serve"]

"""A local service that speaks the Enhance Speech API, and as strictly as the real one.

It hands out tokens and presigned URLs, has a queue that works on one enhancement at a time, and
limits rates. It really removes noise; and it fails on demand, for tests. It comes with the
extra ``local``.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._exports import *  # noqa: F403  all of it, as its own `__all__` says
    from ._exports import __all__ as __all__
else:
    # The service comes when it is asked for (PEP 562): a worker process of its enhancer, which
    # is a package below this one, needs none of it.
    def _load() -> dict[str, object]:
        try:
            import botocore as _  # noqa: F401
        except ImportError as error:
            from audio_enhance import MissingExtraError

            raise MissingExtraError("local", "botocore") from error
        from . import _exports

        globals().update({name: getattr(_exports, name) for name in _exports.__all__})
        globals()["__all__"] = _exports.__all__
        return globals()

    def __getattr__(name: str) -> object:
        if name.startswith("_") and name != "__all__":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            return _load()[name]
        except KeyError:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None

    def __dir__() -> list[str]:
        return sorted(_load())

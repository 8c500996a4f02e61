"""An asyncio client for the Enhance Speech API of Adobe Audio Services."""

# Nothing is imported here: a Ctrl-C that comes while the command line starts can be met, but
# not before this is through.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._exports import *  # noqa: F403  all of it, as its own `__all__` says
    from ._exports import __all__ as __all__
else:
    # All of it comes when the first of it is asked for (PEP 562): whoever starts a process, the
    # command line for example, is there before a moment of imports and can say what went wrong.
    def _load() -> dict[str, object]:
        import logging

        from . import _exports

        # Nobody is told anything who did not ask: without a handler Python prints warnings itself.
        logging.getLogger("audio_enhance").addHandler(logging.NullHandler())
        public = {name: getattr(_exports, name) for name in _exports.__all__}
        globals().update(public, __all__=_exports.__all__)
        return globals()

    def __getattr__(name: str) -> object:
        if name.startswith("_") and name not in ("__all__", "__version__"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        # These need nothing else: a process that works on sound and raises one of them gets by
        # without a client, which takes more time and memory to import than the rest of it.
        from ._core import errors, models

        for module in (errors, models):
            if name in module.__all__:
                return getattr(module, name)
        try:
            return _load()[name]
        except KeyError:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None

    def __dir__() -> list[str]:
        return sorted(_load())

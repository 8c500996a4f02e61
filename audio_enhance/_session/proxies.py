"""The proxies that the environment names, which aiohttp takes from there."""

from urllib.parse import urlsplit
from urllib.request import getproxies

from audio_enhance._core.errors import ConfigurationError


def check_proxies() -> None:
    """See whether the environment's proxies can be used.

    aiohttp passes over those that it does not know, and connects without any.

    Raises:
        ConfigurationError: One of them cannot; its address, which may hold a password, is not
            quoted.
    """
    for scheme, address in getproxies().items():
        if scheme in ("http", "https") and not _is_usable(address):
            raise ConfigurationError(
                f"The proxy in {scheme.upper()}_PROXY cannot be used.",
                hint="Give one that begins with http://, or exclude hosts with NO_PROXY.",
            )


def _is_usable(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme == "http" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False

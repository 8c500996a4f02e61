"""Which addresses may be spoken to, and how they reach the wire unchanged."""

import ipaddress
import re
from urllib.parse import SplitResult, urljoin, urlsplit

from yarl import URL

from audio_enhance._core.errors import ConfigurationError, ProtocolError
from audio_enhance._core.redaction import redact

# What RFC 3986 allows in a URI; anything else would go out unescaped (yarl, `encoded=True`).
_URI = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")


def origin(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of a URL, for comparing (RFC 6454); `None` if it is unusable."""
    parts = _split(url)
    if parts is None:
        return None
    return parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme]


_PORTS = {"http": 80, "https": 443}


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        usable = parts.port is None or parts.port > 0  # a malformed port raises here
    except ValueError:
        return None
    # Looking up a name with an empty or endless label fails with a UnicodeError (RFC 1035 §2.3.4).
    labels = (parts.hostname or "").removesuffix(".").split(".")
    named = all(0 < len(label) < 64 for label in labels)
    if usable and named and parts.scheme in _PORTS and parts.username is None:
        return parts
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def check_own(url: str, what: str) -> str:
    """Return an address that the user gave, without a slash at its end.

    Plain http is taken as given: whoever writes it for a host of their own means it.

    Raises:
        ConfigurationError: It is no http or https address.
    """
    if not _URI.fullmatch(url) or _split(url) is None or "?" in url or "#" in url:
        raise ConfigurationError(
            f"The {what} {redact(url)!r} is no usable address.",
            hint="Give one such as https://host or http://127.0.0.1:8080.",
        )
    return url.rstrip("/")


def checked(url: str, *, plain_http: bool) -> str:
    """Return an address that a server gave, if it may be spoken to.

    Args:
        url: As the server wrote it.
        plain_http: Whether http is acceptable for hosts other than this machine.

    Raises:
        ProtocolError: It is malformed or unencrypted.
    """
    parts = _split(url) if _URI.fullmatch(url) else None
    if parts is None:
        raise ProtocolError(f"The server gave an address that is none: {redact(url)!r}.")
    if parts.scheme == "http" and not plain_http and not _is_loopback(parts.hostname or ""):
        raise ProtocolError(f"The server gave an unencrypted address: {redact(url)!r}.")
    return url


def next_hop(url: str, location: str | None, *, plain_http: bool) -> str:
    """Return where a redirect leads, its query untouched.

    Raises:
        ProtocolError: It leads nowhere, to something malformed, or from https to http.
    """
    if not location:
        raise ProtocolError("The server redirects without saying where to.")
    try:
        joined = urljoin(url, location)
    except ValueError:  # half an IPv6 address
        joined = location
    target = checked(joined, plain_http=plain_http)
    if urlsplit(url).scheme == "https" and urlsplit(target).scheme == "http":
        raise ProtocolError("The server redirects from https to http, which is not followed.")
    return target


def on_the_wire(url: str) -> URL:
    """Return a URL that is sent byte for byte.

    yarl would otherwise decode and encode the query again (`%2F` to `/`), and the signature
    over it would not match (S3, Authenticating Requests: Using Query Parameters).
    """
    return URL(url, encoded=True)

"""Which addresses may be spoken to, and how they reach the wire unchanged."""

import ipaddress
import re
import socket
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from yarl import URL

from audio_enhance._core.errors import ConfigurationError, ProtocolError
from audio_enhance._core.redaction import redact

# What RFC 3986 allows in a URI; anything else would go out unescaped (yarl, `encoded=True`).
# Possessive: a presigned URL has a thousand characters, and is looked at several times for a job.
_URI = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]++|%[0-9A-Fa-f]{2})++")
_WHOLE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")
_SITE = re.compile(_WHOLE.pattern + r"[^/?#]*")

_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052
_COMPATIBLE = ipaddress.ip_network("::/96")  # RFC 4291, with this machine's own `::1` in it

Origin = tuple[str, str, int]
_PORTS = {"http": 80, "https": 443}


class _Site(NamedTuple):
    """What an address begins with, up to its path: how it is reached, and where.

    Attributes:
        origin: Scheme, host and port, for comparing (RFC 6454).
        private: Whether it is this machine or in a network that is not the internet.
    """

    origin: Origin
    private: bool

    @property
    def plain_http(self) -> bool:
        """Whether it is spoken to without encryption."""
        return self.origin[0] == "http"


def _site_of(url: str) -> _Site | None:
    """Return where an address leads; `None` if it is unusable."""
    found = _SITE.match(url)
    return None if found is None else _site(found[0])


@lru_cache(maxsize=64)  # an API and its object store have a few
def _site(beginning: str) -> _Site | None:
    try:
        parts = urlsplit(beginning)
        port = parts.port  # a malformed one raises here
    except ValueError:
        return None
    host = parts.hostname or ""
    # Looking up a name with an empty or endless label fails with a UnicodeError (RFC 1035 §2.3.4).
    named = all(0 < len(label) < 64 for label in host.removesuffix(".").split("."))
    if port == 0 or not named or parts.scheme not in _PORTS or parts.username is not None:
        return None
    return _Site((parts.scheme, host, port or _PORTS[parts.scheme]), _is_private(host))


def origin(url: str) -> Origin | None:
    """Return scheme, host and port of a URL, for comparing (RFC 6454); `None` if it is unusable."""
    site = _site_of(url)
    return None if site is None else site.origin


def _is_private(host: str) -> bool:
    """Whether an address is one of this machine or of a network that is not the internet."""
    host = host.removesuffix(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        try:
            address = ipaddress.ip_address(socket.inet_aton(host))  # 127.1, as look-ups take it
        except (OSError, ValueError):
            return False  # a name
    return not (_embedded(address) or address).is_global


def _embedded(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that an IPv6 address leads to, if it does."""
    if address.version == 4:
        return None
    if address in _NAT64 or address in _COMPATIBLE:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour


def check_own(url: str, what: str) -> str:
    """Return an address that the user gave, without a slash at its end.

    Plain http is taken as given: whoever writes it for a host of their own means it.

    Raises:
        ConfigurationError: It is no http or https address.
    """
    if not _URI.fullmatch(url) or _site_of(url) is None or "?" in url or "#" in url:
        raise ConfigurationError(
            f"The {what} {redact(url)!r} is not a usable address.",
            hint="Give one such as https://host or http://127.0.0.1:8080.",
        )
    return url.rstrip("/")


class Reach(NamedTuple):
    """Where an API may send us: nowhere that is less private or less secret than itself.

    Attributes:
        base_url: Where the API is.
        plain_http: Whether addresses may be unencrypted, as the API's own is.
        private: Whether they may be of this machine or a private network, as the API's own is.
        origin: The API's own, which credentials may go to.
    """

    base_url: str
    plain_http: bool
    private: bool
    origin: Origin

    @classmethod
    def of(cls, base_url: str) -> "Reach":
        """Return where the API at an address may send us."""
        site = _site_of(base_url)
        assert site is not None, "it was checked"
        return cls(base_url, site.plain_http, site.plain_http or site.private, site.origin)

    def checked(self, url: str) -> str:
        """Return an address that a server gave, relative to the API's or not, if it may be used.

        Raises:
            ProtocolError: It is malformed, unencrypted or private.
        """
        return self._checked(f"{self.base_url}/", url)

    def next_hop(self, url: str, location: str) -> str:
        """Return where a redirect leads, its query untouched.

        Raises:
            ProtocolError: It leads nowhere, or where it must not, or from https to http.
        """
        if not location:
            raise ProtocolError("The server redirects without saying where to.", retryable=True)
        target = self._checked(url, location)
        if url.startswith("https:") and target.startswith("http:"):
            raise ProtocolError("The server redirects from https to http, which is not followed.")
        return target

    def _checked(self, base: str, url: str) -> str:
        target = _joined(base, url)
        site = _site_of(target) if _URI.fullmatch(url) else None
        if site is None:
            raise ProtocolError(f"The server gave an unusable address: {redact(url)!r}.")
        if site.plain_http and not self.plain_http:
            raise ProtocolError(f"The server gave an unencrypted address: {redact(url)!r}.")
        if site.private and not self.private:
            raise ProtocolError(
                f"The server gave an address of a private network: {redact(url)!r}."
            )
        return target


def _joined(base: str, url: str) -> str:
    try:
        # What is whole already stays byte for byte: joining would drop an empty query.
        return url if _WHOLE.match(url) else urljoin(base, url)
    except ValueError:  # half an IPv6 address
        return url


def on_the_wire(url: str) -> URL:
    """Return a URL that is sent byte for byte.

    yarl would otherwise decode and encode the query again (`%2F` to `/`), and the signature
    over it would not match (S3, Authenticating Requests: Using Query Parameters).
    """
    return URL(url, encoded=True)

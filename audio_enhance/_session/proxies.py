"""The proxies that the environment names: HTTP_PROXY, HTTPS_PROXY and NO_PROXY."""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from yarl import URL

from audio_enhance._core.errors import ConfigurationError


class Proxies:
    """Which proxy leads to an address; none does where no proxies are given.

    aiohttp would look them up itself (`trust_env`), but it passes over proxies that it does not
    know, and knows nothing of networks in NO_PROXY.

    Args:
        by_scheme: The proxies, by the scheme of the addresses that they are for.
        excluded: What NO_PROXY says.
    """

    def __init__(self, by_scheme: Mapping[str, URL] | None = None, excluded: str = "") -> None:
        self._by_scheme = by_scheme or {}
        self._networks = _networks(excluded)
        self._known: dict[tuple[str, str], URL | None] = {}

    @classmethod
    def from_environment(cls) -> "Proxies":
        """Return those of the environment.

        Raises:
            ConfigurationError: One of them cannot be used; its address, which may hold a
                password, is not quoted.
        """
        given = getproxies()
        by_scheme: dict[str, URL] = {}
        for scheme in ("http", "https"):
            if address := given.get(scheme):
                if not _is_usable(address):
                    raise ConfigurationError(
                        f"The proxy in {scheme.upper()}_PROXY cannot be used.",
                        hint="Give one that begins with http://, or exclude hosts with NO_PROXY.",
                    )
                by_scheme[scheme] = URL(address)
        return cls(by_scheme, given.get("no", ""))

    def of(self, url: URL) -> URL | None:
        """Return the proxy for an address, its user and password in it."""
        if not self._by_scheme:
            return None
        scheme, host = key = url.scheme, url.host or ""
        if key not in self._known:
            self._known[key] = None if self._is_excluded(host) else self._by_scheme.get(scheme)
        return self._known[key]

    def _is_excluded(self, host: str) -> bool:
        if proxy_bypass(host):
            return True
        try:
            address = ip_address(host)
        except ValueError:  # a name, which is not looked up for this
            return False
        return any(address in network for network in self._networks)


def _networks(excluded: str) -> list[IPv4Network | IPv6Network]:
    """Return the networks in NO_PROXY, such as 10.0.0.0/8, which `proxy_bypass` does not know."""
    networks: list[IPv4Network | IPv6Network] = []
    for entry in excluded.split(","):
        if "/" in entry:
            try:
                networks.append(ip_network(entry.strip(), strict=False))
            except ValueError:
                continue  # it is of no host either
    return networks


def _is_usable(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return parts.scheme == "http" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False

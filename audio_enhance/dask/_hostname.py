"""By which address the machines of a cluster reach this one."""

import socket
from urllib.parse import urlsplit

from audio_enhance.local import OwnStore

_LOOPBACK = "127.0.0.1"


def hostname_towards(address: str) -> str:
    """Return this machine's own address on the way to a scheduler.

    Args:
        address: The scheduler's, such as ``tcp://10.0.0.5:8786`` or ``10.0.0.5:8786``.
    """
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    if parts.scheme == "inproc" or parts.hostname is None:
        return _LOOPBACK
    try:
        # Nothing is sent: the system only looks up which way it would go.
        infos = socket.getaddrinfo(parts.hostname, parts.port or 1, type=socket.SOCK_DGRAM)
        family, kind, _, _, target = infos[0]
        with socket.socket(family, kind) as way:
            way.connect(target)
            return str(way.getsockname()[0])
    except (OSError, ValueError):
        return _LOOPBACK


def store_for(hostname: str, *, host: str = _LOOPBACK, port: int = 0) -> OwnStore:
    """Return a built-in object store that the machines of a cluster reach.

    Args:
        hostname: The name by which they reach this machine.
        host: Where else to listen.
        port: Its port; any free one if 0.
    """
    if hostname.startswith("127.") or hostname in ("::1", "localhost"):
        return OwnStore(host, port)
    return OwnStore("::" if ":" in hostname else "0.0.0.0", port)  # noqa: S104 - URLs are signed

"""TLS for servers of this process: a certificate that is made when it is needed."""

import socket
import ssl
import subprocess
from pathlib import Path

import attrs
from aiohttp import ClientSession, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult

_COMMAND = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1"


@attrs.frozen
class Certificate:
    """A certificate that vouches for itself, and its key."""

    certificate: Path
    key: Path

    @classmethod
    def make(cls, folder: Path, *names: str) -> "Certificate":
        """Make one for some hosts; needs openssl."""
        made = cls(folder / "certificate", folder / "key")
        hosts = ",".join(f"DNS:{name}" for name in names)
        subprocess.run(
            [
                *_COMMAND.split(),
                *("-subj", f"/CN={names[0]}", "-addext", f"subjectAltName={hosts}"),
                *("-out", made.certificate, "-keyout", made.key),
            ],
            check=True,
            stderr=subprocess.DEVNULL,
        )
        return made

    def server_context(self) -> ssl.SSLContext:
        """Return what a server shows it with."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def trusting_session(self) -> ClientSession:
        """Return a session that trusts it, for which every name is this machine."""
        context = ssl.create_default_context(cafile=self.certificate)
        return ClientSession(connector=TCPConnector(ssl=context, resolver=_Here()))


class _Here(AbstractResolver):
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        del family
        here = ResolveResult(
            hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0
        )
        return [here]

    async def close(self) -> None: ...

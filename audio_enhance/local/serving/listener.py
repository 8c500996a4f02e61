"""A listening socket and everything that has come in through it."""

import asyncio
from contextlib import suppress
from ipaddress import ip_address
from typing import ClassVar, Self

from aiohttp.web_runner import BaseRunner, TCPSite
from yarl import URL


class Listener:
    """An HTTP server on one port, and the URLs that lead to it.

    Attributes:
        port: The port that it listens on.
    """

    # How long a request that is under way may take to end when the service stops, in seconds.
    GRACE: ClassVar[float] = 0.2

    def __init__(self, runner: BaseRunner, host: str, port: int) -> None:
        self._runner = runner
        self._host = host
        self.port = port

    @classmethod
    async def open(cls, runner: BaseRunner, host: str, *ports: int) -> Self:
        """Start to listen on the first of these ports that is free; 0 stands for any free one.

        Raises:
            OSError: If no such address is ours to listen on.
        """
        await runner.setup()
        try:
            for port in ports[:-1]:
                with suppress(OSError):
                    await TCPSite(runner, host, port).start()
                    break
            else:
                await TCPSite(runner, host, ports[-1]).start()
        except BaseException:
            await runner.cleanup()
            raise
        return cls(runner, host, runner.addresses[0][1])

    async def close(self) -> None:
        """Stop listening and drop every connection."""
        await self._runner.cleanup()
        # The tasks and transports of the connections were cancelled and closed just now; they
        # end on the next rounds of the loop.
        for _ in range(3):
            await asyncio.sleep(0)

    def url(self, hostname: str | None = None) -> str:
        """Return the origin; under the name that a caller used, if we listen on every address."""
        host = self._host
        with suppress(ValueError):  # it is a name
            address = ip_address(host)
            if address.is_unspecified:
                # "::" is every IPv6 address and no other: 127.0.0.1 would not answer.
                host = hostname or ("127.0.0.1" if address.version == 4 else "::1")
        return str(URL.build(scheme="http", host=host, port=self.port))

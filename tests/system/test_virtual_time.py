"""The event loop of tests: waiting takes no time, and nothing is overtaken by it."""

import asyncio
import subprocess
import sys
import time

import pytest

from tests.support import virtual_time
from tests.support.virtual_time import LoopClock

pytestmark = pytest.mark.virtual_time

DAY = 86_400.0


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_days_pass_in_their_order() -> None:
    began, woken = now(), list[float]()

    async def sleeper(days: float) -> None:
        await LoopClock().sleep(days * DAY)
        woken.append((now() - began) / DAY)

    await asyncio.gather(*map(sleeper, (3, 1, 2, 1.5)))
    assert woken == [1, 1.5, 2, 3]


async def test_nobody_is_woken_too_early() -> None:
    end, woken = now() + 1, 0

    async def until_then() -> None:
        nonlocal woken
        while now() < end:
            await asyncio.sleep(end - now())
            woken += 1
            assert woken < 9

    # Just before, somebody else is at it.
    asyncio.get_running_loop().call_at(end - 5e-10, lambda: None)
    await asyncio.gather(until_then(), until_then())
    assert woken == 2


async def test_a_thread_at_work_holds_it_up() -> None:
    began = now()
    async with asyncio.timeout(0.001):
        await asyncio.to_thread(time.sleep, 0.05)
    assert now() == began


async def test_a_process_holds_it_up() -> None:
    async with asyncio.timeout(0.001):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "print('done')", stdout=subprocess.PIPE
        )
        out, _ = await process.communicate()
        assert out == b"done\n"


async def test_megabytes_there_and_back_take_no_time() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100_000):
            writer.write(data)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        began = now()
        async with asyncio.timeout(0.001):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)

            async def send() -> None:
                writer.write(bytes(20_000_000))
                writer.write_eof()
                await writer.drain()

            sending = asyncio.create_task(send())
            assert await reader.read() == bytes(20_000_000)
            await sending
        writer.close()
        assert now() == began


async def test_nobody_answers_at_a_closed_port() -> None:
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


def test_who_waits_for_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_time, "_HANGS", 0.01)
    loop = virtual_time.VirtualLoop()
    with pytest.raises(RuntimeError, match="everybody waits"):
        loop.run_until_complete(loop.create_future())
    loop.close()

"""What jobs share of a source: its bytes are held for as long as one needs them."""

import asyncio
import hashlib
import threading
from pathlib import Path

import pytest

from audio_enhance import OutputExistsError, Source, SourceChangedError
from audio_enhance._recording.content import BytesContent, FileContent
from audio_enhance._recording.fingerprint import Fingerprint
from audio_enhance._recording.original import Original
from audio_enhance._recording.source import original_of


class Counted(BytesContent):
    """Counts how often it is let go of."""

    released = 0

    def release(self) -> None:
        type(self).released += 1


def test_it_is_let_go_of_with_the_last_job() -> None:
    content = Counted(b"ID3")
    original = Original(content)
    original.hold()
    original.hold()
    original.let_go()
    assert content.released == 0
    original.let_go()
    assert content.released == 1


async def test_what_is_forgotten_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "talk.mp3"
    path.write_bytes(b"ID3 one")
    source = Source.from_path(path)
    before = await source.fingerprint()
    assert await source.fingerprint() is before
    path.write_bytes(b"ID3 two, and longer")
    original_of(source).forget()
    assert (await source.fingerprint()).byte_size == 19
    assert await source.read(8, 3) == b" an"


class TestShortFiles:
    """They stay in memory for as long as a job needs them."""

    async def test_none_is_kept_for_whoever_only_asks_what_it_is(self, tmp_path: Path) -> None:
        path = tmp_path / "talk.mp4"
        path.write_bytes(b"ID3 talk")
        for source in (Source.from_path(path), Source.from_video(path)):
            expected = await source.fingerprint()
            path.write_bytes(b"ID3 another talk")
            with pytest.raises(SourceChangedError):
                original_of(source).content.open(expected)
            path.write_bytes(b"ID3 talk")

    async def test_one_is_kept_for_a_job(self, tmp_path: Path) -> None:
        path = tmp_path / "talk.mp3"
        path.write_bytes(b"ID3 talk")
        source = Source.from_path(path)
        original_of(source).hold()
        await source.fingerprint()
        path.write_bytes(b"ID3 another talk")
        assert await source.read() == b"ID3 talk"

    async def test_none_is_kept_for_a_job_that_ended_meanwhile(self, tmp_path: Path) -> None:
        path = tmp_path / "talk.mp3"
        path.write_bytes(b"ID3 talk")

        class Late(FileContent):
            def fingerprint(self, cancelled: threading.Event) -> Fingerprint:
                started.set()
                cancelled.wait()
                go_on.wait()
                return super().fingerprint(cancelled)

        started, go_on = threading.Event(), threading.Event()
        original = Original(Late(path))
        original.hold()
        task = asyncio.create_task(original.fingerprint("talk.mp3"))
        await asyncio.to_thread(started.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        original.let_go()
        go_on.set()
        await asyncio.get_running_loop().shutdown_default_executor()  # which waits for it
        assert not original.content.quick


class TestWorkThatFollows:
    """What is done in the thread that hashes, or in one of its own."""

    @staticmethod
    async def told(original: Original) -> tuple[Fingerprint, Fingerprint, bool]:
        """Return the fingerprint, as it is told and as it is returned, and whether in a thread."""
        told: list[tuple[Fingerprint, int]] = []
        found = await original.fingerprint(
            "talk.mp3", lambda known: told.append((known, threading.get_ident()))
        )
        [(known, thread)] = told
        return known, found, thread != threading.get_ident()

    async def test_it_is_told_the_fingerprint_whoever_hashes(self, tmp_path: Path) -> None:
        path = tmp_path / "talk.mp3"
        path.write_bytes(b"ID3")
        for content in (FileContent(path), BytesContent(b"ID3")):
            original = Original(content)
            for _ in range(2):  # the second time it is known
                known, found, aside = await self.told(original)
                assert known is found is original.known
                assert aside

    async def test_what_was_hashed_stays_known_where_it_fails(self, tmp_path: Path) -> None:
        path = tmp_path / "talk.mp3"
        path.write_bytes(b"ID3")
        original = Original(FileContent(path))

        def fail(known: Fingerprint) -> None:
            raise OutputExistsError("It is there.")

        for _ in range(2):
            with pytest.raises(OutputExistsError) as caught:
                await original.fingerprint("talk.mp3", fail)
            assert caught.value.source == "talk.mp3"
            assert original.known is not None

    async def test_it_is_left_where_nobody_waits_any_more(self) -> None:
        started = threading.Event()

        class Cut(FileContent):
            def fingerprint(self, cancelled: threading.Event) -> Fingerprint:
                started.set()
                cancelled.wait()
                return Fingerprint(1, b"of a part")

        original, told = Original(Cut(Path("talk.mp3"))), list[Fingerprint]()
        task = asyncio.create_task(original.fingerprint("talk.mp3", told.append))
        await asyncio.to_thread(started.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.get_running_loop().shutdown_default_executor()  # which waits for it
        assert original.known is None
        assert told == []

    async def test_its_end_is_waited_for(self, tmp_path: Path) -> None:
        """It may be about to make a file, where whoever is cancelled cleans up next."""
        path = tmp_path / "talk.mp3"
        path.write_bytes(b"ID3")
        started, go_on, ended = threading.Event(), threading.Event(), list[Fingerprint]()

        def look(known: Fingerprint) -> None:
            started.set()
            go_on.wait()
            ended.append(known)

        original = Original(FileContent(path))
        task = asyncio.create_task(original.fingerprint("talk.mp3", look))
        await asyncio.to_thread(started.wait)
        pending: list[bool] = []
        for _ in range(2):  # however often it is cancelled
            task.cancel()
            for _ in range(3):
                await asyncio.sleep(0)
            pending.append(not task.done())
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert pending == [True, True]
        assert ended == [original.known]

    async def test_what_it_was_told_is_returned_although_forgotten_meanwhile(self) -> None:
        original = Original(BytesContent(b"ID3"))
        found = await original.fingerprint("talk.mp3", lambda known: original.forget())
        assert found == Fingerprint(3, hashlib.md5(b"ID3").digest())

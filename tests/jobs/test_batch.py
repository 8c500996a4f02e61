"""A batch over real HTTP: one outcome for each source and strength, in order, at little cost."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from audio_enhance import (
    BatchReport,
    EnhancementFailedError,
    InvalidInputError,
    InvalidSourceError,
    InvalidStrengthError,
    OutputExistsError,
    Source,
    UnsupportedMediaTypeError,
)
from audio_enhance.local import Fault, Faults, LocalService
from audio_enhance.local.enhancer import Rehearsal

from .support import (
    CREATE,
    CREATE_ASSET,
    EAGER,
    GET,
    GET_ASSET,
    LOCATE,
    POLL,
    PUT,
    Bench,
    bench,
    files_below,
    statuses,
)


async def test_sixty_recordings_cost_two_questions_each_at_most(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=40, seconds=1.0, debug=False) as b:
        sources = b.sources(60)
        random.Random(1).shuffle(sources)
        report = await b.batch(sources)
        b.check(report)
        assert [outcome.source for outcome in report] == sources
        assert report.ok
        assert report.failed == []
        assert report.extra_enhancements == report.failed_enhancements == 0
        assert b.count(POLL) <= 2 * 60
        assert b.count(CREATE_ASSET) == b.count(PUT) == b.count(CREATE) == 60
        assert b.count(GET_ASSET) == b.count(LOCATE) == b.count(GET) == 60
        usage = b.service.queue_usage()
        assert usage.processed == 60
        assert usage.idle_seconds <= 0.25 * usage.busy_seconds


async def test_every_source_has_one_outcome_for_every_strength_in_the_order_given(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as b:
        sources = b.sources(4)
        sources.insert(3, tmp_path / "in" / "missing.mp3")
        report = await b.batch(sources, strength=[93, 0, 50])
        expected = [(source, strength) for source in sources for strength in (93, 0, 50)]
        assert [(outcome.source, outcome.strength) for outcome in report] == expected
        assert len(report) == 15
        assert report[-1].source == sources[-1]
        assert [outcome.ok for outcome in report[9:12]] == [False] * 3
        assert report.failed == report[9:12]
        b.check(report.succeeded)
        assert b.count(PUT) == b.count(CREATE_ASSET) == 4  # all strengths of one upload
        assert b.count(CREATE) == 12


async def test_a_stream_yields_the_same_as_they_come(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        sources = b.sources(5)
        seen = [
            outcome
            async for outcome in b.client.enhance_as_completed(
                sources, strength=[50, 93], output_dir=b.out
            )
        ]
        b.check(seen)
        assert len(seen) == 10
        assert {(o.source, o.strength) for o in seen} == {(s, n) for s in sources for n in (50, 93)}


async def test_the_same_content_twice_is_enhanced_once_and_delivered_twice(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=20, seconds=1.0) as b:
        sources = [
            b.source("a/talk.mp3", b"ID3 the same"),
            b.source("b/talk.mp3", b"ID3 the same"),
            b.source("c/other-name.mp3", b"ID3 the same"),
            b.source("d/talk.mp3", b"ID3 not the same"),
        ]
        report = await b.batch([*sources, sources[0]])
        assert report.ok
        names = [str(outcome.path.relative_to(b.out)) for outcome in report if outcome.path]
        assert names[:4] == [
            "a/talk-enhanced-93p.mp3",
            "b/talk-enhanced-93p.mp3",
            "other-name-enhanced-93p.mp3",
            "d/talk-enhanced-93p.mp3",
        ]
        assert names[4:] == ["a/talk-enhanced-93p-1.mp3"]
        for outcome in report:
            assert outcome.path is not None
            assert isinstance(outcome.source, Path)
            assert outcome.path.read_bytes() == Rehearsal.expected(b.data[outcome.source], 93)
        assert b.count(CREATE) == b.count(PUT) == b.count(CREATE_ASSET) == 2
        assert b.count(GET) == 5


async def test_content_seen_before_in_the_batch_is_not_enhanced_again(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        first = b.source("a.mp3", b"ID3 the same")
        others = b.sources(6)
        last = b.source("z.mp3", b"ID3 the same")
        report = await b.batch([first, *others, last])
        b.check(report)
        assert b.count(CREATE) == b.count(PUT) == 7


async def test_a_failure_that_several_share_names_each_of_them(tmp_path: Path) -> None:
    async with bench(tmp_path, faults=Faults(failed_enhancement=1.0)) as b:
        sources = [b.source(name, b"ID3 the same") for name in ("a.mp3", "b.mp3")]
        report = await b.batch(sources)
        assert [outcome.error and outcome.error.source for outcome in report] == [
            str(source) for source in sources
        ]
        assert b.count(CREATE) == 2


async def test_sources_of_every_kind_that_share_a_name(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:

        async def chunks() -> AsyncIterator[bytes]:
            yield b"ID3 spooled"

        async with await Source.spool(chunks(), "talk.mp3") as spooled:
            path = b.source("talk.mp3", b"ID3 on disk")
            given = [
                b"ID3 one",
                b"ID3 two",
                Source.from_bytes(b"ID3 three", "talk.mp3"),
                spooled,
                path,
                str(path),
                Source.from_path(path, filename="renamed.mp3"),
            ]
            data = [b"ID3 one", b"ID3 two", b"ID3 three", b"ID3 spooled", *[b"ID3 on disk"] * 3]
            report = await b.batch(given)
        assert report.ok, report.failed
        assert [outcome.source for outcome in report] == given
        assert len({outcome.path for outcome in report}) == 7
        for outcome, content in zip(report, data, strict=True):
            assert outcome.path is not None
            assert outcome.path.read_bytes() == Rehearsal.expected(content, 93)
        assert report[6].path == b.out / "renamed-enhanced-93p.mp3"


async def test_bad_sources_fail_alone_each_with_its_reason(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        good = b.sources(6)
        folder = tmp_path / "in" / "folder.mp3"
        folder.mkdir()
        bad: dict[object, type[Exception]] = {
            tmp_path / "in" / "missing.mp3": InvalidSourceError,
            b.source("empty.mp3", b""): InvalidSourceError,
            folder: InvalidSourceError,
            b.source("picture.jpeg", b"\xff\xd8"): UnsupportedMediaTypeError,
            b.source("noise.mp3", b"not audio at all"): EnhancementFailedError,
            b"": InvalidSourceError,
            7: InvalidSourceError,
        }
        mixed = [item for pair in zip(good, bad, strict=False) for item in pair] + [7]
        report = await b.batch(mixed)
        assert [outcome.source for outcome in report] == mixed
        for outcome in report:
            if outcome.source in good:
                b.check([outcome])
            else:
                assert outcome.status == "failed"
                assert outcome.path is None
                assert type(outcome.error) is bad[outcome.source]
                assert outcome.name
        assert statuses(report) == {"succeeded": 6, "failed": 7}
        # The server works on what is no audio twice, and nothing else is asked of it in vain.
        assert b.count(CREATE) == 6 + 2
        assert b.count(CREATE_ASSET) == 6 + 1
        noise = next(outcome for outcome in report if outcome.name.endswith("noise.mp3"))
        assert noise.asset_id
        assert noise.error is not None
        assert noise.error.asset_id == noise.asset_id


async def test_a_failed_enhancement_is_made_once_more_and_counted(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.service.faults.script(Fault.FAILED_ENHANCEMENT, times=1)
        report = await b.batch(b.sources(5))
        b.check(report)
        assert b.count(CREATE) == 6
        assert b.count(PUT) == 5
        assert report.failed_enhancements == 1
        assert report.extra_enhancements == 0


async def test_an_answer_that_was_lost_costs_another_enhancement_which_is_counted(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, speed=50) as b:
        b.service.faults.script(Fault.RESET_AFTER, route=CREATE, times=2)
        b.service.faults.script(Fault.SERVER_ERROR, route=CREATE, times=1, status=504)
        b.service.faults.script(Fault.TOO_MANY_REQUESTS, route=CREATE, times=1)
        report = await b.batch(b.sources(8))
        b.check(report)
        assert report.extra_enhancements == 3
        made = {record.enhancement_id for record in b.requests(CREATE)} - {None}
        assert len(made) == 8 + 3


async def test_sources_are_pulled_as_there_is_room_for_them(tmp_path: Path) -> None:
    ahead: list[int] = []

    def lazily(b: Bench, sources: list[Path]) -> Iterator[Path]:
        queue = b.client._connections.open.lanes[0].queue
        for pulled, source in enumerate(sources, 1):
            ahead.append(pulled - b.count(CREATE) - queue.window.depth)
            yield source

    async with bench(tmp_path, speed=60, seconds=2.0) as b:
        b.check(await b.batch(lazily(b, b.sources(24))))
        # Eight wait, uploaded, for a place in the window; as many as have one may be on their
        # way there; and one is in hand.
        assert max(ahead) <= 8 + 1
        assert max(ahead) >= 8 - 2  # the server's next recordings are there in time


async def test_async_sources_are_pulled_lazily_too_and_may_come_late(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=20, seconds=0.2) as b:
        sources = b.sources(8)
        arrived: asyncio.Queue[Path | None] = asyncio.Queue()

        async def lazily() -> AsyncIterator[Path]:
            while (source := await arrived.get()) is not None:
                yield source

        done: list[Path] = []
        arrived.put_nowait(sources[0])
        async for outcome in b.client.enhance_as_completed(lazily(), strength=93, output_dir=b.out):
            b.check([outcome])
            assert isinstance(outcome.source, Path)
            done.append(outcome.source)
            # The next one comes only when this one is done.
            arrived.put_nowait(sources[len(done)] if len(done) < 8 else None)
        assert done == sources


async def test_a_mistake_in_the_sources_is_raised_when_the_others_are_done(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        sources = b.sources(5)

        def failing() -> Iterator[Path]:
            yield from sources
            raise LookupError("a list that cannot be read to its end")

        with pytest.raises(LookupError, match="to its end"):
            await b.batch(failing())
        assert len(files_below(b.out)) == 5


async def test_no_sources_at_all_are_no_mistake(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        report = await b.batch([])
        assert isinstance(report, BatchReport)
        assert list(report) == []
        assert report.ok
        assert len(b.service.record) == 0


@pytest.mark.parametrize(
    "given", ["talk.mp3", Path("talk.mp3"), b"ID3", bytearray(b"ID3"), Source.from_bytes(b"ID3")]
)
async def test_one_source_instead_of_several_is_told_apart(tmp_path: Path, given: object) -> None:
    async with bench(tmp_path) as b:
        with pytest.raises(InvalidInputError, match="several"):
            await b.batch(given)  # type: ignore[arg-type]


async def test_wrong_strengths_are_found_before_anything_is_sent(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        for strength in (101, [50, -1], [], "93"):
            with pytest.raises(InvalidStrengthError):
                await b.batch(b.sources(1), strength=strength)
        assert len(b.service.record) == 0


async def test_a_file_that_was_there_is_never_lost_and_costs_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        sources = b.sources(4)
        b.out.mkdir()
        mine = b.out / "talk-00002-enhanced-93p.mp3"
        mine.write_bytes(b"mine")
        report = await b.batch(sources)
        assert [outcome.ok for outcome in report] == [True, True, False, True]
        assert isinstance(report[2].error, OutputExistsError)
        assert mine.read_bytes() == b"mine"
        assert b.count(CREATE_ASSET) == b.count(CREATE) == 3
        report = await b.batch(sources, overwrite=True)
        b.check(report)


async def test_a_file_that_appears_meanwhile_is_not_lost_either(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=20, seconds=2.0) as b:
        running = asyncio.create_task(b.batch(b.sources(1)))
        while not b.count(CREATE):
            await asyncio.sleep(0.005)
        mine = b.out / "talk-00000-enhanced-93p.mp3"
        mine.write_bytes(b"mine")
        report = await running
        assert isinstance(report[0].error, OutputExistsError)
        assert report[0].enhancement_id  # a way to fetch it nevertheless
        assert mine.read_bytes() == b"mine"
        assert files_below(b.out) == {mine}


async def test_names_that_clash_without_being_known_beforehand(tmp_path: Path) -> None:
    """Late ones, whose twin's result is there already, find a place of their own."""
    async with bench(tmp_path) as b:
        sources = [b.source(f"{n}/talk.mp3") for n in range(8)]
        report = await b.batch(source for source in sources)
        b.check(report)


async def test_two_batches_at_once_share_one_lane(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=50, seconds=0.5) as b:
        one, two = b.sources(6, stem="one"), b.sources(6, stem="two")
        reports = await asyncio.gather(b.batch(one), b.batch(two))
        for report, sources in zip(reports, (one, two), strict=True):
            b.check(report)
            assert [outcome.source for outcome in report] == sources
        assert b.count(CREATE) == 12


async def test_important_jobs_overtake_a_batch(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=50, seconds=4.0, polling=EAGER) as b:
        running = asyncio.create_task(b.batch(b.sources(14)))
        while b.count(CREATE) < 3:
            await asyncio.sleep(0.005)
        urgent = b.source("urgent.mp3")
        before = b.count(CREATE)
        result = await b.client.enhance(urgent, strength=93, output_dir=b.out, priority=10)
        # Before it only what was submitted, or had its place in the window, when it came.
        created = [record.asset_id for record in b.requests(CREATE)]
        assert created.index(result.asset.id) <= before + 1
        b.check(await running)


async def test_a_rule_places_results_whatever_the_server_calls_them(
    enhance_service: LocalService, tmp_path: Path
) -> None:
    for name in ("a/talk.mp3", "b/talk.mp3"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(name.encode())

    def place(source: Source, strength: int) -> str:
        assert source.path is not None
        return f"{source.path.parent.name}-{strength}.mp3"

    async with enhance_service.connect() as client:
        report = await client.enhance_batch(
            [tmp_path / "a/talk.mp3", tmp_path / "b/talk.mp3", tmp_path / "a/talk.mp3"],
            strength=93,
            output_dir=tmp_path / "out",
            place=place,
        )
    assert [outcome.path and outcome.path.name for outcome in report] == [
        "a-93.mp3",
        "b-93.mp3",
        None,
    ]
    assert "Another result of this run" in str(report[2].error)


async def test_a_path_is_absolute_however_the_folder_was_given(
    enhance_service: LocalService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "talk.mp3").write_bytes(b"ID3")
    async with enhance_service.connect() as client:
        report = await client.enhance_batch(["talk.mp3"], strength=93, output_dir="out")
    assert report[0].path == tmp_path / "out" / "talk-enhanced-93p.mp3"

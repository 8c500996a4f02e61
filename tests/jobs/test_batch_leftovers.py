"""What a run that was killed left at the server, between saving a result and deleting."""

import asyncio
from pathlib import Path

import pytest
from attrs import evolve

from audio_enhance import Journal, Source
from audio_enhance._journal.entry import EntryState
from audio_enhance._journal.journal import rows_of

from .support import bench, client_tasks

DELETE = "DELETE /assets/:id"


class TestWhatAKilledRunLeft:
    async def test_goes_with_the_next_run(self, tmp_path: Path) -> None:
        async with bench(tmp_path, api_version="v2") as b:
            sources = b.sources(2)
            strengths = [50, 93]
            # Killed between saving and deleting: as if nothing had been to be deleted.
            assert (await b.batch(sources, strengths, journal=b.journal)).ok
            assert b.count(DELETE) == 0
            await b.forget()
            for _ in range(2):
                report = await b.batch(sources, strengths, journal=b.journal, delete_assets=True)
                assert {outcome.status for outcome in report} == {"skipped"}
                assert b.count(DELETE, 204) == b.count(DELETE) == 2

    async def test_stays_where_a_strength_is_not_safe(self, tmp_path: Path) -> None:
        async with bench(tmp_path, api_version="v2") as b:
            sources = b.sources(1)
            assert (await b.batch(sources, [50, 93], journal=b.journal)).ok
            async with await Journal.open(b.journal) as journal:
                entry = await journal.entry(str(sources[0]), 93)
                assert entry is not None
                await rows_of(journal).save(evolve(entry, state=EntryState.PROCESSED, output=None))
            await b.forget()
            report = await b.batch(sources, 50, journal=b.journal, delete_assets=True)
            assert report.ok
            assert b.count(DELETE) == 0

    async def test_stays_where_a_strength_is_still_to_be_begun(self, tmp_path: Path) -> None:
        async with bench(tmp_path, api_version="v2") as b:
            [source] = b.sources(1)
            async with await Journal.open(b.journal) as journal:
                await journal.plan([(str(source), 93)])
                report = await b.batch([source], 50, journal=journal, delete_assets=True)
                assert report.ok
                assert b.count(DELETE) == 0
                report = await b.batch([source], 93, journal=journal, delete_assets=True)
            assert report.ok
            assert (b.count(DELETE, 204), b.count("POST /assets")) == (1, 1)

    async def test_goes_when_a_backend_begins_anew(self, tmp_path: Path) -> None:
        async with bench(tmp_path, api_version="v2") as b:
            sources = b.sources(3)
            assert (await b.batch(sources, journal=b.journal)).ok
            async with await Journal.open(b.journal) as journal:
                entry = await journal.entry(str(sources[0]), 93)
                assert entry is not None
                await rows_of(journal).save(evolve(entry, state=EntryState.PROCESSED, output=None))
                await b.forget()
                [job] = await b.client.take_up(
                    journal, output_dir=b.out, overwrite=True, delete_assets=True
                )
                await job
                while b.count(DELETE, 204) < 3:
                    await asyncio.sleep(1)
                await asyncio.sleep(1)
                assert await rows_of(journal).deletable(b.service.client_id) == []
            assert b.count(DELETE) == 3

    async def test_is_no_matter_to_a_backend_that_ends_at_once(self, tmp_path: Path) -> None:
        async with bench(tmp_path, api_version="v2") as b:
            assert (await b.batch(b.sources(2), journal=b.journal)).ok
            async with await Journal.open(b.journal) as journal:
                await b.client.take_up(journal, output_dir=b.out, delete_assets=True)
            await asyncio.sleep(1)
            await b.client.aclose()
            assert client_tasks() == set()
            await b.client.__aenter__()

    async def test_stays_where_another_call_needs_it(self, tmp_path: Path) -> None:
        async with bench(tmp_path, api_version="v2") as b:
            sources = b.sources(1)
            assert (await b.batch(sources, journal=b.journal)).ok
            await (await b.client.submit(sources[0], strength=50))
            assert (await b.batch(sources, journal=b.journal, delete_assets=True)).ok
            assert b.count(DELETE) == 0

    async def test_what_is_taken_up_is_deleted_when_it_is_safe(self, tmp_path: Path) -> None:
        async with bench(tmp_path, api_version="v2") as b:
            [source] = b.sources(1)
            async with await Journal.open(b.journal) as journal:
                job = await b.client.submit(Source.from_path(source), strength=93, journal=journal)
                job.task.cancel()  # as a client that is closed does
                with pytest.raises(Exception, match="cancelled"):
                    await job
            async with await Journal.open(b.journal) as journal:
                [job] = await b.client.take_up(journal, output_dir=b.out, delete_assets=True)
                await job
            assert b.count(DELETE, 204) == 1
            async with await Journal.read(b.journal) as journal:
                [entry] = [entry async for entry in journal.entries()]
            assert (entry.state, entry.asset_id) == (EntryState.SUCCEEDED, None)

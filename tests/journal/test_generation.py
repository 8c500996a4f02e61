"""A journal belongs to one generation of the API as long as something of it is under way there."""

from pathlib import Path

import pytest
from attrs import evolve

from audio_enhance import ApiVersion, ConfigurationError, Journal
from audio_enhance._journal.entry import EntryState
from audio_enhance._journal.journal import rows_of
from tests.jobs.support import CREATE, CREATE_ASSET, Bench, bench

pytestmark = pytest.mark.virtual_time


async def note(b: Bench, source: Path, state: EntryState) -> None:
    """Change what a journal says of a recording."""
    async with await Journal.open(b.journal) as journal:
        [entry] = [e async for e in journal.entries() if e.source == str(source)]
        await rows_of(journal).save(evolve(entry, state=state))


@pytest.mark.parametrize(("first", "then"), [("v1", "v2"), ("v2", "v1")])
async def test_what_is_under_way_is_gone_on_with_where_it_was_begun(
    tmp_path: Path, first: ApiVersion, then: ApiVersion
) -> None:
    async with bench(tmp_path, api_version=first) as b:
        [source] = sources = b.sources(1)
        report = await b.batch(sources, journal=b.journal)
        assert report.ok
        [outcome] = report
        assert outcome.path is not None
        outcome.path.unlink()
        await note(b, source, EntryState.PROCESSED)
        async with b.another(b.service.credentials, api_version=then) as other:
            with pytest.raises(ConfigurationError, match=f"1 under way at {first}") as caught:
                await other.enhance_batch(sources, strength=93, output_dir=b.out, journal=b.journal)
            assert f"AUDIO_ENHANCE_API_VERSION={first}" in str(caught.value.hint)
            async with await Journal.open(b.journal) as journal:
                with pytest.raises(ConfigurationError):
                    await other.take_up(journal)
                with pytest.raises(ConfigurationError):
                    await other.submit(b"ID3" * 9, strength=93, journal=journal)
        report = await b.batch(sources, journal=b.journal)
        b.check(report)
        assert b.count(CREATE) == 1


async def test_what_is_done_is_done_in_both(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        sources = b.sources(3)
        assert (await b.batch(sources[:2], journal=b.journal)).ok
        async with b.another(b.service.credentials, api_version="v2") as other:
            report = await other.enhance_batch(
                sources, strength=93, output_dir=b.out, journal=b.journal
            )
        assert [outcome.status for outcome in report] == ["skipped", "skipped", "succeeded"]
        assert b.count(CREATE_ASSET) == 3

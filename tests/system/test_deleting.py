"""What was uploaded is deleted when its results are safe on disk, and never before."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from audio_enhance import (
    ConfigurationError,
    EnhanceClient,
    InvalidInputError,
    OutputExistsError,
)
from audio_enhance.local import Fault, LocalService
from tests.conftest import QUICK_POLLING, QUICK_RETRY
from tests.jobs.support import CREATE, CREATE_ASSET, POLL, bench
from tests.support.results import expected

DELETE = "DELETE /assets/:id"


@pytest.fixture
async def client(enhance_service: LocalService) -> AsyncIterator[EnhanceClient]:
    async with EnhanceClient(
        enhance_service.credentials,
        base_url=enhance_service.base_url,
        api_version="v2",
        polling=QUICK_POLLING,
        retry=QUICK_RETRY,
    ) as client:
        yield client


def deleted(service: LocalService) -> list[str | None]:
    """The assets that were deleted."""
    return [record.asset_id for record in service.record if record.route == DELETE]


async def test_one_recording(
    client: EnhanceClient, enhance_service: LocalService, recording: Path, tmp_path: Path
) -> None:
    result = await client.enhance(
        recording, strength=93, output_dir=tmp_path / "out", delete_assets=True
    )
    assert result.path.read_bytes() == expected(recording)
    assert deleted(enhance_service) == [result.asset.id]
    routes = [record.route for record in enhance_service.record]
    assert routes.index(DELETE) > routes.index("GET /object")
    # The next one begins anew.
    again = await client.enhance(recording, strength=93, output_dir=tmp_path / "again")
    assert again.asset.id != result.asset.id
    assert len(deleted(enhance_service)) == 1


async def test_a_batch_deletes_each_upload_once_after_all_strengths(
    client: EnhanceClient, enhance_service: LocalService, tmp_path: Path
) -> None:
    sources = [tmp_path / f"{n}.mp3" for n in range(4)]
    for source in sources:
        source.write_bytes(b"ID3" + source.name.encode() * 99)
    report = await client.enhance_batch(
        sources, strength=[10, 50, 93], output_dir=tmp_path / "out", delete_assets=True
    )
    assert report.ok
    assert enhance_service.count("POST /assets") == 4
    assert len(set(deleted(enhance_service))) == len(deleted(enhance_service)) == 4
    results = [record for record in enhance_service.record if record.route == "GET /object"]
    for asset_id in deleted(enhance_service):
        mine = [record.time for record in results if record.asset_id == asset_id]
        [end] = [
            record.time
            for record in enhance_service.record
            if record.route == DELETE and record.asset_id == asset_id
        ]
        assert len(mine) == 3
        assert max(mine) <= end


async def test_what_failed_at_one_strength_is_kept(
    client: EnhanceClient, enhance_service: LocalService, recording: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "earhart-aviation-enhanced-93p.mp3").write_bytes(b"somebody's")
    report = await client.enhance_batch(
        [recording], strength=[50, 93], output_dir=out, delete_assets=True
    )
    assert [type(outcome.error) for outcome in report] == [type(None), OutputExistsError]
    # What was never sent needs nothing.
    assert len(deleted(enhance_service)) == 1


async def test_a_result_that_was_paid_for_and_is_not_saved_is_kept(
    client: EnhanceClient, enhance_service: LocalService, recording: Path, tmp_path: Path
) -> None:
    first = await client.submit(recording, strength=50)
    await first
    result = await client.enhance(
        recording, strength=93, output_dir=tmp_path / "out", delete_assets=True
    )
    assert result.asset.id == (await first).asset.id
    assert deleted(enhance_service) == []
    assert "X-Amz-Signature" in await client.presigned_download_url((await first).enhancement)


async def test_a_deletion_that_fails_spoils_nothing(
    client: EnhanceClient,
    enhance_service: LocalService,
    recording: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    enhance_service.faults.script(Fault.SERVER_ERROR, route=DELETE, times=100)
    result = await client.enhance(
        recording, strength=93, output_dir=tmp_path / "out", delete_assets=True
    )
    assert result.path.read_bytes() == expected(recording)
    assert "its upload stays at the server" in caplog.text


@pytest.mark.parametrize(
    ("fault", "answered"), [(Fault.GARBLED_ANSWER, 200), (Fault.RESET_AFTER, None)]
)
async def test_a_deletion_whose_answer_is_lost_is_asked_for_once_more(
    client: EnhanceClient,
    enhance_service: LocalService,
    recording: Path,
    fault: Fault,
    answered: int | None,
) -> None:
    asset = await client.create_asset(recording)
    enhance_service.faults.script(fault, route=DELETE)
    await client.delete_asset(asset.id)
    answers = [record.status for record in enhance_service.record if record.route == DELETE]
    assert answers == [answered, 404]


async def test_what_cannot_be_is_refused_before_anything_is_sent(
    client: EnhanceClient, enhance_service: LocalService, recording: Path, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInputError, match="needs a folder"):
        await client.submit(recording, strength=93, delete_assets=True)
    async with EnhanceClient(
        enhance_service.credentials, base_url=enhance_service.base_url
    ) as first:
        with pytest.raises(ConfigurationError, match="v1 of the API cannot delete assets"):
            await first.enhance(
                recording, strength=93, output_dir=tmp_path / "out", delete_assets=True
            )
        with pytest.raises(ConfigurationError, match="v1 of the API cannot delete assets"):
            await first.enhance_batch(
                [recording], strength=93, output_dir=tmp_path / "out", delete_assets=True
            )
    assert enhance_service.count() == 0


async def test_what_was_deleted_is_done_anew_at_once(tmp_path: Path) -> None:
    # What was created just now may not be found yet; what was there already has been deleted.
    async with bench(tmp_path, api_version="v2") as b:
        [source] = b.sources(1)
        for _ in range(2):
            result = await b.client.enhance(source, strength=93, output_dir=b.out, overwrite=True)
            await b.client.delete_asset(result.asset.id)
        assert (b.count(CREATE, 202), b.count(POLL, 404)) == (2, 1)


@pytest.mark.parametrize("journal", [True, False])
async def test_an_upload_that_was_given_up_goes_as_well(tmp_path: Path, journal: bool) -> None:
    async with bench(tmp_path, api_version="v2") as b:
        sources = b.sources(2)
        b.service.faults.script(Fault.RESET_AFTER, route=CREATE)  # "already exists", says v2 then
        report = await b.batch(
            sources, [50, 93], delete_assets=True, journal=b.journal if journal else None
        )
        assert report.ok
        assert b.count(CREATE, 422) == 1
        assert b.count(CREATE_ASSET) == b.count(DELETE, 204) == b.count(DELETE) == 3

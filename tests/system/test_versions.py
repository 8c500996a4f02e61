"""Everything that a client does, in either generation of the API."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from audio_enhance import (
    ApiVersion,
    ConfigurationError,
    EnhanceClient,
    InvalidStrengthError,
    NotFoundError,
)
from audio_enhance.local import Fault, Faults, LocalService
from tests.conftest import QUICK_POLLING, QUICK_RETRY
from tests.support.results import expected

pytestmark = pytest.mark.parametrize("version", ["v1", "v2"])


@pytest.fixture
async def client(
    enhance_service: LocalService, version: ApiVersion
) -> AsyncIterator[EnhanceClient]:
    async with EnhanceClient(
        enhance_service.credentials,
        base_url=enhance_service.base_url,
        api_version=version,
        polling=QUICK_POLLING,
        retry=QUICK_RETRY,
    ) as client:
        yield client


def versions(service: LocalService) -> set[str]:
    """The generations that were spoken, apart from tokens."""
    return {record.api_version for record in service.record if record.api_version}


async def test_one_recording(
    client: EnhanceClient,
    enhance_service: LocalService,
    recording: Path,
    tmp_path: Path,
    version: ApiVersion,
) -> None:
    result = await client.enhance(recording, strength=93, output_dir=tmp_path / "out")
    assert result.path.read_bytes() == expected(recording)
    assert result.path.name == "earhart-aviation-enhanced-93p.mp3"
    assert (result.asset.filename, result.asset.content_type) == (recording.name, "audio/mpeg")
    assert (result.enhancement.strength, result.enhancement.asset_id) == (93, result.asset.id)
    assert versions(enhance_service) == {version}


async def test_the_five_steps(client: EnhanceClient, recording: Path, tmp_path: Path) -> None:
    asset = await client.create_asset(recording)
    await client.upload(asset, recording)
    asset = await client.wait_until_ready(asset.id)
    assert asset.checksum is not None
    enhancement = await client.create_speech_enhancement(asset.id, strength=50)
    enhancement = await client.wait_until_finished(enhancement)
    path = await client.download(enhancement, output_dir=tmp_path)
    assert path.read_bytes() == expected(recording, 50)
    assert (await client.get_asset(asset.id)).id == asset.id
    again = await client.get_speech_enhancement(asset.id, enhancement.id)
    assert again.status == "succeeded"
    async with client.stream(enhancement, range="bytes=0-9") as stream:
        assert b"".join([chunk async for chunk in stream]) == expected(recording, 50)[:10]
    assert "X-Amz-Signature" in await client.presigned_download_url(enhancement)


async def test_a_batch_is_taken_up_by_its_journal(
    client: EnhanceClient, enhance_service: LocalService, tmp_path: Path
) -> None:
    sources = [tmp_path / f"{n}.mp3" for n in range(3)]
    for source in sources:
        source.write_bytes(b"ID3" + source.name.encode() * 99)
    out, journal = tmp_path / "out", tmp_path / "batch.sqlite"
    for _ in range(2):
        report = await client.enhance_batch(
            sources, strength=[50, 93], output_dir=out, journal=journal
        )
        assert report.ok
        assert len(report) == 6
    assert enhance_service.count("POST /assets") == 3
    assert enhance_service.count("POST /speech_enhancements") == 6


async def test_what_fails_in_passing_is_tried_again(
    client: EnhanceClient, enhance_service: LocalService, recording: Path, tmp_path: Path
) -> None:
    faults = Faults()
    for route in ("POST /assets", "GET /assets/:id", "GET /speech_enhancements/:id"):
        faults.script(Fault.SERVER_ERROR, route=route)
        faults.script(Fault.RESET_AFTER, route=route)
    for route in ("PUT /object", "GET /object"):
        faults.script(Fault.EXPIRED_URL, route=route)
    enhance_service.faults = faults
    result = await client.enhance(recording, strength=93, output_dir=tmp_path / "out")
    assert result.path.read_bytes() == expected(recording)
    assert sum(faults.injected.values()) == 8


async def test_an_asset_is_deleted_where_that_is_possible(
    client: EnhanceClient, enhance_service: LocalService, recording: Path, version: ApiVersion
) -> None:
    asset = await client.create_asset(recording)
    if version == "v1":
        with pytest.raises(ConfigurationError, match="v1 of the API cannot delete assets"):
            await client.delete_asset(asset.id)
        assert enhance_service.count("DELETE /assets/:id") == 0
        return
    await client.delete_asset(asset.id)
    await client.delete_asset(asset.id)
    with pytest.raises(NotFoundError):
        await client.get_asset(asset.id)


async def test_a_strength_of_0_is_sent_where_it_is_taken(
    client: EnhanceClient,
    enhance_service: LocalService,
    recording: Path,
    tmp_path: Path,
    version: ApiVersion,
) -> None:
    if version == "v1":
        await client.enhance(recording, strength=0, output_dir=tmp_path / "out")
        return
    with pytest.raises(InvalidStrengthError, match="v2"):
        await client.enhance(recording, strength=0, output_dir=tmp_path / "out")
    with pytest.raises(InvalidStrengthError, match="v2"):
        await client.enhance_batch([recording], strength=[5, 0], output_dir=tmp_path / "out")
    with pytest.raises(InvalidStrengthError, match="v2"):
        await client.create_speech_enhancement("an-id", strength=0)
    assert enhance_service.count() == 0


@pytest.mark.parametrize("path", ["", "/audio_services"])
async def test_the_address_may_have_a_path(
    enhance_service: LocalService, recording: Path, version: ApiVersion, path: str
) -> None:
    async with EnhanceClient(
        enhance_service.credentials, base_url=enhance_service.base_url + path, api_version=version
    ) as client:
        asset = await client.create_asset(recording)
        assert (await client.get_asset(asset.id)).status == "waiting_for_upload"

"""The client and the local service once more, with an object store that is not ours behind them.

What the client sends to S3, and what it makes of S3's answers, is judged here by Swift. A
wiretap lies between everyone and Swift: what passes is seen, and can be cut or damaged.
"""

import asyncio
import json
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Self

import aiohttp
import pytest
from yarl import URL

from audio_enhance import (
    AssetStatus,
    CorruptTransferError,
    EnhanceClient,
    EnhancementFailedError,
    Source,
    SourceChangedError,
)
from audio_enhance.local import Behaviour, LocalService, S3Store
from audio_enhance.local.api import backend
from audio_enhance.local.conditions.behaviour import Revision
from audio_enhance.local.enhancer import Rehearsal, demo_recording, measure
from audio_enhance.local.object_store import s3
from tests import test_client
from tests.support.resources import partial_files

from .conftest import Swift
from .wiretap import Wiretap


class AnHourAgo(datetime):
    """A clock that is an hour slow."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) - timedelta(hours=1)


@pytest.fixture
def aws(swift: Swift, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The variables that give whoever has them the keys to Swift."""
    variables = {
        "AWS_ACCESS_KEY_ID": swift.access_key,
        "AWS_SECRET_ACCESS_KEY": swift.secret_key,
        "AWS_DEFAULT_REGION": swift.region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


@pytest.fixture
async def wiretap(swift: Swift) -> AsyncIterator[Wiretap]:
    """A way to Swift that can be watched."""
    async with Wiretap(swift.endpoint_url) as wiretap:
        yield wiretap


@pytest.fixture(params=["2024-04", "later"])
def revision(request: pytest.FixtureRequest) -> Revision:
    """Which revision of the API the service speaks: every test is run with both."""
    revision: Revision = request.param
    return revision


@pytest.fixture
async def enhance_service(
    request: pytest.FixtureRequest,
    swift: Swift,
    wiretap: Wiretap,
    aws: dict[str, str],
    revision: Revision,
) -> AsyncIterator[LocalService]:
    """The plugin's fixture once more, over Swift; `client` follows it."""
    marker = request.node.get_closest_marker("enhance_service")
    arguments: dict[str, Any] = {
        "behaviour": Behaviour(revision=revision),
        "enhancer": Rehearsal(),
    } | (marker.kwargs if marker else {})
    store = S3Store(wiretap.url, swift.bucket)
    async with LocalService(object_store=store, **arguments) as service:
        wiretap.record = service.record
        yield service


class TestFiveSteps(test_client.TestFiveSteps):
    """The client's own tests, over Swift."""


@pytest.mark.parametrize("revision", ["2024-04"])
class TestEnhance(test_client.TestEnhance):
    """The client's own tests, over Swift."""


async def test_the_five_steps(
    client: EnhanceClient,
    enhance_service: LocalService,
    wiretap: Wiretap,
    revision: Revision,
    recording: Path,
    tmp_path: Path,
) -> None:
    later = revision == "later"
    asset = await client.create_asset(recording)
    assert asset.upload_url is not None
    assert asset.upload_url.startswith(f"{wiretap.url}/recordings/Assets/{asset.id}?")
    assert ("content-md5" in asset.upload_url) is not later
    assert (await client.get_asset(asset.id)).status == AssetStatus.WAITING_FOR_UPLOAD

    await client.upload(asset, recording)
    ready = await client.wait_until_ready(asset.id)
    # In the later revision it is Swift's ETag that gives the checksum.
    assert (asset.checksum is None) is later
    assert ready.checksum == (await Source.from_path(recording).fingerprint()).checksum

    enhancement = await client.create_speech_enhancement(asset.id, strength=93)
    enhancement = await client.wait_until_finished(enhancement)
    assert enhancement.download_url is not None
    assert enhancement.download_url.startswith(wiretap.url if later else enhance_service.base_url)
    path = await client.download(enhancement, output_dir=tmp_path / "enhanced")
    assert path == tmp_path / "enhanced" / "earhart-aviation-enhanced-93p.mp3"
    assert path.read_bytes() == Rehearsal.expected(recording.read_bytes(), 93)
    assert [head.split(b" ")[0] for head in wiretap.heads] == [b"PUT", b"GET"]


async def test_swift_sees_the_urls_as_they_came_and_no_credentials(
    client: EnhanceClient, wiretap: Wiretap, revision: Revision, recording: Path, tmp_path: Path
) -> None:
    asset = await client.create_asset(recording)
    await client.upload(asset, recording)
    await client.wait_until_ready(asset.id)
    enhancement = await client.wait_until_finished(
        await client.create_speech_enhancement(asset.id, strength=50)
    )
    await client.download(enhancement, output_dir=tmp_path)

    put, get = (head.lower() for head in wiretap.heads)
    assert f"PUT {str(asset.upload_url).removeprefix(wiretap.url)} ".encode() in wiretap.heads[0]
    assert b"content-length: %d\r\n" % recording.stat().st_size in put
    assert (b"\r\ncontent-md5:" in put) is (revision == "2024-04")
    for head in (put, get):
        for name in (b"authorization", b"x-api-key", b"cookie", b"transfer-encoding"):
            assert b"\r\n" + name + b":" not in head


@pytest.mark.parametrize(
    "name",
    [
        "Interview № 5 — Zoë.wav",
        "講演.mp3",
        'ten "per cent" 10%+; a=b, c.m4a',
        "it's (one) *star* & ~two~.ogg",
        "%2F%41.mp3",
    ],
)
async def test_results_have_the_names_that_swift_was_told(
    client: EnhanceClient, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def called(filename: str, strength: int) -> str:
        return name

    # It travels through a query parameter, which is signed, and Swift's Content-Disposition.
    monkeypatch.setattr(backend, "output_name", called)
    source = Source.from_bytes(b"speech", "talk.mp3")
    result = await client.enhance(source, strength=93, output_dir=tmp_path)
    # What no file may be called on some system is replaced.
    assert result.path.name == re.sub('["*]', "_", name)


async def test_a_batch_at_two_strengths_uploads_each_recording_once(
    client: EnhanceClient, enhance_service: LocalService, tmp_path: Path
) -> None:
    paths = [tmp_path / f"part-{number}.mp3" for number in range(8)]
    for number, path in enumerate(paths):
        path.write_bytes(b"speech %d " % number * 3000)
    paths[3].write_bytes(b"not audio, as the rehearsal knows")
    journal = tmp_path / "batch.sqlite"

    report = await client.enhance_batch(
        paths, strength=[50, 93], output_dir=tmp_path / "enhanced", journal=journal
    )
    assert [(outcome.source, outcome.strength) for outcome in report] == [
        (path, strength) for path in paths for strength in (50, 93)
    ]
    for outcome in report:
        if outcome.source == paths[3]:
            assert isinstance(outcome.error, EnhancementFailedError)
            continue
        assert outcome.ok, outcome.error
        assert outcome.path is not None
        data = Path(str(outcome.source)).read_bytes()
        assert outcome.path.read_bytes() == Rehearsal.expected(data, outcome.strength)
    assert enhance_service.count("PUT /object") == len(paths)
    assert enhance_service.count("GET /object") == 2 * (len(paths) - 1)

    before = Counter(record.route for record in enhance_service.record)
    again = await client.enhance_batch(
        [path for path in paths if path != paths[3]],
        strength=[50, 93],
        output_dir=tmp_path / "enhanced",
        journal=journal,
    )
    assert {outcome.status for outcome in again} == {"skipped"}
    assert Counter(record.route for record in enhance_service.record) == before
    assert enhance_service.count("PUT /object") == len(paths)


async def test_an_expired_upload_url_is_renewed(
    client: EnhanceClient,
    enhance_service: LocalService,
    recording: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as slow:
        slow.setattr(s3, "datetime", AnHourAgo)
        asset = await client.create_asset(recording)
    await client.upload(asset, recording)
    assert (await client.wait_until_ready(asset.id)).id == asset.id
    assert enhance_service.count("PUT /object") == 2
    assert enhance_service.count("POST /assets") == 1


async def test_an_expired_download_url_is_renewed(
    client: EnhanceClient,
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result = await client.enhance(recording, strength=93, output_dir=tmp_path / "enhanced")
    with monkeypatch.context() as slow:
        slow.setattr(s3, "datetime", AnHourAgo)
        enhancement = await client.get_speech_enhancement(result.asset.id, result.enhancement.id)
        old = await client.presigned_download_url(enhancement)
    async with aiohttp.ClientSession() as browser, browser.get(URL(old, encoded=True)) as answer:
        assert answer.status == 403
        assert "Request has expired" in await answer.text()
    # In the later revision the enhancement at hand carries the expired URL itself.
    path = await client.download(enhancement, output_dir=tmp_path / "again")
    assert path.read_bytes() == Rehearsal.expected(recording.read_bytes(), 93)
    async with client.stream(enhancement) as stream:
        assert b"".join([chunk async for chunk in stream]) == path.read_bytes()


async def test_a_file_that_changed_is_an_error(
    client: EnhanceClient, enhance_service: LocalService, recording: Path
) -> None:
    source = Source.from_path(recording)
    asset = await client.create_asset(source)
    recording.write_bytes(recording.read_bytes()[:-1])
    with pytest.raises(SourceChangedError):
        await client.upload(asset, source)
    assert (await client.get_asset(asset.id)).status == AssetStatus.WAITING_FOR_UPLOAD


@pytest.mark.parametrize("revision", ["2024-04"])
async def test_a_file_that_changed_without_a_trace_is_refused_by_swift(
    client: EnhanceClient, enhance_service: LocalService, recording: Path
) -> None:
    source = Source.from_path(recording)
    asset = await client.create_asset(source)
    before = recording.stat()
    recording.write_bytes(recording.read_bytes()[::-1])
    os.utime(recording, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(SourceChangedError, match="changed while it was sent"):
        await client.upload(asset, source)
    assert enhance_service.count("PUT /object") == 1
    assert (await client.get_asset(asset.id)).status == AssetStatus.WAITING_FOR_UPLOAD


@pytest.mark.parametrize("revision", ["2024-04"])
async def test_bytes_damaged_on_their_way_up_are_sent_again(
    client: EnhanceClient,
    enhance_service: LocalService,
    wiretap: Wiretap,
    recording: Path,
    tmp_path: Path,
) -> None:
    wiretap.damage = b"\xfe\xff"
    result = await client.enhance(recording, strength=93, output_dir=tmp_path)
    assert wiretap.struck == 1
    assert enhance_service.count("PUT /object") == 2
    assert result.path.read_bytes() == Rehearsal.expected(recording.read_bytes(), 93)


@pytest.mark.parametrize("revision", ["later"])
async def test_damage_that_no_signed_digest_shows_is_found_by_the_checksum(
    client: EnhanceClient, wiretap: Wiretap, recording: Path, tmp_path: Path
) -> None:
    wiretap.damage = b"\xfe\xff"
    with pytest.raises(CorruptTransferError, match="other bytes than those that were sent"):
        await client.enhance(recording, strength=93, output_dir=tmp_path / "enhanced")
    assert wiretap.struck == 1
    assert not list((tmp_path / "enhanced").glob("*"))


async def test_an_upload_that_is_cut_starts_over(
    client: EnhanceClient,
    enhance_service: LocalService,
    wiretap: Wiretap,
    recording: Path,
) -> None:
    asset = await client.create_asset(recording)
    wiretap.cut_up = 150_000
    await client.upload(asset, recording)
    assert wiretap.struck == 1
    assert enhance_service.count("PUT /object") == 2
    assert (await client.wait_until_ready(asset.id)).status == AssetStatus.READY_FOR_PROCESSING
    assert enhance_service.count("POST /assets") == 1


async def test_a_download_that_is_cut_goes_on_where_it_was(
    client: EnhanceClient, wiretap: Wiretap, recording: Path, tmp_path: Path
) -> None:
    finished = await client.enhance(recording, strength=93, output_dir=tmp_path / "first")
    wiretap.heads.clear()
    wiretap.cut_down = 100_000
    path = await client.download(finished.enhancement, output_dir=tmp_path / "second")
    assert path.read_bytes() == Rehearsal.expected(recording.read_bytes(), 93)
    assert wiretap.struck == 1
    first, second = wiretap.heads
    assert b"\r\nRange: " not in first
    found = re.search(rb"\r\nRange: bytes=(\d+)-\r\n", second)
    assert found
    assert 90_000 < int(found[1]) < 100_000  # less the answer's head
    assert re.search(rb'\r\nIf-Range: "[0-9a-f]{32}"\r\n', second)
    assert partial_files(tmp_path) == []


async def test_the_presigned_url_needs_nothing_else(
    client: EnhanceClient, wiretap: Wiretap, recording: Path
) -> None:
    job = await client.submit(recording, strength=93)
    result = await job
    url = await client.presigned_download_url(result.enhancement)
    assert url.startswith(f"{wiretap.url}/recordings/SpeechEnhancements/")
    async with aiohttp.ClientSession() as browser, browser.get(URL(url, encoded=True)) as answer:
        assert answer.status == 200
        assert await answer.read() == Rehearsal.expected(recording.read_bytes(), 93)
        assert answer.content_type == "audio/mpeg"
        disposition = answer.content_disposition
        assert disposition is not None
        assert disposition.filename == "earhart-aviation-enhanced-93p.mp3"


async def test_a_result_is_passed_through_in_parts(client: EnhanceClient, recording: Path) -> None:
    enhancement = (await (await client.submit(recording, strength=93))).enhancement
    whole = Rehearsal.expected(recording.read_bytes(), 93)
    async with client.stream(enhancement) as stream:
        assert (stream.status, stream.headers["Content-Length"]) == (200, str(len(whole)))
        assert stream.headers["Content-Type"] == "audio/mpeg"
        assert b"".join([chunk async for chunk in stream]) == whole
    for asked, part in (("1000-1999", slice(1000, 2000)), ("-10", slice(-10, None))):
        async with client.stream(enhancement, range=f"bytes={asked}") as stream:
            assert stream.status == 206
            start, stop, _ = part.indices(len(whole))
            assert stream.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(whole)}"
            assert b"".join([chunk async for chunk in stream]) == whole[part]
    async with client.stream(enhancement, range=f"bytes={len(whole)}-") as stream:
        assert stream.status == 416


async def test_serve_over_swift_from_the_command_line(
    swift: Swift, aws: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "audio_enhance", "serve", "--json"),
        *("--s3-endpoint", swift.endpoint_url, "--s3-bucket", swift.bucket),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        for name, value in json.loads(await process.stdout.readline()).items():
            monkeypatch.setenv(name, value)
        async with EnhanceClient.from_env() as client:
            result = await client.enhance(demo_recording(), strength=93, output_dir=tmp_path)
            url = await client.presigned_download_url(result.enhancement)
        assert url.startswith(f"{swift.endpoint_url}/{swift.bucket}/")
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    before, after = measure(demo_recording()), measure(result.path)
    assert after.noise_floor < before.noise_floor - 20

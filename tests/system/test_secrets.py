"""No token, secret or signature is ever seen: in logs, reprs, errors and what hangs on them."""

import asyncio
import logging
import re
import traceback
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from audio_enhance import (
    AccessToken,
    AudioEnhanceError,
    ClientCredentials,
    EnhanceClient,
    Event,
    RetryPolicy,
    SpeechEnhancement,
    Timeouts,
)
from audio_enhance.local import Behaviour, Fault, LocalService
from audio_enhance.local.enhancer import Rehearsal
from tests.conftest import QUICK_POLLING
from tests.support.answers import answer, asset_json, enhancement_json
from tests.support.raw_server import RawServer, Reply, reply

# What presigned URLs and tokens are made of, whoever made them.
PATTERNS = [
    re.compile(r"\b[0-9a-f]{64}\b"),  # a signature
    re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),  # an access key
    re.compile(r"FwoGZXIvYXdz\w*"),  # a session token
    re.compile(r"eyJ[\w-]{10,}"),  # a JSON Web Token
    re.compile(r"Bearer (?![…{])\S+"),  # a brace is of a line of source in a traceback
    re.compile(r"(?i)x-amz-signature=(?!…)\S+"),
]


class Witness(logging.Handler):
    """Hears and sees everything."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))
        self.texts: list[str] = []
        self.secrets: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))
        self.texts.extend(map(repr, record.args or ()))

    def see(self, *things: object) -> None:
        for thing in things:
            self.texts += [repr(thing), str(thing)]

    def see_error(self, error: BaseException) -> None:
        """Look at an error and everything that can be reached from it."""
        pending: list[BaseException] = [error]
        seen: set[int] = set()
        while pending:
            one = pending.pop()
            if id(one) in seen:
                continue
            seen.add(id(one))
            self.see(one, one.args, vars(one))
            self.texts += traceback.format_exception(one)
            pending += [other for other in (one.__cause__, one.__context__) if other is not None]
            if isinstance(one, BaseExceptionGroup):
                pending += one.exceptions

    def found(self) -> list[str]:
        return [
            f"{secret!r} in {text!r}"
            for text in self.texts
            for secret in [
                *(secret for secret in self.secrets if secret in text),
                *(match[0] for pattern in PATTERNS for match in pattern.finditer(text)),
            ]
        ]


@pytest.fixture
def witness(caplog: pytest.LogCaptureFixture) -> Iterator[Witness]:
    witness = Witness()
    root = logging.getLogger()
    root.addHandler(witness)
    caplog.set_level(logging.DEBUG)
    for name in ("audio_enhance", "aiohttp.client", "asyncio"):
        caplog.set_level(logging.DEBUG, name)
    yield witness
    root.removeHandler(witness)


@pytest.fixture
async def client(enhance_service: LocalService, witness: Witness) -> AsyncIterator[EnhanceClient]:
    asyncio.get_running_loop().slow_callback_duration = 0.0  # asyncio's debug mode tells all
    witness.secrets.append(enhance_service.client_secret)
    async with EnhanceClient(
        enhance_service.credentials,
        base_url=enhance_service.base_url,
        polling=QUICK_POLLING,
        retry=RetryPolicy(attempts=2, longest_wait=0.002),
        timeouts=Timeouts(request=0.4, stall=0.4),
    ) as client:
        witness.see(client, enhance_service.credentials)
        tokens = client._connections.steps().api._tokens  # also of a client that the test closes
        yield client
        token = tokens._token  # type: ignore[attr-defined]
        if token is not None:
            witness.secrets.append(token)


def test_the_witness_can_see() -> None:
    witness = Witness()
    witness.secrets.append("s3cr3t")
    witness.see("nothing")
    assert witness.found() == []
    inner = ValueError(f"X-Amz-Signature={'4' * 64}")
    error = KeyError("s3cr3t")
    error.__context__ = inner
    witness.see_error(error)
    assert len(witness.found()) > 5


@pytest.mark.parametrize("revision", ["2024-04", "later"])
async def test_a_full_run(witness: Witness, recording: Path, tmp_path: Path, revision: Any) -> None:
    asyncio.get_running_loop().slow_callback_duration = 0.0
    async with LocalService(
        enhancer=Rehearsal(), behaviour=Behaviour(revision=revision)
    ) as service:
        witness.secrets.append(service.client_secret)
        client = EnhanceClient(
            service.credentials, base_url=service.base_url, polling=QUICK_POLLING
        )
        async with client:
            events: list[Event] = []
            asset = await client.create_asset(recording)
            job = await client.submit(
                recording, strength=93, output_dir=tmp_path, on_event=events.append
            )
            witness.see(client, asset, job)
            result = await job
            assert asset.upload_url
            url = await client.presigned_download_url(result.enhancement)
            witness.see(result, job, result.asset, result.enhancement, *events)
            witness.see(client._connections.steps(), vars(client._connections.steps().api))
            for secret_url in (asset.upload_url, url):
                query = secret_url.partition("?")[2]
                witness.secrets += [
                    part.partition("=")[2]
                    for part in query.split("&")
                    if part.startswith(
                        ("X-Amz-Signature", "X-Amz-Security-Token", "X-Amz-Credential")
                    )
                ]
            token = client._connections.steps().api._tokens._token  # type: ignore[attr-defined]
            witness.secrets.append(token)
    assert len(witness.secrets) == 8
    assert all(len(secret) > 20 for secret in witness.secrets)
    assert len([text for text in witness.texts if "PUT" in text or "POST" in text]) > 3
    assert witness.found() == []


FAULTS = [
    (Fault.RESET_BEFORE, "POST /ims/token/v3"),
    (Fault.SERVER_ERROR, "POST /ims/token/v3"),
    (Fault.SLOW_ANSWER, "POST /ims/token/v3"),
    (Fault.RESET_AFTER, "POST /assets"),
    (Fault.SERVER_ERROR, "POST /assets"),
    (Fault.SLOW_ANSWER, "POST /assets"),
    (Fault.RESET_BEFORE, "PUT /object"),
    (Fault.CUT_UPLOAD, "PUT /object"),
    (Fault.EXPIRED_URL, "PUT /object"),
    (Fault.SERVER_ERROR, "PUT /object"),
    (Fault.SLOW_ANSWER, "PUT /object"),
    (Fault.RESET_BEFORE, "GET /assets/:id"),
    (Fault.RESET_AFTER, "POST /speech_enhancements"),
    (Fault.TOO_MANY_REQUESTS, "POST /speech_enhancements"),
    (Fault.RESET_BEFORE, "GET /speech_enhancements/:id"),
    (Fault.RESET_BEFORE, "GET /speech_enhancements/:id/download"),
    (Fault.RESET_BEFORE, "GET /object"),
    (Fault.TRUNCATED_DOWNLOAD, "GET /object"),
    (Fault.EXPIRED_URL, "GET /object"),
    (Fault.SERVER_ERROR, "GET /object"),
    (Fault.SLOW_ANSWER, "GET /object"),
]


SURVIVED = {
    (Fault.SLOW_ANSWER, "PUT /object"),  # the API says that the bytes are there
    (Fault.RESET_BEFORE, "GET /speech_enhancements/:id"),  # it is asked until it answers again
}


@pytest.mark.virtual_time
@pytest.mark.parametrize(("fault", "route"), FAULTS)
async def test_each_failing_run(
    client: EnhanceClient,
    enhance_service: LocalService,
    witness: Witness,
    tmp_path: Path,
    fault: Fault,
    route: str,
) -> None:
    recording = tmp_path / "a.mp3"
    recording.write_bytes(b"ID3" + bytes(200_000))
    enhance_service.faults.slow_seconds = 0.5
    enhance_service.faults.retry_after = 0
    times = 5 if (fault, route) in SURVIVED else 200
    enhance_service.faults.script(fault, route=route, times=times)
    events: list[Event] = []
    job = await client.submit(
        recording, strength=93, output_dir=tmp_path / "out", on_event=events.append
    )
    if (fault, route) in SURVIVED:
        await job
    else:
        with pytest.raises(AudioEnhanceError) as caught:
            await job
        witness.see_error(caught.value)
        assert caught.value.phase
    witness.see(job, *events)
    await client.aclose()
    assert witness.texts
    assert witness.found() == []


SIGNED = f"k?X-Amz-Credential={'ASIA' + 'A' * 16}%2F2024&X-Amz-Signature={'4' * 64}"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJpZCI6IjEyMyJ9.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "answered",
    [
        answer(401, {"error_code": "401013", "message": f"Oauth token {TOKEN} is not valid"}),
        answer(403, {"message": f"Authorization: Bearer {TOKEN}"}),
        answer(422, {"errors": {"upload_url": [f"https://b.example/{SIGNED} is wrong"]}}),
        reply(502, f"<p>GET https://b.example/{SIGNED} failed</p>".encode()),
        reply(200, f"<p>https://b.example/{SIGNED}</p>".encode()),
        answer(200, enhancement_json(download_url=f"https://b.example/{SIGNED}", id=None)),
        answer(200, enhancement_json(status="succeeded", download_url=f"ftp://b.example/{SIGNED}")),
        answer(
            200, enhancement_json(status="succeeded", download_url=f"https://b.example/{SIGNED} ")
        ),
        answer(
            200, enhancement_json(status="succeeded", download_url=f"https://x.invalid/{SIGNED}")
        ),
        answer(
            200, enhancement_json(status="succeeded", download_url=f"http://127.0.0.1:9/{SIGNED}")
        ),
        answer(
            200, enhancement_json(status="succeeded", download_url=f"https://127.0.0.1:9/{SIGNED}")
        ),
        reply(302, location=f"https://b.example/{SIGNED}"),
        Reply((b"HTTP/1.1 garbage\r\n\r\n",), then="close"),
        Reply(then="reset"),
    ],
)
async def test_servers_that_tell_on_us(witness: Witness, tmp_path: Path, answered: Reply) -> None:
    witness.secrets += [TOKEN, "4" * 64, "the-secret-token"]
    async with RawServer([answered] * 40) as server:
        client = EnhanceClient(
            AccessToken("the-secret-token", client_id="the-id"),
            base_url=server.url,
            retry=RetryPolicy(attempts=2, longest_wait=0.001),
            timeouts=Timeouts(connect=2, request=2, stall=2),
        )
        async with client:
            queued = SpeechEnhancement.from_json(enhancement_json())
            for call in (
                client.download(queued, output_dir=tmp_path),
                client.wait_until_finished(queued, timeout=0),
                client.get_asset("a"),
            ):
                try:
                    witness.see(await call)
                except AudioEnhanceError as error:
                    witness.see_error(error)
            witness.see(client)
    assert any("Error" in text for text in witness.texts)
    assert witness.found() == []


async def test_an_upload_url_that_leads_nowhere(witness: Witness, recording: Path) -> None:
    witness.secrets.append("4" * 64)
    for url in (
        f"http://127.0.0.1:9/{SIGNED}",
        f"https://x.invalid/{SIGNED}",
        f"http://[/{SIGNED}",
    ):
        asset = asset_json(
            status="waiting_for_upload",
            upload_url=url,
            byte_size=recording.stat().st_size,
            checksum=None,
        )
        async with RawServer([answer(201, asset), answer(200, asset)]) as server:
            client = EnhanceClient(
                AccessToken("the-secret-token", client_id="the-id"),
                base_url=server.url,
                retry=RetryPolicy(attempts=2, longest_wait=0.001),
            )
            async with client:
                created = await client.create_asset(recording)
                with pytest.raises(AudioEnhanceError) as caught:
                    await client.upload(created, recording)
        witness.see(created)
        witness.see_error(caught.value)
    assert witness.found() == []


@pytest.mark.parametrize("quoted", ["{}", "a={}&b=c", "%7B{}%7D"])
async def test_servers_that_quote_what_they_were_sent(witness: Witness, quoted: str) -> None:
    """Secrets that look like nothing in particular."""
    witness.secrets += ["p8e-opaque/+1", "p8e-opaque%2F%2B1", "plain-opaque"]
    said = {"message": quoted.format("p8e-opaque/+1 and p8e-opaque%2F%2B1") + " is unknown"}
    async with RawServer([answer(400, said)] * 4) as server:
        credentials = ClientCredentials("the-id", "p8e-opaque/+1", token_url=server.url)
        async with EnhanceClient(credentials, base_url=server.url) as client:
            with pytest.raises(AudioEnhanceError, match="is unknown") as caught:
                await client.get_asset("a")
    witness.see_error(caught.value)
    said = {"message": quoted.format("plain-opaque") + " may not"}
    async with RawServer([answer(403, said)] * 4) as server:
        token = AccessToken("plain-opaque", client_id="the-id")
        async with EnhanceClient(token, base_url=server.url) as client:
            with pytest.raises(AudioEnhanceError, match="may not") as caught:
                await client.get_asset("a")
    witness.see_error(caught.value)
    assert witness.found() == []


async def test_settings_show_nothing(witness: Witness) -> None:
    witness.secrets += ["the-secret", "the-token", "the-password"]
    credentials = ClientCredentials("the-id", "the-secret")
    token = AccessToken("the-token", client_id="the-id")
    witness.see(credentials, token, EnhanceClient([credentials, token]), attrs.fields(type(token)))
    for url in ("https://me:the-password@host", "https://host/?client_secret=the-secret"):
        with pytest.raises(AudioEnhanceError) as caught:
            EnhanceClient(credentials, base_url=url)
        witness.see_error(caught.value)
    assert witness.found() == []

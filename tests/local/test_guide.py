"""The commands of the Enhance Speech guide, run by curl as they are printed there.

Only the host, the ids, the credentials and the path of the file are this test's own.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.support.tools import needs

from .support import Caller, md5, path_of

pytestmark = needs("curl")

HOST = "https://firefly-api-enterprise-stage.adobe.io"
ASSET_ID = "3445d7a0-2513-4606-b37b-bff0034c0214"
ENHANCEMENT_ID = "b877bc56-9c17-4efb-8eec-b5839cd7f555"
# The guide's --data reads the file as text: curl drops carriage returns, line feeds and zero
# bytes from it. So this recording has none, as 59,400 bytes of MP3 hardly ever do.
RECORDING = (b"\xff\xfb\x90d" + bytes(b for b in range(1, 256) if b not in b"\r\n")) * 200

CREATE_ASSET = """
curl 'https://firefly-api-enterprise-stage.adobe.io/audio_services/v1/assets' \\
--header 'x-api-key: {CLIENT_ID}' \\
--header 'Content-Type: application/json' \\
--header 'Authorization: Bearer {ACCESS_TOKEN}' \\
--data '{
    "filename": "earhart-aviation.mp3",
    "byte_size": 59400,
    "checksum": "AWzJTRSXGy5JsL+Phh/cFA==",
    "content_type": "audio/mpeg"

}'
"""

CHECKSUM = "openssl dgst -md5 -binary /path/to/earhart-aviation.mp3 | base64"

UPLOAD = """
curl --request PUT '{UPLOAD_URL}' \\
--header 'Content-MD5: AWzJTRSXGy5JsL+Phh/cFA==' \\
--header 'Content-Type: audio/mpeg' \\
--data '@/path/to/earhart-aviation.mp3'
"""

GET_ASSET = """
curl --request GET 'https://firefly-api-enterprise-stage.adobe.io/audio_services/v1/assets/3445d7a0-2513-4606-b37b-bff0034c0214' \\
--header 'x-api-key: {CLIENT_ID}' \\
--header 'Content-Type: application/json' \\
--header 'Authorization: Bearer {ACCESS_TOKEN}'
"""  # noqa: E501

ENHANCE = """
curl --location 'https://firefly-api-enterprise-stage.adobe.io/audio_services/v1/assets/3445d7a0-2513-4606-b37b-bff0034c0214/speech_enhancements' \\
--header 'x-api-key: {CLIENT_ID}' \\
--header 'Content-Type: application/json' \\
--header 'Authorization: Bearer {ACCESS_TOKEN}' \\
--data '{
    "strength": 93
}'
"""  # noqa: E501

POLL = """
curl 'https://firefly-api-enterprise-stage.adobe.io/audio_services/v1/assets/3445d7a0-2513-4606-b37b-bff0034c0214/speech_enhancements/b877bc56-9c17-4efb-8eec-b5839cd7f555' \\
--header 'x-api-key: {CLIENT_ID}' \\
--header 'Authorization: Bearer {ACCESS_TOKEN}'
"""  # noqa: E501

DOWNLOAD = """
curl 'https://firefly-api-enterprise-stage.adobe.io/audio_services/v1/assets/3445d7a0-2513-4606-b37b-bff0034c0214/speech_enhancements/b877bc56-9c17-4efb-8eec-b5839cd7f555/download' \\
--location \\
--remote-name --remote-header-name \\
--header 'x-api-key: {CLIENT_ID}' \\
--header 'Authorization: Bearer {ACCESS_TOKEN}'
"""  # noqa: E501

# What Adobe's authentication guide adds as step 0.
TOKEN = """
curl -X POST 'https://ims-na1.adobelogin.com/ims/token/v3' \\
-H 'Content-Type: application/x-www-form-urlencoded' \\
-d 'client_id={CLIENT_ID}&client_secret={CLIENT_SECRET}&grant_type=client_credentials&scope=openid,AdobeID,session,additional_info,read_organizations,firefly_api,ff_apis'
"""  # noqa: E501

# The second generation's guide (Adobe Audio APIs, steps 1 to 5).
SECOND_HOST = "https://audio-services-stage.adobe.io"

CREATE_ASSET_V2 = """
curl 'https://audio-services-stage.adobe.io/api/v2/assets' \\
--header "x-api-key: $CLIENT_ID" \\
--header "Content-Type: application/json" \\
--header "Authorization: Bearer $ACCESS_TOKEN" \\
--data '{
    "fileName": "earhart-aviation.mp3",
    "byteSize": 59400,
    "mediaType": "audio/mpeg"
}'
"""

UPLOAD_V2 = """
curl '{UPLOAD_URL}' \\
--request PUT \\
--header 'Content-Type: audio/mpeg' \\
--data-binary '@/path/to/earhart-aviation.mp3'
"""

GET_ASSET_V2 = """
curl --request GET 'https://audio-services-stage.adobe.io/api/v2/assets/3445d7a0-2513-4606-b37b-bff0034c0214' \\
--header "x-api-key: $CLIENT_ID"  \\
--header "Content-Type: application/json" \\
--header "Authorization: Bearer $ACCESS_TOKEN"
"""  # noqa: E501

ENHANCE_V2 = """
curl 'https://audio-services-stage.adobe.io/api/v2/speech-enhancements' \\
--header "x-api-key: $CLIENT_ID" \\
--header "Content-Type: application/json" \\
--header "Authorization: Bearer $ACCESS_TOKEN" \\
--data '{
    "input": {
        "uploadId": "audio-services:asset:3445d7a0-2513-4606-b37b-bff0034c0214"
    },
    "strength": 93
}'
"""

POLL_V2 = """
curl 'https://audio-services-stage.adobe.io/api/v2/speech-enhancements/b877bc56-9c17-4efb-8eec-b5839cd7f555' \\
--header "x-api-key: $CLIENT_ID" \\
--header "Authorization: Bearer $ACCESS_TOKEN"
"""  # noqa: E501

DOWNLOAD_V2 = """
curl '{DOWNLOAD_URL}' \\
--remote-name --remote-header-name
"""


class Shell:
    """Runs the commands in a folder, with the caller's own values put in."""

    def __init__(self, caller: Caller, folder: Path, recording: bytes) -> None:
        self._folder = folder
        path = folder / "earhart-aviation.mp3"
        path.write_bytes(recording)
        service = caller.service
        self.values = {
            HOST: service.base_url,
            SECOND_HOST: service.base_url,
            "https://ims-na1.adobelogin.com": service.base_url,
            "{CLIENT_ID}": service.client_id,
            "$CLIENT_ID": service.client_id,
            "{CLIENT_SECRET}": service.client_secret,
            "/path/to/earhart-aviation.mp3": str(path),
            "59400": str(len(recording)),
            "AWzJTRSXGy5JsL+Phh/cFA==": md5(recording),
        }

    async def run(self, command: str) -> bytes:
        for printed, own in self.values.items():
            command = command.replace(printed, own)
        command = command.replace("curl ", "curl --silent --show-error --noproxy '*' ", 1)
        process = await asyncio.create_subprocess_shell(
            command, cwd=self._folder, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        assert process.returncode == 0, output
        return output

    async def json(self, command: str) -> Any:
        return json.loads(await self.run(command))


async def test_every_command_of_the_guide(caller: Caller, tmp_path: Path) -> None:
    shell = Shell(caller, tmp_path, RECORDING)
    shell.values["{ACCESS_TOKEN}"] = (await shell.json(TOKEN))["access_token"]
    assert (await shell.run(CHECKSUM)).decode().strip() == md5(RECORDING)

    asset = await shell.json(CREATE_ASSET)
    assert asset["status"] == "waiting_for_upload"
    shell.values["{UPLOAD_URL}"] = asset["upload_url"]
    shell.values[ASSET_ID] = asset["id"]
    assert await shell.run(UPLOAD) == b"", "an empty body"
    asset = await shell.json(GET_ASSET)
    assert (asset["status"], asset["upload_url"]) == ("ready_for_processing", None)

    enhancement = await shell.json(ENHANCE)
    assert enhancement["status"] == "queued"
    shell.values[ENHANCEMENT_ID] = enhancement["id"]
    await caller.finished(enhancement)
    enhancement = await shell.json(POLL)
    assert enhancement["status"] == "succeeded"
    assert enhancement["download_url"].endswith(
        path_of(enhancement, "/audio_services/api") + "/download"
    )

    await shell.run(DOWNLOAD)
    result = tmp_path / "earhart-aviation-enhanced-93p.mp3"
    assert result.read_bytes() == RECORDING
    statuses = [record.status for record in caller.service.record]
    assert all(status is not None and status < 400 for status in statuses)


async def test_every_command_of_the_second_guide(caller: Caller, tmp_path: Path) -> None:
    shell = Shell(caller, tmp_path, RECORDING)
    shell.values["$ACCESS_TOKEN"] = (await shell.json(TOKEN))["access_token"]
    asset = await shell.json(CREATE_ASSET_V2)
    assert (asset["status"], asset["checksum"]) == ("waiting_for_upload", None)
    shell.values["{UPLOAD_URL}"] = asset["uploadUrl"]
    shell.values[ASSET_ID] = asset["id"]
    assert await shell.run(UPLOAD_V2) == b"", "an empty body"
    asset = await shell.json(GET_ASSET_V2)
    assert (asset["status"], asset["uploadUrl"]) == ("ready_for_processing", None)
    assert asset["checksum"] == md5(RECORDING)

    enhancement = await shell.json(ENHANCE_V2)
    assert (enhancement["status"], enhancement["output"]) == ("queued", None)
    shell.values[ENHANCEMENT_ID] = enhancement["id"]
    while enhancement["status"] != "succeeded":
        enhancement = await shell.json(POLL_V2)
    shell.values["{DOWNLOAD_URL}"] = enhancement["output"]["url"]
    await shell.run(DOWNLOAD_V2)
    assert (tmp_path / "earhart-aviation-enhanced-93p.mp3").read_bytes() == RECORDING
    statuses = [record.status for record in caller.service.record]
    assert all(status is not None and status < 400 for status in statuses)


async def test_a_second_look_gives_an_upload_url_that_works(caller: Caller, tmp_path: Path) -> None:
    shell = Shell(caller, tmp_path, RECORDING)
    shell.values["{ACCESS_TOKEN}"] = caller.token
    asset = await shell.json(CREATE_ASSET)
    shell.values[ASSET_ID] = asset["id"]
    again = await shell.json(GET_ASSET)
    assert again["upload_url"] != asset["upload_url"]
    shell.values["{UPLOAD_URL}"] = again["upload_url"]
    assert await shell.run(UPLOAD) == b""
    assert (await shell.json(GET_ASSET))["status"] == "ready_for_processing"


async def test_the_guides_data_option_spoils_most_recordings(
    caller: Caller, tmp_path: Path
) -> None:
    """curl's --data takes line ends out of a file; the signed length then no longer fits."""
    recording = b"ID3\x04\r\n" + RECORDING
    shell = Shell(caller, tmp_path, recording)
    shell.values["{ACCESS_TOKEN}"] = caller.token
    shell.values["{UPLOAD_URL}"] = (await shell.json(CREATE_ASSET))["upload_url"]
    assert b"<Code>SignatureDoesNotMatch</Code>" in await shell.run(UPLOAD)
    assert await shell.run(UPLOAD.replace("--data ", "--data-binary ")) == b""


async def test_a_large_upload_waits_for_100_continue(caller: Caller, tmp_path: Path) -> None:
    shell = Shell(caller, tmp_path, RECORDING * 30)
    shell.values["{ACCESS_TOKEN}"] = caller.token
    shell.values["{UPLOAD_URL}"] = (await shell.json(CREATE_ASSET))["upload_url"]
    assert await shell.run(UPLOAD.replace("PUT ", "PUT --expect100-timeout 60 ")) == b""

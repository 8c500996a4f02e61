"""Memory stays the same whatever the size of a file."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

MIB = 1 << 20

PROGRAM = """
import asyncio, json, sys, threading
from pathlib import Path
import psutil
from audio_enhance.local import LocalService

class Copy:
    async def enhance(self, source, destination, *, content_type, strength):
        with source.open("rb") as a, destination.open("wb") as b:
            while chunk := a.read(1 << 20):
                b.write(chunk)
    async def close(self):
        pass

async def main():
    async with LocalService(sys.argv[1], enhancer=Copy()) as service:
        token = service.issue_token(service.client_id)
        process = psutil.Process()
        idle = process.memory_info().rss
        print(json.dumps(service.environment | {"token": token, "idle": idle}), flush=True)
        reading = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
        peak = idle
        while not reading.done():
            peak = max(peak, process.memory_info().rss)
            await asyncio.sleep(0.005)
        print(json.dumps({"peak": peak}), flush=True)

asyncio.run(main())
"""


@pytest.mark.slow
def test_256_mib_go_through_in_constant_memory(tmp_path: Path) -> None:
    size = 256 * MIB
    recording = tmp_path / "long.wav"
    with recording.open("wb") as file:
        for number in range(size // MIB):
            file.write(bytes([number]) * MIB)
    digest = _shell(f"openssl dgst -md5 -binary '{recording}' | base64").strip()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "service")],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    with process:
        service = json.loads(process.stdout.readline())
        assets = f"{service['AUDIO_ENHANCE_BASE_URL']}/audio_services/v1/assets"
        curl = (
            f"curl -sS --noproxy '*' -H 'x-api-key: {service['FIREFLY_SERVICES_CLIENT_ID']}' "
            f"-H 'Authorization: Bearer {service['token']}' -H 'Content-Type: application/json' "
        )
        facts = {
            "filename": "long.wav",
            "byte_size": size,
            "checksum": digest,
            "content_type": "audio/wav",
        }
        asset = json.loads(_shell(f"{curl} {assets} -d '{json.dumps(facts)}'"))
        sent = _shell(
            f"curl -sS --noproxy '*' -T '{recording}' -H 'Content-MD5: {digest}' "
            f"-H 'Content-Type: audio/wav' '{asset['upload_url']}' -w '%{{http_code}}'"
        )
        assert sent == "200"
        path = f"{assets}/{asset['id']}/speech_enhancements"
        enhancement = json.loads(_shell(f"{curl} {path} -d '{{\"strength\": 50}}'"))
        while enhancement["status"] in ("queued", "processing"):
            enhancement = json.loads(_shell(f"{curl} {path}/{enhancement['id']}"))
        result = tmp_path / "result.wav"
        _shell(f"{curl} -L '{path}/{enhancement['id']}/download' -o '{result}'")
        process.stdin.write("enough\n")
        process.stdin.flush()
        peak = json.loads(process.stdout.readline())["peak"]
    assert _shell(f"openssl dgst -md5 -binary '{result}' | base64").strip() == digest
    assert peak - service["idle"] < 32 * MIB


def _shell(command: str) -> str:
    return subprocess.run(
        command, shell=True, check=True, capture_output=True, text=True, timeout=300
    ).stdout

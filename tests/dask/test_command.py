"""The command line and the page on a real cluster, with the engine that removes noise."""

import asyncio
import json
import shutil
import sys
from pathlib import Path

import pytest

from audio_enhance import ConfigurationError
from audio_enhance.local.enhancer import demo_recording, measure
from audio_enhance.web import Limits
from audio_enhance.web._backend import open_backend

from .cluster import Cluster


async def command(*arguments: str, folder: Path) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "audio_enhance", *arguments),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@pytest.mark.slow
async def test_the_command_enhances_on_a_cluster_and_resumes_there(
    cluster: Cluster, tmp_path: Path
) -> None:
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    for number in range(2):
        shutil.copyfile(demo_recording(), recordings / f"{number}.mp3")
    where = ("--local", "--cluster", cluster.address, "--engine", "rnnoise")
    how = (*where, "--json")
    status, out, err = await command("doctor", *where, folder=tmp_path)
    assert status == 0, err
    assert "ok   cluster     Dask enhances with rnnoise, on 3 threads" in out
    status, out, err = await command("enhance", "recordings", *how, folder=tmp_path)
    assert (status, len(out.splitlines())) == (0, 2), err
    assert f"Dask enhances with rnnoise, on 3 threads at {cluster.address}." in err
    path = Path(json.loads(out.splitlines()[0])["path"])
    before, after = [await asyncio.to_thread(measure, one) for one in (demo_recording(), path)]
    assert after.noise_floor < before.noise_floor - 6
    # The journal knows the cluster.
    path.unlink()
    status, out, err = await command("resume", "enhanced", "--json", folder=tmp_path)
    assert status == 0, err
    assert f"at {cluster.address}" in err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--cluster", "tcp://a:1"], "--cluster is for the local service: add --local."),
        (["--local", "--cluster", "tcp://a:1", "--workers", "2"], "a cluster has its own"),
    ],
)
async def test_a_cluster_is_for_the_local_service(
    options: list[str], says: str, tmp_path: Path
) -> None:
    (tmp_path / "talk.mp3").write_bytes(b"ID3")
    status, _, err = await command("enhance", "talk.mp3", *options, folder=tmp_path)
    assert status == 2
    assert says in " ".join(err.split())


@pytest.mark.slow
async def test_the_page_works_on_a_cluster(cluster: Cluster, tmp_path: Path) -> None:
    async with open_backend(Limits(), None, "rnnoise", cluster.address, environ={}) as backend:
        assert backend.engine is not None
        assert "Dask enhances with rnnoise, on 3 threads" in backend.engine
        result = await backend.client.enhance(demo_recording(), strength=93, output_dir=tmp_path)
        assert result.path.exists()


async def test_credentials_and_a_cluster_do_not_go_together() -> None:
    environ = {"FIREFLY_SERVICES_CLIENT_ID": "id", "FIREFLY_SERVICES_CLIENT_SECRET": "secret"}
    with pytest.raises(ConfigurationError, match="A cluster does the local service's work"):
        async with open_backend(Limits(), cluster="tcp://127.0.0.1:9", environ=environ):
            pass

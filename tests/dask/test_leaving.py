"""Workers that leave without dying, and a cluster that has none until there is work."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import Client

from tests.support.warm import Warm

from .cluster import Cluster
from .conftest import WORKERS, staged
from .test_enhancer import contents, until

pytestmark = pytest.mark.slow

dask_client: Any = Client  # Dask's classes have no types


async def test_what_a_retired_worker_was_doing_is_done(cluster: Cluster, tmp_path: Path) -> None:
    async with staged(cluster.address, tmp_path) as stage:
        recordings = contents(12, 0.5)
        batch = asyncio.create_task(stage.batch(recordings))
        await until(lambda: stage.service.count("GET /object") >= WORKERS)
        async with dask_client(cluster.address, asynchronous=True) as dask:
            await dask.retire_workers([next(iter(cluster.workers))])
        stage.check(await batch, recordings)
    await until(cluster.bury)  # it ends by itself


@pytest.fixture
def impatient(
    tmp_path_factory: pytest.TempPathFactory, warm_worker: Warm | None
) -> Iterator[Cluster]:
    """A cluster that takes a worker for lost after two seconds of silence."""
    cluster = Cluster(tmp_path_factory.mktemp("impatient"), warm_worker)
    cluster.start({"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "2s"})
    yield cluster
    cluster.stop()


async def test_what_a_worker_that_cannot_be_reached_was_doing_is_done(
    impatient: Cluster, tmp_path: Path
) -> None:
    impatient.add(2)
    async with staged(impatient.address, tmp_path) as stage:
        recordings = contents(8, 0.3)
        batch = asyncio.create_task(stage.batch(recordings))
        await until(lambda: stage.service.count("GET /object") >= 2)
        # To the others it is what a cable pulled out is: it answers nobody, and nothing is closed.
        lost = next(iter(impatient.workers.values()))
        lost.send_signal(signal.SIGSTOP)
        stage.check(await batch, recordings)
        # When it is back, it has nothing to add.
        lost.send_signal(signal.SIGCONT)
        await asyncio.sleep(1)
        assert len([*tmp_path.glob("*.wav")]) == len(recordings)


async def test_workers_come_when_there_is_work(impatient: Cluster, tmp_path: Path) -> None:
    async with staged(impatient.address, tmp_path) as stage:
        assert stage.enhancer.threads == 0
        recordings = contents(8, 0.1)
        batch = asyncio.create_task(stage.batch(recordings))
        # What an adaptive cluster asks before it starts workers (Dask, "Adaptive deployments").
        async with dask_client(impatient.address, asynchronous=True) as dask:
            target = 0
            while not target:
                await asyncio.sleep(0.1)
                target = await dask.scheduler.adaptive_target()
        await asyncio.to_thread(impatient.add, target)
        stage.check(await batch, recordings)
        assert stage.enhancer.threads == target

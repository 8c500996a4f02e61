"""What happens at a Dask worker: fetch, enhance, store, answer.

Enhancers work in processes of their own, so a recording that breaks one does not take the worker
along, nor what else the worker is doing.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

from attrs import define
from distributed import Worker, get_worker

from audio_enhance import AudioEnhanceError
from audio_enhance.local.enhancer.errors import EnhancerError
from audio_enhance.local.enhancer.protocol import Enhancer, NamesModel

from ._order import Answer, EnhancerFactory, Order
from ._transfer import TransferError, fetch, send

_IDLE_SECONDS = 60.0  # after which an enhancer's processes are ended


@define(eq=False)
class _Kept:
    """An enhancer, for as long as it is used and a little longer."""

    enhancer: Enhancer
    users: int = 0
    end: asyncio.TimerHandle | None = None


# Several workers may live in one process.
_kept: dict[tuple[str, EnhancerFactory], _Kept] = {}
_running: dict[str, "asyncio.Task[Answer]"] = {}
_closing: set["asyncio.Task[None]"] = set()  # a task that nobody has may be gone before it is done


async def work(order: Order) -> Answer:
    """Carry out an order; whatever happens is an answer, since an error would be logged."""
    task = asyncio.create_task(_carried_out(get_worker(), order), name=order.key)
    _running[order.key] = task
    try:
        await asyncio.wait([task])
    finally:
        task.cancel()
        await asyncio.wait([task])
        del _running[order.key]
    if task.cancelled():
        return Answer(error=EnhancerError("Nobody wanted it any more."))
    return task.result()


def stop(key: str) -> None:
    """Give up an order that nobody wants any more, if it is being carried out here."""
    task = _running.get(key)
    if task is not None:
        task.cancel()


async def missing(factory: EnhancerFactory, dask_worker: Worker) -> str | None:
    """Return why a worker cannot enhance, or None if it can."""
    try:
        async with _enhancer(dask_worker, factory) as enhancer:
            if isinstance(enhancer, NamesModel):
                await enhancer.model_id()
    except AudioEnhanceError as error:
        return error.message
    return None


async def _carried_out(worker: Worker, order: Order) -> Answer:
    folder = Path(worker.local_directory)
    name = uuid4().hex
    source, result = folder / f"{name}.recording", folder / f"{name}.result"
    try:
        await fetch(order.errand, source)
        async with _enhancer(worker, order.factory) as enhancer:
            notes = await enhancer.enhance(
                source, result, content_type=order.errand.content_type, strength=order.strength
            )
        await send(order.errand, result)
    except TransferError as error:
        return Answer(error=error, passing=True)
    except EnhancerError as error:
        return Answer(error=error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other side has to know
        text = f"{type(error).__name__}: {error}"
        return Answer(error=EnhancerError(f"The worker {worker.address} failed. {text}"))
    finally:
        for path in (source, result):
            with suppress(OSError):
                path.unlink(missing_ok=True)
    return Answer(notes=tuple(notes or ()))


@asynccontextmanager
async def _enhancer(worker: Worker, factory: EnhancerFactory) -> AsyncGenerator[Enhancer]:
    place = (worker.address, factory)
    kept = _kept.get(place)
    if kept is None:
        kept = _kept[place] = _Kept(factory(worker.state.nthreads))
    kept.users += 1
    if kept.end is not None:
        kept.end.cancel()
    try:
        yield kept.enhancer
    finally:
        kept.users -= 1
        if kept.users == 0:
            loop = asyncio.get_running_loop()
            kept.end = loop.call_later(_IDLE_SECONDS, _put_away, place)


def _put_away(place: tuple[str, EnhancerFactory]) -> None:
    kept = _kept.pop(place)
    task = asyncio.get_running_loop().create_task(kept.enhancer.close())
    _closing.add(task)
    task.add_done_callback(_closing.discard)

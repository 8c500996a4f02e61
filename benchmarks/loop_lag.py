"""How late the event loop is for everybody else while 8 uploads and 8 downloads are under way.

Run it with `python benchmarks/loop_lag.py`; `--quick` moves 64 MiB each instead of 256.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from _files import fresh_file, memory_folder
from _measure import Meter, run_script
from _report import Report
from _store import running_store
from _ways import MIB, WAYS, make_way

_OURS = WAYS[0]
_AT_ONCE = 8
_TICK = 0.001


class Ticker:
    """Asks the loop for its attention every millisecond, and notes how late it comes.

    Attributes:
        late: By how many seconds, each time.
        busy: How many CPU seconds the loop's thread spent on others in between, each time:
            what the delay would be on a machine that has nothing else to do.
    """

    def __init__(self) -> None:
        self.late: list[float] = []
        self.busy: list[float] = []

    async def run(self) -> None:
        while True:
            due, spent = time.perf_counter() + _TICK, time.thread_time()
            await asyncio.sleep(_TICK)
            self.late.append(max(0.0, time.perf_counter() - due))
            self.busy.append(time.thread_time() - spent)

    def as_json(self) -> dict[str, float]:
        """Return what is usually looked at, in milliseconds."""
        late, busy = sorted(self.late), sorted(self.busy)
        return {
            "p50": _at(late, 0.5),
            "p99": _at(late, 0.99),
            "max": late[-1] * 1000,
            "busy_p50": _at(busy, 0.5),
            "busy_p99": _at(busy, 0.99),
        }


def _at(ordered: list[float], share: float) -> float:
    return ordered[int(share * (len(ordered) - 1))] * 1000


async def measure(way_name: str, put_url: str, get_url: str, source: Path) -> dict[str, Any]:
    """Transfer everything at once while a ticker runs."""
    ticker = Ticker()
    # The folder is emptied, and the connections are closed, when nobody looks at the loop.
    with memory_folder() as folder:
        paths = [folder / f"{number}.wav" for number in range(_AT_ONCE)]
        async with make_way(way_name, put_url.partition("/bucket/")[0]) as way:
            await way.prepare(source)
            with Meter() as meter:
                ticking = asyncio.create_task(ticker.run())
                await asyncio.gather(
                    *[way.upload(put_url, source) for _ in paths],
                    *[way.download(get_url, path) for path in paths],
                )
                ticking.cancel()
    return {**meter.as_json(), **ticker.as_json()}


async def idle() -> dict[str, Any]:
    """Look at a loop with nothing to do, for comparison."""
    ticker = Ticker()
    with Meter() as meter:
        ticking = asyncio.create_task(ticker.run())
        await asyncio.sleep(3)
        ticking.cancel()
    return {**meter.as_json(), **ticker.as_json()}


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        way, put_url, get_url, source = sys.argv[2:]
        scene = idle() if way == "idle" else measure(way, put_url, get_url, Path(source))
        print(json.dumps(asyncio.run(scene)))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int)
    options = parser.parse_args()
    byte_size = (64 if options.quick else 256) * MIB
    rounds = options.rounds or (2 if options.quick else 3)
    report = Report("loop_lag", {"MiB each": byte_size // MIB, "rounds": rounds})
    report.notes += [
        f"{_AT_ONCE} uploads and {_AT_ONCE} downloads at once; medians of the rounds",
        "delays of something that wants to run every millisecond",
        "busy: CPU time of the loop's thread between two ticks, whatever else the machine does",
    ]
    with tempfile.TemporaryDirectory() as made:
        place = Path(made)
        recording = fresh_file(place / "talk.wav", byte_size)
        for tls in (False, True):
            with running_store(place, tls=tls) as store:
                for way in ("idle", *WAYS[:4]):
                    said: list[dict[str, float]] = []
                    for _ in range(rounds):
                        said.append(
                            run_script(
                                __file__, "--one", way, store.put_url, store.get_url(byte_size),
                                str(recording), environment=store.environment,
                            )
                        )  # fmt: skip
                        print(".", end="", flush=True, file=sys.stderr)
                    middle = {name: median(each[name] for each in said) for name in said[0]}
                    add(report, way, middle, 2 * _AT_ONCE * byte_size, tls=tls)
    report.finish()


def add(report: Report, way: str, middle: dict[str, float], moved: int, *, tls: bool) -> None:
    kind = "TLS" if tls else "plain"
    report.add(
        f"delay of the event loop in milliseconds, {kind}",
        {
            "way": way,
            "p50": middle["p50"],
            "p99": middle["p99"],
            "max": middle["max"],
            "busy p50": middle["busy_p50"],
            "busy p99": middle["busy_p99"],
            "CPU s/GiB": None if way == "idle" else middle["cpu"] / moved * (1 << 30),
            "wall s": middle["wall"],
            "memory MiB": middle["peak_mib"],
        },
    )
    if way == _OURS:
        report.aim(f"p99 in ms, {kind}", middle["p99"], 5)
        report.aim(f"max in ms, {kind}", middle["max"], 20)


if __name__ == "__main__":
    main()

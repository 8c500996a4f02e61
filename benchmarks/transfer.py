"""One large file up and down: CPU, memory and time, ours next to curl and the usual ways.

Run it with `python benchmarks/transfer.py`; `--quick` moves 128 MiB instead of 1 GiB.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median

from _files import fresh_file, memory_folder
from _measure import Meter, run, run_script
from _report import Report
from _store import Store, running_store
from _ways import MIB, WAYS, make_way

_OURS = WAYS[0]
_AIMS = {
    ("upload", False): 1.05,
    ("upload", True): 0.85,
    ("download", False): 1.10,
    ("download", True): 1.10,
}


async def warm_transfer(way_name: str, direction: str, url: str, path: Path) -> Meter:
    """Transfer something small first, then measure."""
    async with make_way(way_name, url.partition("/bucket/")[0]) as way:
        small = path.with_name("small.wav")
        if direction == "upload":
            small.write_bytes(bytes(MIB))
            await way.prepare(small)
            await way.prepare(path)
            await way.upload(url, small)
            with Meter() as meter:
                await way.upload(url, path)
        else:
            await way.download(url.replace(url.split("/")[-2], str(MIB)), small)
            with Meter() as meter:
                await way.download(url, path)
            path.unlink()
        small.unlink()
    return meter


async def cold_transfers(direction: str, url: str, path: Path, at_once: int) -> Meter:
    """Measure several at once of ours, hashing included, from a client that did nothing yet."""
    async with make_way(_OURS, "") as way:
        with Meter() as meter:
            if direction == "upload":
                await way.prepare(path)
                await asyncio.gather(*[way.upload(url, path) for _ in range(at_once)])
            else:
                paths = [path.with_name(f"result-{number}.wav") for number in range(at_once)]
                await asyncio.gather(*[way.download(url, each) for each in paths])
    return meter


async def hash_it(path: Path) -> Meter:
    from audio_enhance import Source

    with Meter() as meter:
        await Source.from_path(path, content_type="audio/wav").fingerprint()
    return meter


def in_this_process(arguments: list[str]) -> None:
    """Do one measurement, as the parent asked for."""
    match arguments:
        case ["hash", path]:
            meter = asyncio.run(hash_it(Path(path)))
        case ["memory", direction, url, path, at_once]:
            meter = asyncio.run(cold_transfers(direction, url, Path(path), int(at_once)))
        case [way, direction, url, path]:
            meter = asyncio.run(warm_transfer(way, direction, url, Path(path)))
        case _:
            raise ValueError(arguments)
    print(json.dumps(meter.as_json()))


def curl(store: Store, direction: str, byte_size: int, path: Path) -> dict[str, float]:
    trust = ["--cacert", str(store.certificate)] if store.certificate else []
    if direction == "upload":
        what = ["--upload-file", str(path), "--header", "Content-Type: audio/wav", store.put_url]
    else:
        what = ["--output", str(path), store.get_url(byte_size)]
    return run(["curl", "--silent", "--show-error", "--fail", *trust, *what])


def compare(report: Report, store: Store, direction: str, byte_size: int, rounds: int) -> None:
    """Measure every way in turn, several times, and put the medians into a table."""
    tls = store.certificate is not None
    url = store.put_url if direction == "upload" else store.get_url(byte_size)
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as disk, memory_folder() as memory:
        # Read from the disk's cache, written to memory: what is compared is the programs.
        source = fresh_file(Path(disk) / "talk.wav", byte_size)
        path = source if direction == "upload" else memory / "result.wav"
        for _ in range(rounds):
            base = curl(store, direction, byte_size, path)
            found["curl"].append({**base, "ratio": 1.0})
            if direction == "download":
                path.unlink()
            for way in WAYS:
                said = run_script(
                    __file__, "--one", way, direction, url, str(path),
                    environment=store.environment,
                )  # fmt: skip
                said["ratio"] = said["cpu"] / base["cpu"]
                found[way].append(said)
                print(".", end="", flush=True, file=sys.stderr)
    gib = byte_size / (1 << 30)
    table = f"{direction}, {'TLS' if tls else 'plain'}"
    for way, figures in found.items():
        middle = {name: median(each[name] for each in figures) for name in figures[0]}
        report.add(
            table,
            {
                "way": way,
                "CPU s/GiB": middle["cpu"] / gib,
                "CPU / curl": middle["ratio"],
                "wall s/GiB": middle["wall"] / gib,
                "memory MiB": middle.get("peak_mib"),
            },
        )
    ours = median(each["ratio"] for each in found[_OURS])
    report.aim(f"CPU of {table} / curl", ours, _AIMS[direction, tls])
    for way in WAYS[1:3]:
        pairs = zip(found[_OURS], found[way], strict=True)
        ratio = median(one["cpu"] / other["cpu"] for one, other in pairs)
        report.aim(f"CPU of {table} / {way}", ratio, 1.0)


def compare_hashing(report: Report, byte_size: int, rounds: int) -> None:
    ratios: list[float] = []
    seconds: list[float] = []
    with tempfile.TemporaryDirectory() as disk:
        path = fresh_file(Path(disk) / "talk.wav", byte_size)
        for _ in range(rounds):
            openssl = run(["openssl", "dgst", "-md5", str(path)])["cpu"]
            seconds.append(run_script(__file__, "--one", "hash", str(path))["cpu"])
            ratios.append(seconds[-1] / openssl)
    gib = byte_size / (1 << 30)
    report.add("hashing", {"CPU s/GiB": median(seconds) / gib, "/ openssl": median(ratios)})
    report.aim("CPU of hashing / openssl", median(ratios), 1.02)


def measure_memory(report: Report, store: Store, sizes: list[int], rounds: int) -> None:
    """Memory beyond that of an idle client, for files of several sizes, and several at once."""
    tls = store.certificate is not None
    for direction in ("upload", "download"):
        most: dict[tuple[int, int], float] = {}
        for byte_size, at_once in [*((size, 1) for size in sizes), (sizes[-2], 4), (sizes[-2], 8)]:
            url = store.put_url if direction == "upload" else store.get_url(byte_size)
            with tempfile.TemporaryDirectory() as disk, memory_folder() as memory:
                path = memory / "result.wav"
                if direction == "upload":
                    path = fresh_file(Path(disk) / "talk.wav", byte_size)
                most[byte_size, at_once] = max(
                    run_script(
                        __file__, "--one", "memory", direction, url, str(path), str(at_once),
                        environment=store.environment,
                    )["peak_mib"]
                    for _ in range(rounds)
                )  # fmt: skip
        one = most[sizes[-2], 1]
        for (byte_size, at_once), peak in most.items():
            report.add(
                f"memory of audio-enhance beyond an idle client, {'TLS' if tls else 'plain'}",
                {
                    "direction": direction,
                    "MiB each": byte_size // MIB,
                    "at once": at_once,
                    "memory MiB": peak,
                    "per further one": (peak - one) / (at_once - 1) if at_once > 1 else None,
                },
            )
        name = f"{direction}, {'TLS' if tls else 'plain'}"
        report.aim(f"memory MiB of one {name}", max(most[size, 1] for size in sizes), 16)
        report.aim(f"memory MiB of a further {name}", (most[sizes[-2], 8] - one) / 7, 4)


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        in_this_process(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int)
    options = parser.parse_args()
    byte_size = (128 if options.quick else 1024) * MIB
    rounds = options.rounds or (3 if options.quick else 5)
    report = Report("transfer", {"MiB": byte_size // MIB, "rounds": rounds})
    report.notes += [
        "CPU: of the transfer alone, after a small one; of curl, the whole process",
        "ratios are medians of the ratios within each round; the other figures are medians",
        "uploads are read from the disk's cache, downloads written to memory",
        "memory: the most beyond what the process used before",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for tls in (False, True):
            with running_store(Path(folder), tls=tls) as store:
                for direction in ("upload", "download"):
                    compare(report, store, direction, byte_size, rounds)
                measure_memory(report, store, [MIB, byte_size // 4, byte_size], 2)
    compare_hashing(report, byte_size, rounds)
    report.finish()


if __name__ == "__main__":
    main()

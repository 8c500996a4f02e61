"""What the pytest plugin costs where it is not used, at every start of pytest.

Run it with `python benchmarks/plugin.py`. It installs the package and pytest into an environment
of their own, so that no other plugin is measured. That the plugin is found, marked for pytest's
rewriting of assertions, and loaded is part of the cost.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from _report import Report

ROOT = Path(__file__).parent.parent
_WITHOUT = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def installed(folder: Path) -> Path:
    """Make an environment with the package and pytest, and return its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q"]
    subprocess.run([*pip, "pytest"], check=True)
    subprocess.run([*pip, "--no-deps", str(ROOT)], check=True)
    return python


def cpu_seconds(python: Path, project: Path, more: dict[str, str]) -> float:
    """Return the CPU seconds of a run of pytest."""
    environment = {name: value for name, value in os.environ.items() if "PYT" not in name}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=project,
        env=environment | more,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    rounds = 9 if parser.parse_args().quick else 31
    report = Report("plugin", {"rounds": rounds})
    report.notes.append("CPU time of a run of pytest with one empty test; medians of pairs")
    with tempfile.TemporaryDirectory() as folder:
        python = installed(Path(folder) / "environment")
        project = Path(folder) / "project"
        project.mkdir()
        (project / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
        pairs: list[tuple[float, float]] = []
        for _ in range(rounds + 1):
            without = cpu_seconds(python, project, _WITHOUT)
            pairs.append((without, cpu_seconds(python, project, {})))
        del pairs[0]  # it compiled what was not compiled yet
    cost = median(loaded - without for without, loaded in pairs)
    for name, index in (("pytest alone", 0), ("with the plugin", 1)):
        report.add("starts", {"what": name, "CPU ms": median(pair[index] for pair in pairs) * 1000})
    report.aim("CPU seconds of the plugin at a start of pytest", cost, 0.02)
    report.finish()


if __name__ == "__main__":
    main()

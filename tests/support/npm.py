"""Packages out of npm's registry, for tests that let other people's programs look."""

import os
import subprocess
from pathlib import Path

import pytest

from .tools import path_of


def installed(folder: Path, package: str, version: str) -> Path:
    """Return a package's folder below `folder`, fetched where it is not there yet.

    Its install scripts are not run. The test is skipped where npm cannot fetch it.
    """
    npm = path_of("npm")
    there = folder / "node_modules" / package
    if not there.exists():
        options = ("--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder)
        done = subprocess.run(
            [npm, "install", *options, f"{package}@{version}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=os.environ | {"npm_config_update_notifier": "false"},
        )
        if done.returncode:
            pytest.skip(f"needs {package}, which npm cannot fetch: {done.stderr.strip()[-200:]}")
    return there

"""The entry of the command line, which says what to install where it cannot run."""

import sys
from importlib.util import find_spec

from audio_enhance import MissingExtraError


def main() -> None:
    """Run the command line and exit with its status."""
    for module in ("click", "rich"):
        if find_spec(module) is None:
            print(f"audio-enhance: {MissingExtraError('cli', module)}", file=sys.stderr)  # noqa: T201
            sys.exit(2)
    from audio_enhance.cli.main import run

    sys.exit(run())


if __name__ == "__main__":
    main()

"""The entry of the command line, which says what to install where it cannot run."""

import sys
from importlib.util import find_spec


def main() -> None:
    """Run the command line and exit with its status."""
    try:
        from audio_enhance.cli import streams

        streams.prepare()
        status = _run()
    except KeyboardInterrupt:  # while everything is still being imported
        status = 130
    sys.exit(status)


def _run() -> int:
    for module in ("click", "rich"):
        if find_spec(module) is None:
            from audio_enhance import MissingExtraError

            print(f"audio-enhance: {MissingExtraError('cli', module)}", file=sys.stderr)  # noqa: T201
            return 2
    from audio_enhance.cli.main import run

    return run()


if __name__ == "__main__":
    main()

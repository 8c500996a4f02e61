"""The entry of the command line, which says what to install where it cannot run."""

import sys


def main() -> None:
    """Run the command line and exit with its status."""
    try:
        _leave_on_ctrl_c()
        from audio_enhance.cli.display import streams

        streams.prepare()
        status = _run()
    except KeyboardInterrupt:  # in the first moment
        status = 130
    sys.exit(status)


def _leave_on_ctrl_c() -> None:
    """Let Ctrl-C end the process on the spot, quietly, wherever nothing is under way.

    An exception would not do while everything is still being imported: it passes code of
    others, which makes another error of it, or prints it and goes on.
    """
    import os
    import signal
    from types import FrameType

    def leave(_number: int, _frame: FrameType | None) -> None:
        if os.isatty(2):
            os.write(2, b"\n")  # after the "^C"
        os._exit(130)

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # or it is ignored
        signal.signal(signal.SIGINT, leave)


def _run() -> int:
    from importlib.util import find_spec

    for module in ("click", "rich"):
        if find_spec(module) is None:
            from audio_enhance import MissingExtraError

            print(f"audio-enhance: {MissingExtraError('cli', module)}", file=sys.stderr)  # noqa: T201
            return 2
    from audio_enhance.cli.main import run

    return run()


if __name__ == "__main__":
    main()

"""`audio-enhance web`: a page in the browser, for those who would rather not type."""

import asyncio
import webbrowser
from contextlib import suppress

import click
from rich.text import Text

from audio_enhance import ApiVersion, ConfigurationError
from audio_enhance.cli.display.log import log_to, logged
from audio_enhance.cli.display.screen import error_console
from audio_enhance.cli.input.options import cluster_option, engine_option, version_option
from audio_enhance.cli.interrupt import run

_PORT = 8377


@click.command(short_help="Enhance recordings in the browser.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=_PORT,
    show_default=True,
    help="The port of the page. 0 takes any free one.",
)
@engine_option
@cluster_option
@version_option
@click.option("--open", "show", is_flag=True, help="Open the page in your browser.")
def web(
    port: int, *, engine: str | None, cluster: str | None, api_version: ApiVersion, show: bool
) -> int:
    """Serve a page in your browser that enhances recordings, until Ctrl-C.

    Drop recordings on the page or record there, and listen to before and after. Only this
    computer can reach it. Without credentials in the environment, the local service on this
    computer does the work.
    """

    async def served() -> int:
        # What Starlette is missing for is said by the package, as an error of ours.
        from audio_enhance.web import serve

        console = error_console()

        def ready(url: str, service: str | None) -> None:
            console.print(Text(f"Open {url} in a browser on this computer.", "bold"))
            if service == "local":
                console.print("No credentials: the local service on this computer does the work.")
            else:
                console.print(f"{service} enhances the recordings.", soft_wrap=True)
            console.print("Press Ctrl-C to stop it.")
            if show:  # it may wait for the browser
                asyncio.get_running_loop().run_in_executor(None, webbrowser.open, url)

        try:
            with (
                logged(log_to(console), verbose=False),
                suppress(asyncio.CancelledError),  # the way to end it
            ):
                await serve(
                    port=port,
                    api_version=api_version,
                    engine=engine,
                    cluster=cluster,
                    on_ready=ready,
                )
        except OSError as error:
            raise ConfigurationError(
                f"The page cannot be served: {error}", hint="Choose another port with --port."
            ) from error
        return 0

    return run(served())

"""`python -m txtproof.rehearsal` tells the story; with `serve`, it is a world to run workers against."""

import signal
import sys
import threading
from types import FrameType

import click
from rich.console import Console

from txtproof.rehearsal import serving
from txtproof.rehearsal.story import StoryFailed, tell

INTERRUPTED = 130


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def cli(context: click.Context) -> None:
    """Show the main job on loopback, with real processes; nothing of it reaches the network."""
    if context.invoked_subcommand is None:
        tell(Console())


@cli.command()
@click.option("--redis", envvar="TXTPROOF_REDIS__URL", required=True, help="Redis that the workers use.")
@click.option("--tsig-secret", envvar="REHEARSAL_TSIG_SECRET", required=True, help="Secret of their publisher's key.")
def serve(redis: str, tsig_secret: str) -> None:
    """Serve the world of docker-compose.yml's profile `rehearsal` until stopped."""
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    serving.serve(Console(), redis, tsig_secret, stopped)


def main() -> None:
    """Run it; Ctrl-C and TERM end it in order, with everything it started."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as wrong:
        wrong.show()
        code = wrong.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("\nStopped; nothing is left behind.", err=True)
        code = INTERRUPTED
    except (StoryFailed, RuntimeError) as failed:
        click.echo(f"Error: {failed}", err=True)
        code = 1
    sys.exit(code)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    # once is enough: a second one in the middle of the clean-up would leave processes behind
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()

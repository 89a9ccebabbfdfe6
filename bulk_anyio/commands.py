"""The commands behind ``bulk``, by click and rich (extra ``cli``)."""

from __future__ import annotations

import math
import sys
import time
import tomllib
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio
import click
from msgspec.structs import replace

from bulk_proto.errors import BulkError
from bulk_proto.exchange import SCENARIOS, ExchangeConfig, read_script, scenario

from .demo import DemoFailed, run_demo
from .exchange import serve_exchange
from .faults import first_of, reason_of
from .screen import Paper, open_screen, print_summary

T = TypeVar("T")

_INTERRUPTED = 130  # what shells report for a program ended by Ctrl-C
_MOST_FLOW = 1_000  # background orders a second and market; with more the exchange would serve nobody
_BACKENDS = click.Choice(["asyncio", "trio"])


class _Amount(click.FloatRange):
    """A number in a range; click finds NaN in each."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        amount = super().convert(value, param, ctx)
        if math.isnan(amount):
            self.fail(f"{value} is no number.", param, ctx)
        return amount


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bulk-proto")
def bulk() -> None:
    """Trade on the BULK exchange, or on a simulated one on your own machine.

    \b
    Examples:
      bulk demo                   watch the client trade for 15 seconds
      bulk exchange --port 9000   serve an exchange to connect your own bot to
    """


@bulk.command()
@click.option("--seconds", type=_Amount(1, 3600), default=15.0, show_default=True, help="How long to trade.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the background order flow.")
@click.option("--backend", type=_BACKENDS, default="asyncio", show_default=True, help="Event loop to run on.")
def demo(seconds: float, seed: int, backend: str) -> None:
    """Start a local exchange, connect to it, and trade: a ladder, a replacement, fills, a clean end.

    \b
    Examples:
      bulk demo --seconds 5
      bulk demo --backend trio --seed 7
    """
    console = Paper()
    screen = open_screen(console)
    try:
        report = _run(partial(run_demo, seconds, seed, screen.draw), backend)
    except KeyboardInterrupt:
        screen.close()
        console.print("interrupted; everything is closed")
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        raise  # click ends without a word
    except (BulkError, DemoFailed, OSError) as error:
        screen.close()
        raise click.ClickException(str(error)) from error
    screen.close()
    print_summary(console, report)


@bulk.command()
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0 takes a free port."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the background order flow.")
@click.option(
    "--scenario",
    "character",
    type=click.Choice(list(SCENARIOS)),
    default="calm",
    show_default=True,
    help="How the background orders behave.",
)
@click.option(
    "--flow",
    type=_Amount(0, _MOST_FLOW),
    help="Background orders a second and market, in place of the scenario's.",
)
@click.option(
    "--faults",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A TOML file that says what goes wrong, and when.",
)
@click.option(
    "--accept-undomained",
    is_flag=True,
    help="Also accept signatures without the domain byte, as the exchange's own client 0.1.2 makes them.",
)
@click.option("--backend", type=_BACKENDS, default="asyncio", show_default=True, help="Event loop to run on.")
def exchange(
    port: int,
    seed: int,
    character: str,
    flow: float | None,
    faults: Path | None,
    accept_undomained: bool,
    backend: str,
) -> None:
    """Serve a simulated exchange on the loopback address until Ctrl-C.

    Every key has an account with play money there; signatures are checked for domain DEVNET.

    \b
    Examples:
      bulk exchange --port 9000
      bulk exchange --seed 7 --scenario fast
      bulk exchange --faults chaos.toml

    \b
    A file of faults; help(bulk_proto.exchange.faults) names all of them,
    help(bulk_proto.exchange.script) the other parts that a file may have:
      [[fault]]
      on = "reply"      # the third answer to a transaction
      nth = 3
      do = "close"      # the connection ends in its place
      code = 1011
      [dialect]
      null_prices = true
      [exchange]
      ping_interval = 5.0
    """
    config = scenario(character, ExchangeConfig(epoch_ns=time.time_ns(), accept_undomained=accept_undomained))
    if faults is not None:
        config = _with_script(config, faults)
    if flow is not None:
        config = replace(config, flow_rate=flow)

    async def serve() -> None:
        async with serve_exchange(config, seed=seed, port=port) as server:
            click.echo(f"serving on {server.url} (Ctrl-C ends)")
            await anyio.sleep_forever()

    try:
        _run(serve, backend)
    except KeyboardInterrupt:
        click.echo("closed")
    except BrokenPipeError:
        raise
    except OSError as error:
        raise click.ClickException(
            f"port {port} cannot be used: {reason_of(error)}; --port 0 takes a free one"
        ) from error


def _with_script(config: ExchangeConfig, path: Path) -> ExchangeConfig:
    try:
        return read_script(tomllib.loads(path.read_text()), config)
    except (OSError, ValueError, BulkError) as error:
        raise click.ClickException(f"{path} is no script of faults: {error}") from error


def _run(main: Callable[[], Awaitable[T]], backend: str) -> T:
    """Run ``main`` to its end; of a group of errors, the first one comes out."""
    try:
        return anyio.run(main, backend=backend)
    except BaseExceptionGroup as group:
        raise first_of(group) from None

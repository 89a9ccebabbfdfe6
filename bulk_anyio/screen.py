"""Draws the demo: a live picture on a terminal, plain lines elsewhere."""

from __future__ import annotations

from typing import Protocol

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table

from bulk_proto.enums import Side

from .client import BulkWebSocketClient
from .demo import SYMBOL, Report

_LEVELS = 8


class Paper(Console):
    """A console on which a closed pipe is an error like any other: it ends what draws, and all beside it."""

    def on_broken_pipe(self) -> None:
        raise  # the BrokenPipeError in hand; rich would end the program from within a task


class Screen(Protocol):
    """Something to draw on; leave it by :meth:`close`."""

    def draw(self, client: BulkWebSocketClient, report: Report) -> None: ...

    def close(self) -> None: ...


def open_screen(console: Console) -> Screen:
    return LiveScreen(console) if console.is_terminal else PlainScreen(console)


class PlainScreen:
    """One line for every step and a market line each second: good for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown = 0
        self._next_line_at = 0.0

    def draw(self, client: BulkWebSocketClient, report: Report) -> None:
        for step in report.steps[self._shown :]:
            self._print(step)
        self._shown = len(report.steps)
        if report.elapsed >= self._next_line_at and not report.done:
            self._next_line_at = report.elapsed + 1.0
            self._print(f"{report.elapsed:5.1f} s  {_market_line(client, report)}")

    def close(self) -> None:
        pass

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class LiveScreen:
    """Book, tickers, own orders and fills, redrawn in place."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False)
        self._live.start()

    def draw(self, client: BulkWebSocketClient, report: Report) -> None:
        self._live.update(_picture(client, report), refresh=True)

    def close(self) -> None:
        self._live.stop()


def print_summary(console: Console, report: Report) -> None:
    bought = sum(fill.size for fill in report.fills if fill.side is Side.BUY)
    sold = sum(fill.size for fill in report.fills if fill.side is Side.SELL)
    for line in (
        f"received   {report.tickers} tickers, {report.trades} trades, {report.candles} candles",
        f"orders     {report.placed} quoted, {report.replaced} replaced, {report.cancelled} cancelled",
        f"fills      {len(report.fills)}: bought {bought:.4g}, sold {sold:.4g} {SYMBOL}",
    ):
        console.print(line, markup=False, highlight=False)


def _market_line(client: BulkWebSocketClient, report: Report) -> str:
    book = client.get_book(SYMBOL)
    bid, ask = (book.best_bid(), book.best_ask()) if book else (None, None)
    touch = f"{bid.price:,.1f} / {ask.price:,.1f}" if bid and ask else "no book"
    orders = len(client.get_orders())
    return f"{SYMBOL} {touch}   {report.trades} trades   {orders} open orders   {len(report.fills)} fills"


def _picture(client: BulkWebSocketClient, report: Report) -> RenderableType:
    top = Columns([_book(client), _trades(report), Group(_tickers(client), _account(client))])
    bottom = Columns([_orders(client), _fills(report)])
    steps = Panel("\n".join(report.steps[-5:]), title="steps", width=100)
    return Group(f"{report.elapsed:5.1f} s of {report.seconds:g}", top, bottom, steps)


def _book(client: BulkWebSocketClient) -> Table:
    table = Table("size", "price", title=f"{SYMBOL} book", min_width=28)
    book = client.get_book(SYMBOL)
    if book is not None:
        for level in reversed(book.levels(Side.SELL, _LEVELS)):
            table.add_row(f"{level.size:.3f}", f"[red]{level.price:,.1f}")
        table.add_section()
        for level in book.levels(Side.BUY, _LEVELS):
            table.add_row(f"{level.size:.3f}", f"[green]{level.price:,.1f}")
    return table


def _trades(report: Report) -> Table:
    table = Table("market", "size", "price", title="trades", min_width=34)
    for trade in reversed(report.last_trades):
        colour = "green" if trade.side is Side.BUY else "red"
        table.add_row(trade.symbol, f"{trade.size:.3f}", f"[{colour}]{trade.price:,.2f}")
    return table


def _tickers(client: BulkWebSocketClient) -> Table:
    table = Table("market", "mark", "24 h %", title="tickers", min_width=34)
    for ticker in client.tickers.values():
        change = ticker.price_change_percent
        table.add_row(
            ticker.symbol,
            f"{ticker.mark_price:,.2f}" if ticker.mark_price is not None else "–",
            f"{change:+.2f}" if change is not None else "–",
        )
    return table


def _account(client: BulkWebSocketClient) -> Table:
    table = Table("account", "", show_header=False, min_width=34)
    if (margin := client.margin) is not None:
        table.add_row("balance", f"{margin.total_balance:,.2f}")
        table.add_row("available", f"{margin.available_balance:,.2f}")
    pnl = client.get_pnl()
    table.add_row("profit", f"{pnl.net:+,.2f}")
    for position in client.positions:
        table.add_row(position.symbol, f"{position.size:+.4g} @ {position.price:,.1f}")
    return table


def _orders(client: BulkWebSocketClient) -> Table:
    table = Table("side", "size", "price", "status", title="open orders", min_width=44)
    for order in sorted(client.get_orders(), key=lambda order: -order.price):
        table.add_row(str(order.side), f"{order.size:.3f}", f"{order.price:,.1f}", str(order.status))
    return table


def _fills(report: Report) -> Table:
    table = Table("side", "size", "price", "maker", title="fills", min_width=44)
    for fill in report.fills[-6:]:
        table.add_row(
            str(fill.side), f"{fill.size:.3f}", f"{fill.price:,.1f}", "yes" if fill.is_maker else "no"
        )
    return table

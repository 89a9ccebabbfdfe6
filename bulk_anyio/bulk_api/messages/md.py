"""Market-data messages under their documented path."""

from bulk_proto.events import Candle, L2Delta, L2Snapshot, OrderBookLevel, Ticker, Trade

__all__ = ["Candle", "L2Delta", "L2Snapshot", "OrderBookLevel", "Ticker", "Trade"]

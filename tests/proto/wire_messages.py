"""Messages as the exchange documents them, for the tests of decoding; all keys are made up."""

from __future__ import annotations

import json
from typing import Any

from bulk_proto.events import Event
from bulk_proto.replies import Reply
from bulk_proto.wire import decode

K1 = "FAe4sisG95oZ42w7buUn5qEE4TAnfTTFPiguZUHmhiF"
K2 = "GmaDrppBC7P5ARKV8g3djiwP89vz1jLK23V2GBjuAEGB"
SUB = "AcfC8fYyswnKK82JvbvRtrbZqMH3HgNtQDM314T9uTPP"
ISO = "HotQbmncuSTaG6jktEDec63rpxzXC6ZNfqedTMPAJxNP"
BUILDER = "9tPmvmL97vTX3Ymo6eoMWiicW8vbVyxWrRMEL6Gz84sq"
OID1 = "E6b9XTojqT8CASM4t5mQyZPHwATwYKrGFGKFbKP3bBqS"
OID2 = "2tZDKsMo1ksF1dGatQaQfZDAPvmydgZzwaNsiKTWQP1S"
MAKER = "2aGMMY8fiL3hw1gyMYf7R9rLKKoEZKxothZTMCrBGfSH"
TAKER = "C3pwidqSPGsRV6VqtZjLQRDRPm2EMPinyTEhG148Sytp"
ACCOUNT_TOPIC = f"account.{K1}"

TICKER = (
    b'{"type":"ticker","topic":"ticker.BTC-USD","data":{"ticker":{"symbol":"BTC-USD","priceChange":-412.5,'
    b'"priceChangePercent":-0.64,"lastPrice":64250.5,"highPrice":65010.0,"lowPrice":63880.0,"volume":812.4,'
    b'"quoteVolume":52204611.3,"markPrice":64251.0,"oraclePrice":64249.2,"openInterest":1320.75,'
    b'"fundingRate":0.0000125,"regime":-1,"regimeDt":41,"regimeVol":0.31,"regimeMv":0.01,'
    b'"fairBookPx":64250.8,"fairVol":0.27,"fairBias":-0.0004,"timestamp":1767225600000000000}}}'
)
CANDLES = (
    b'{"type":"candle","topic":"candle.BTC-USD.1m","data":{"candles":[\n'
    b'{"t":1767225600000,"T":1767225660000,"o":64240.0,"h":64262.5,"l":64231.0,"c":64250.5,"v":3.42,"n":17}]}}'
)
TRADES = (
    b'{"type":"trades","topic":"trades.BTC-USD","data":{"trades":[{"s":"BTC-USD","px":64250.5,"sz":0.015,'
    b'"time":1767225600123,"side":true,\n"maker":"2aGMMY8fiL3hw1gyMYf7R9rLKKoEZKxothZTMCrBGfSH",'
    b'"taker":"C3pwidqSPGsRV6VqtZjLQRDRPm2EMPinyTEhG148Sytp"}]}}'
)
L2_SNAPSHOT = (
    b'{"type":"l2Snapshot","topic":"l2snapshot.BTC-USD","data":{"book":{"updateType":"snapshot",'
    b'"symbol":"BTC-USD","levels":[\n[{"px":64250.0,"sz":1.25,"n":3},{"px":64249.5,"sz":0.4,"n":1}],\n'
    b'[{"px":64250.5,"sz":0.9,"n":2},{"px":64251.0,"sz":2.0,"n":4}]],"timestamp":1767225600200}}}'
)
L2_DELTA = (
    b'{"type":"l2Delta","topic":"l2delta.BTC-USD","data":{"book":{"updateType":"delta","symbol":"BTC-USD",'
    b'"levels":[\n[{"px":64250.0,"sz":0.0,"n":0}],[]],"timestamp":1767225600260}}}'
)
RISK = (
    b'{"type":"risk","topic":"risk.BTC-USD","data":{"risk":{"symbol":"BTC-USD","timestamp":1767225600000,'
    b'"regime":1,"leverage":[1.0,10.0],"notionals":[50000.0,100000.0],\n'
    b'"buy":[[{"mmrO":0.011,"mmrE":0.009,"p":0.998},{"mmrO":0.016,"mmrE":0.013,"p":0.998}],'
    b'[{"mmrO":0.012,"mmrE":0.01,"p":0.998},{"mmrO":0.018,"mmrE":0.014,"p":0.998}]],\n'
    b'"sell":[[{"mmrO":0.011,"mmrE":0.009,"p":0.998},{"mmrO":0.016,"mmrE":0.013,"p":0.998}],'
    b'[{"mmrO":0.012,"mmrE":0.01,"p":0.998},{"mmrO":0.018,"mmrE":0.014,"p":0.998}]],\n'
    b'"corrs":[["BTC:ETH",0.71]]}}}'
)
FRONTEND_CONTEXT = (
    b'{"type":"frontendContext","topic":"frontendContext","data":{"ctx":[{"symbol":"BTC-USD","volume":812.4,'
    b'"funding":0.0000125,"oi":1320.75,\n"lastPrice":64250.5,"priceChange":-412.5,"priceChangePercent":-0.64}]}}'
)
_ACCOUNT = b'{"type":"account","topic":"account.FAe4sisG95oZ42w7buUn5qEE4TAnfTTFPiguZUHmhiF","data":'
ACCOUNT_SNAPSHOT = _ACCOUNT + (
    b'{"type":"accountSnapshot","kind":"MasterEOA","parent":null,\n'
    b'"subAccounts":[{"pubkey":"AcfC8fYyswnKK82JvbvRtrbZqMH3HgNtQDM314T9uTPP"}],"multisigAccounts":[],\n'
    b'"authorizedAgentWallets":["GmaDrppBC7P5ARKV8g3djiwP89vz1jLK23V2GBjuAEGB"],\n'
    b'"margin":{"totalMargin":5200.5,"availableMargin":4100.25,"executionImpact":-1.5,'
    b'"transferableBalance":3900.0,"marginUsed":1100.25,\n"marginBufferRate":0.05,"bufferedMargin":1155.26,'
    b'"notional":32125.25,"realizedPnl":12.5,"unrealizedPnl":-8.25,"fees":-3.1,"funding":0.4},\n'
    b'"positions":[{"symbol":"BTC-USD","size":0.5,"price":64210.0,"fairPrice":64250.5,"notional":32125.25,'
    b'"realizedPnl":12.5,"unrealizedPnl":20.25,\n"leverage":5.0,"liquidationPrice":54100.0,"fees":-3.1,'
    b'"funding":0.4,"maintenanceMargin":642.5,"lambda":0.05,"riskAllocation":1100.25,\n'
    b'"iso":false,"protection":null},\n'
    b'{"symbol":"BTC-USD","size":-0.1,"price":64300.0,"fairPrice":64250.5,"notional":-6425.05,'
    b'"realizedPnl":0.0,"unrealizedPnl":4.95,"leverage":3.0,\n"liquidationPrice":81000.0,"fees":-0.6,'
    b'"funding":0.0,"maintenanceMargin":130.0,"lambda":0.05,"riskAllocation":210.0,\n'
    b'"iso":true,"isoPubkey":"HotQbmncuSTaG6jktEDec63rpxzXC6ZNfqedTMPAJxNP","protection":null}],\n'
    b'"openOrders":[{"symbol":"BTC-USD","orderId":"E6b9XTojqT8CASM4t5mQyZPHwATwYKrGFGKFbKP3bBqS",'
    b'"price":64000.0,"originalSize":0.05,"size":0.05,\n"filledSize":0.0,"vwap":0.0,"maker":true,'
    b'"reduceOnly":false,"orderType":"limit","trigger":null,"tif":"gtc","status":"placed",\n'
    b'"timestamp":1767225600000000001,"iso":false}],\n'
    b'"leverageSettings":[{"symbol":"BTC-USD","leverage":5.0}],\n'
    b'"feeTiers":[{"symbol":"global","rollingVolume":1200000.0,"tierIndex":1,"tierThreshold":1000000.0,'
    b'"makerBps":1.8,"takerBps":3.3,"windowDays":14}]}}'
)
ORDER_UPDATE = _ACCOUNT + (
    b'{"type":"orderUpdate","ot":"limit","status":"working","sym":"BTC-USD",\n'
    b'"oid":"2tZDKsMo1ksF1dGatQaQfZDAPvmydgZzwaNsiKTWQP1S","px":64500.0,"origSz":-0.05,"sz":-0.02,'
    b'"fillSz":0.03,"vwap":64500.0,"tif":"gtc","r":false,\n"mk":true,"trigger":null,'
    b'"ts":1767225601000000000,"reason":null}}'
)
FILL = _ACCOUNT + (
    b'{"type":"fill","symbol":"BTC-USD",\n"orderId":"2tZDKsMo1ksF1dGatQaQfZDAPvmydgZzwaNsiKTWQP1S",'
    b'"price":64500.0,"size":0.03,"fee":0.0,"isBuy":false,"reasonCode":0,\n'
    b'"counterpartyHint":"C3pw..Sytp","timestamp":1767225601000000000,"maker":true,"tradeId":"123456:7"}}'
)
POST_REPLY = (
    b'{"type":"post","id":7,"data":{"type":"action","payload":{"status":"ok","response":{"type":"order",'
    b'"data":{"statuses":[\n{"working":{"oid":"2tZDKsMo1ksF1dGatQaQfZDAPvmydgZzwaNsiKTWQP1S",'
    b'"filledSz":-0.03,"remainingSz":-0.02,"vwap":64500.0}}]}}}}}'
)
POST_ACK = b'{"type":"post","id":9,"data":{"type":"ack","ok":true}}'
SUBSCRIPTION_RESPONSE = (
    b'{"type":"subscriptionResponse","topics":["ticker.BTC-USD","l2snapshot.BTC-USD","frontendContext"]}'
)
UNSUBSCRIBE_RESPONSE = b'{"type":"unsubscribeResponse","topic":"ticker.BTC-USD"}'
ERROR = b'{"type":"error","error":{"message":"bad subscription"}}'

ALL = [
    TICKER,
    CANDLES,
    TRADES,
    L2_SNAPSHOT,
    L2_DELTA,
    RISK,
    FRONTEND_CONTEXT,
    ACCOUNT_SNAPSHOT,
    ORDER_UPDATE,
    FILL,
    POST_REPLY,
    POST_ACK,
    SUBSCRIPTION_RESPONSE,
    UNSUBSCRIBE_RESPONSE,
    ERROR,
]

ORDER_NAMES = {  # short to long
    "ot": "orderType",
    "sym": "symbol",
    "oid": "orderId",
    "px": "price",
    "origSz": "originalSize",
    "sz": "size",
    "fillSz": "filledSize",
    "r": "reduceOnly",
    "mk": "maker",
    "ts": "timestamp",
}


def read(**message: object) -> Event | Reply:
    """What a message with these fields says."""
    return decode(json.dumps(message).encode())


def read_account(data: dict[str, Any], topic: str = ACCOUNT_TOPIC) -> Event | Reply:
    """What an account event with this ``data`` says."""
    return read(type="account", topic=topic, data=data)


def data_of(message: bytes) -> dict[str, Any]:
    """A fresh copy of the ``data`` of a message."""
    data: dict[str, Any] = json.loads(message)["data"]
    return data

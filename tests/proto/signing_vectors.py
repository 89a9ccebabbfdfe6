"""The published signing vectors and the keys they were made with. All keys are made up for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bulk_proto.enums import SignatureDomain

_DATA: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "signing.json").read_text())

TRANSACTIONS: list[dict[str, Any]] = _DATA["transactions"]
ROUNDING: list[tuple[str, int]] = [(text, units) for text, units in _DATA["rounding"]]
JSON_EXAMPLES: list[dict[str, Any]] = _DATA["json_examples"]

SEED_1 = "1thX6LZfHDZZKUs92febYZhYRcXddmzfzF2NvTkPNE"
SEED_2 = "US517G5965aydkZ46HS38QLi7UQiSojurfbQfKCELFx"
PAIR_2 = "99eUso3aSbE9tqGSTXzo3TLfKb9RkMTURrHKQ1K7Zh3StnzFNUx8FKCPPPPpR479qsw5zv2WNBKmgiz7WqgAJfM"
OWNER = "FAe4sisG95oZ42w7buUn5qEE4TAnfTTFPiguZUHmhiF"  # the public key of SEED_1
AGENT = "GmaDrppBC7P5ARKV8g3djiwP89vz1jLK23V2GBjuAEGB"  # the public key of SEED_2
SUB_ACCOUNT = "AcfC8fYyswnKK82JvbvRtrbZqMH3HgNtQDM314T9uTPP"
PARTNER = "9tPmvmL97vTX3Ymo6eoMWiicW8vbVyxWrRMEL6Gz84sq"
ORDER = "E6b9XTojqT8CASM4t5mQyZPHwATwYKrGFGKFbKP3bBqS"
NONCE = 1767225600000000001


def domain(vector: dict[str, Any]) -> SignatureDomain:
    return SignatureDomain[vector["domain"].upper()]


def transaction(name: str) -> dict[str, Any]:
    """The JSON transaction of a vector, fresh."""
    vector = next(each for each in TRANSACTIONS if each["name"] == name)
    fields = ("actions", "nonce", "account", "signer", "signature")
    copied: dict[str, Any] = json.loads(json.dumps({field: vector[field] for field in fields}))
    return copied

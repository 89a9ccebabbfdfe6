"""Settings for the whole suite: Hypothesis profiles and the switch for runs that take minutes."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

# Where a commit is judged its examples are always the same; everywhere else each run looks at new ones.
settings.register_profile(
    "default",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "long", deadline=None, max_examples=2_000, suppress_health_check=[HealthCheck.too_slow]
)
LONG_TIMEOUT = 3600.0  # seconds for one test of a long run


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long",
        action="store_true",
        help="also run what takes minutes, and far more examples; or BULK_LONG=1",
    )
    parser.addoption("--peers", action="store_true", help="also run clients of other makers")


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background of a script
        signal.signal(signal.SIGINT, signal.default_int_handler)  # processes of tests inherit it
    if os.environ.get("BULK_LONG") == "1":
        config.option.long = True
    if config.getoption("--long"):
        os.environ["BULK_LONG"] = "1"  # read where a test has a number of examples of its own
    settings.load_profile("long" if config.getoption("--long") else "default")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        for mark in ("long", "peers"):
            if mark in item.keywords and not config.getoption(f"--{mark}"):
                item.add_marker(pytest.mark.skip(reason=f"run with --{mark}"))
        if config.getoption("--long"):
            item.add_marker(pytest.mark.timeout(LONG_TIMEOUT))

"""The two clients are one: a public name of one is in the other, with its parameters and its refusals."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import bulk_anyio
import bulk_sync
from bulk_proto import Topic, UsageError

ASYNC, BLOCKING = bulk_anyio.BulkWebSocketClient, bulk_sync.BulkWebSocketClient


def public(client: type) -> dict[str, Any]:
    names = [name for name in dir(client) if not name.startswith("_")]
    return {name: inspect.getattr_static(client, name) for name in [*names, "__init__"]}


def shared_methods() -> list[str]:
    return sorted(name for name, member in public(BLOCKING).items() if inspect.isfunction(member))


def parameters(function: Callable[..., object]) -> list[tuple[str, object, object, object]]:
    return [
        (parameter.name, parameter.kind, parameter.default, parameter.annotation)
        for parameter in inspect.signature(function).parameters.values()
    ]


def test_both_clients_offer_the_same_names() -> None:
    assert set(public(ASYNC)) == set(public(BLOCKING))


@pytest.mark.parametrize("name", shared_methods())
def test_a_method_takes_the_same_in_both_colours(name: str) -> None:
    ours, theirs = public(BLOCKING)[name], public(ASYNC)[name]
    assert parameters(ours) == parameters(theirs)
    if name != "events":
        assert inspect.signature(ours).return_annotation == inspect.signature(theirs).return_annotation


@pytest.mark.parametrize("name", sorted(public(BLOCKING)))
def test_a_name_is_of_the_same_kind_in_both_colours(name: str) -> None:
    assert type(public(BLOCKING)[name]) is type(public(ASYNC)[name])


@pytest.mark.parametrize("client_type", [ASYNC, BLOCKING])
@pytest.mark.parametrize(
    ("settings", "remedy"),
    [
        ({"handler_limit": 0}, "whole number from 1"),
        ({"handler_limit": 1.5}, "whole number from 1"),
        ({"handler_limit": True}, "whole number from 1"),
        ({"handler_limit": "10"}, "whole number from 1"),
        ({"handlers": [(Topic.FILL, print)]}, "dict of functions"),
        ({"handlers": print}, "dict of functions"),
        ({"handlers": ()}, "dict of functions"),
        ({"connector": "ws://gateway"}, "function that makes a connection"),
        ({"inventory": {}}, r"Inventory\(\)"),
        ({"logger": "trading"}, "logging.getLogger"),
    ],
)
def test_settings_that_are_not_what_they_should_be_are_refused_at_once(
    settings: dict[str, Any], remedy: str, client_type: Callable[..., object]
) -> None:
    with pytest.raises(UsageError, match=remedy):
        client_type("ws://127.0.0.1:9", **settings)


@pytest.mark.parametrize("client_type", [ASYNC, BLOCKING])
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("opening_timout", "did you mean opening_timeout"),
        ("symbol", "did you mean symbols"),
        ("wall_clock", "no setting wall_clock"),
        ("mood", "fields of bulk_proto.Config"),
    ],
)
def test_a_misspelt_setting_is_answered_with_the_one_that_was_meant(
    client_type: Callable[..., object], name: str, hint: str
) -> None:
    with pytest.raises(TypeError, match=hint):
        client_type("ws://127.0.0.1:9", **{name: 1.0})


@pytest.mark.parametrize("client_type", [ASYNC, BLOCKING])
def test_a_single_event_may_be_all_that_waits_for_a_handler(client_type: Callable[..., object]) -> None:
    client_type("ws://127.0.0.1:9", handler_limit=1, handlers={Topic.FILL: print})


def test_nothing_in_the_blocking_client_is_async() -> None:
    assert [name for name, member in public(BLOCKING).items() if inspect.iscoroutinefunction(member)] == []


def test_the_blocking_client_hides_no_event_loop() -> None:
    code = (
        "import sys, bulk_sync;"
        "print([name for name in ('anyio', 'asyncio', 'trio', 'bulk_anyio') if name in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"


def test_both_packages_export_the_same_names() -> None:
    assert set(bulk_anyio.__all__) == set(bulk_sync.__all__)


TWINS = ["account_actions", "conditional_orders", "multisig", "subscribing", "trading"]


class _Colourless(ast.NodeTransformer):
    """Reads ``async def`` as ``def`` and ``await x`` as ``x``."""

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        self.generic_visit(node)
        return ast.copy_location(ast.FunctionDef(**dict(ast.iter_fields(node))), node)

    def visit_Await(self, node: ast.Await) -> ast.AST:
        self.generic_visit(node)
        return node.value


def colourless(package: str, module: str) -> str:
    source = (Path(__file__).parent.parent / package / f"{module}.py").read_text(encoding="utf-8")
    return ast.unparse(_Colourless().visit(ast.parse(source)))


@pytest.mark.parametrize("module", TWINS)
def test_twin_modules_differ_in_async_and_await_alone(module: str) -> None:
    """A change of one is a change of both: take ``async`` and ``await`` out of the one in bulk_anyio."""
    assert colourless("bulk_anyio", module) == colourless("bulk_sync", module)

"""Turns the conditional actions of clients into conditions, or into rows that say why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, assert_never

from . import action_forms as forms
from .action_reading import ActionRefused, read_action
from .conditionals import Afterwards, Conditional, Signed, Step, child_id, condition, join
from .config import ExchangeConfig
from .margin import Markets
from .orders import Order
from .post_messages import Row, row
from .triggering import Triggers
from .units import to_units

ConditionalForm = forms.Stop | forms.TakeProfit | forms.Range | forms.Trailing | forms.Basket

_IN_BASKETS = (
    forms.Market,
    forms.Limit,
    forms.Modify,
    forms.Cancel,
    forms.CancelAll,
    forms.Stop,
    forms.TakeProfit,
    forms.Range,
    forms.Trailing,
)
_AFTER_FILLS = (*_IN_BASKETS, forms.Basket)
_NO_ON_FILL: Row = {"ack": {"ok": False, "message": "invalid action in on-fill order"}}


class Arming:
    """``place`` puts a market or limit order on the book: its row, and the order if it was accepted."""

    def __init__(
        self,
        config: ExchangeConfig,
        markets: Markets,
        triggers: Triggers,
        place: Callable[[forms.Limit | forms.Market, str, Signed], tuple[Row, Order | None]],
    ) -> None:
        self._config = config
        self._markets = markets
        self._triggers = triggers
        self._place = place

    def arm(self, form: ConditionalForm, oid: str, signed: Signed) -> list[Row]:
        """Let a conditional order wait. The caller has checked its builder code."""
        if (reason := self._invalid(form, signed)) is not None:
            return [row("rejectedInvalid", oid=oid, reason=reason)]
        match form:
            case forms.Stop():
                return self._triggers.place(_threshold("stop", not form.d, form, oid, signed))
            case forms.TakeProfit():
                return self._triggers.place(_threshold("takeProfit", form.d, form, oid, signed))
            case forms.Range():
                return self._arm_range(form, oid, signed)
            case forms.Trailing():
                return self._triggers.place(_trailing(form, oid, signed, self._markets[form.c].mark()))
            case forms.Basket():
                return self._arm_basket(form, oid, signed)
            case _:
                assert_never(form)

    def arm_after_fill(self, form: forms.OnFill, oid: str, signed: Signed) -> list[Row]:
        """Place an order, and remember what comes once it is filled."""
        steps = _read_steps(form.actions, _AFTER_FILLS)
        trigger = _read_steps([form.trigger], (forms.Market, forms.Limit))
        if steps is None or trigger is None:
            return [_NO_ON_FILL]
        parent = trigger[0].form
        assert isinstance(parent, forms.Market | forms.Limit)
        placed, order = self._place(parent, oid, signed)
        if order is None:
            return [placed]
        return [placed, *self._triggers.await_fill(Afterwards(order, steps, signed))]

    def await_fill(
        self, parent: Order | None, actions: Sequence[Mapping[str, Any]], signed: Signed
    ) -> list[Row]:
        """Remember what comes once an order is filled that was placed before; None: there is none."""
        steps = _read_steps(actions, _AFTER_FILLS)
        if parent is None or steps is None:
            return [_NO_ON_FILL]
        return self._triggers.await_fill(Afterwards(parent, steps, signed))

    def _invalid(self, form: ConditionalForm, signed: Signed) -> str | None:
        if form.c not in self._markets:
            return f"unknown symbol {form.c[:32]}"
        if len(signed.account.conditionals) >= self._config.max_open_orders:
            return f"more than {self._config.max_open_orders} conditional orders"
        match form:
            case forms.Stop() | forms.TakeProfit():
                amounts = [form.sz, form.tr]
            case forms.Range():
                amounts = [form.sz, form.pmin, form.pmax]
                if to_units(form.pmin) >= to_units(form.pmax):
                    return "pmin must be below pmax"
            case forms.Trailing():
                amounts = [form.sz]
            case forms.Basket():
                amounts = [form.tr]
            case _:
                assert_never(form)
        return None if all(map(to_units, amounts)) else "sizes and prices must be positive"

    def _arm_range(self, form: forms.Range, oid: str, signed: Signed) -> list[Row]:
        """Both halves wait, unless the first fires at once: then the second never was."""
        low, high = (
            condition(
                "range",
                each,
                form.c,
                signed,
                size=to_units(form.sz),
                is_buy=not form.d,
                is_above=is_above,
                threshold=to_units(price),
                limit=None if limit is None else to_units(limit),
                iso=form.i,
                slippage_bps=form.slSlippage if is_above != form.d else form.tpSlippage,
                builder=form.builderCode,
            )
            for each, is_above, price, limit in (
                (oid, False, form.pmin, form.lmin),
                (child_id(oid, 1), True, form.pmax, form.lmax),
            )
        )
        join(low, high)
        rows = self._triggers.place(low)
        return rows + self._triggers.place(high) if low.order.remaining else rows

    def _arm_basket(self, form: forms.Basket, oid: str, signed: Signed) -> list[Row]:
        steps = _read_steps(form.actions, _IN_BASKETS)
        if steps is None:
            return [row("rejectedInvalid", oid=oid, reason="invalid action in trigger order")]
        basket = condition(
            "trigger",
            oid,
            form.c,
            signed,
            size=0,
            is_buy=True,
            is_above=form.d,
            threshold=to_units(form.tr),
            steps=steps,
        )
        return self._triggers.place(basket)


def _threshold(
    kind: str, is_long: bool, form: forms.Stop | forms.TakeProfit, oid: str, signed: Signed
) -> Conditional:
    """A stop below or a take-profit above protects a long position."""
    return condition(
        kind,
        oid,
        form.c,
        signed,
        size=to_units(form.sz),
        is_buy=not is_long,
        is_above=form.d,
        threshold=to_units(form.tr),
        limit=None if form.lim is None else to_units(form.lim),
        iso=form.i,
        slippage_bps=form.slippage,
        builder=form.builderCode,
    )


def _trailing(form: forms.Trailing, oid: str, signed: Signed, mark: int) -> Conditional:
    away = mark * form.trb // 10_000
    return condition(
        "trailing",
        oid,
        form.c,
        signed,
        size=to_units(form.sz),
        is_buy=not form.b,
        is_above=not form.b,
        threshold=mark - away if form.b else mark + away,
        limit=None if form.lim is None else to_units(form.lim),
        iso=form.i,
        slippage_bps=form.slippage,
        builder=form.builderCode,
        trail_bps=form.trb,
        step_bps=form.stb,
    )


def _read_steps(
    actions: Sequence[Mapping[str, Any]], allowed: tuple[type[forms.ActionForm], ...]
) -> list[Step] | None:
    """What is inside another action; None if there is nothing, or anything that must not be there."""
    try:
        steps = [Step(action, read_action(action)) for action in actions]
    except ActionRefused:
        return None
    return steps if steps and all(isinstance(step.form, allowed) for step in steps) else None

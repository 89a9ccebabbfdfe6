"""The benchmarks still run, their feed is what it claims to be, and their arithmetic is right.

Nothing here depends on how long anything took.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from threading import Event
from typing import Any

import pytest

import benchmarks
from benchmarks import endurance, environment, feed
from benchmarks.__main__ import LAYERS, main
from benchmarks.contest import Case, Disagreement, Entry, Goal, Ratio, contest
from benchmarks.report import BEGIN, END, read_json, table, write_json
from benchmarks.server_bytes import READ_SIZE, cut_into_reads
from benchmarks.stage import Exercise, Outcome, perform

PYTHON = Path(sys.executable)
SHARE = 0.002


def message_kind(message: dict[str, Any]) -> str:
    kind: str = message["data"]["type"] if message["type"] == "account" else message["type"]
    return kind


# The feed ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mixed() -> list[dict[str, Any]]:
    return [json.loads(text) for text in feed.payloads(feed.recipe("mix", messages=20_000))]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    once, again, other = (feed.payloads(feed.recipe("mix", messages=500, seed=seed)) for seed in (7, 7, 8))
    assert once == again != other


def test_the_mixed_feed_has_the_promised_shares_and_sizes(mixed: list[dict[str, Any]]) -> None:
    counted = Counter(map(message_kind, mixed))
    promised = {"l2Delta": 80, "ticker": 8, "trades": 8, "l2Snapshot": 2, "orderUpdate": 1, "fill": 1}
    for name, percent in promised.items():
        assert counted[name] / len(mixed) * 100 == pytest.approx(percent, abs=0.8)
    removals = sum(_is_removal(one) for one in mixed if one["type"] == "l2Delta")
    assert removals / counted["l2Delta"] == pytest.approx(0.2, abs=0.02)
    texts = feed.payloads(feed.recipe("mix", messages=20_000))[3:]
    assert sum(map(len, texts)) / len(texts) == pytest.approx(250, abs=15)


def test_deep_books_stay_deep_and_are_never_crossed() -> None:
    books: dict[str, tuple[dict[float, float], dict[float, float]]] = {}
    for text in feed.payloads(feed.recipe("deep", messages=20_000)):
        message = json.loads(text)
        if not message["type"].startswith("l2"):
            continue
        book = message["data"]["book"]
        sides = books.setdefault(book["symbol"], ({}, {}))
        for side, levels in zip(sides, book["levels"], strict=True):
            for level in levels:
                if level["sz"] == 0:
                    del side[level["px"]]  # a level that is removed was there
                else:
                    side[level["px"]] = level["sz"]
        assert max(sides[0]) < min(sides[1])
        assert all(490 <= len(side) <= 610 for side in sides)
    assert set(books) == set(feed.SYMBOLS)


def test_both_ways_to_cut_the_feed_hold_the_same_bytes() -> None:
    texts = feed.payloads(feed.recipe("mix", messages=1_000))
    by_frame = cut_into_reads(texts, whole_frames=True)
    by_size = cut_into_reads(texts, whole_frames=False)
    assert b"".join(by_frame) == b"".join(by_size)
    assert len(by_frame) == len(texts)
    assert {len(data) for data in by_size[:-1]} == {READ_SIZE}


def _is_removal(message: dict[str, Any]) -> bool:
    return any(level["sz"] == 0 for side in message["data"]["book"]["levels"] for level in side)


# Rounds --------------------------------------------------------------------------------------------------


def fixed(cost: float, told: int = 1) -> Exercise:
    """An exercise that always claims the same cost of one item, in microseconds."""
    return lambda: lambda: Outcome(10, told, seconds=cost * 10 / 1e6)


def entries(*costs: float, told: int = 1) -> list[Entry]:
    first = Entry("ours", "tests.test_benchmarks:fixed", {"cost": costs[0]})
    rest = [Entry(str(cost), first.exercise, {"cost": cost, "told": told}) for cost in costs[1:]]
    return [first, *rest]


def test_a_round_is_reported_as_the_cost_of_one_item() -> None:
    assert perform(fixed(2.5)) == {"cost": pytest.approx(2.5), "told": 1, "beside": {}}


def test_a_ratio_is_how_much_more_the_rival_costs_or_how_much_more_we_do() -> None:
    goals = [Goal("6.0", 2.5), Goal("6.0", 3.5), Goal("1.0", 2, at_most=True)]
    case = Case("fixed", entries(2.0, 6.0, 1.0), goals)
    slower, too_little, limit = contest(case, passes=3, peer_python=None, own_python=PYTHON)
    assert [one.ratio for one in (slower, too_little, limit)] == pytest.approx([3, 3, 2])
    assert [one.holds for one in (slower, too_little, limit)] == [True, False, True]
    assert [slower.ours, slower.theirs] == pytest.approx([2, 6])


def test_contestants_that_found_different_things_are_not_compared() -> None:
    case = Case("fixed", entries(2.0, 6.0, told=2), [Goal("6.0")])
    with pytest.raises(Disagreement, match=r"ours told 1, but 6\.0 told 2"):
        contest(case, passes=1, peer_python=None, own_python=PYTHON)


def test_a_contestant_that_breaks_ends_the_case() -> None:
    broken = [Entry("broken", "benchmarks.state:no_such_exercise")]
    with pytest.raises(RuntimeError, match="broken ended early"):
        contest(Case("broken", broken, []), passes=1, peer_python=None, own_python=PYTHON)


def test_the_table_and_the_json_say_the_same(tmp_path: Path) -> None:
    ratio = Ratio("a case", "a rival", 2.0, 9.0, 4.5, 4.2, 4.9, 4.0, 6.0, False, "µs")
    head, _, row = table([ratio]).splitlines()
    found = dict(zip(_cells(head), _cells(row), strict=True))
    assert found == {
        "ratio": "4.50",
        "8 of 10 in": "4.20–4.90",
        "must": "4",
        "aim": "6",
        "holds": "yes",
        "ours": "2 µs",
        "theirs": "9 µs",
        "case": "a case",
        "against": "a rival",
    }
    write_json([ratio], {"another": "it broke"}, tmp_path / "found.json")
    written = json.loads((tmp_path / "found.json").read_text())
    (kept,) = written["ratios"]
    assert (kept["ratio"], kept["holds"], kept["case"]) == (4.5, True, "a case")
    assert written["failures"] == {"another": "it broke"}
    assert read_json(tmp_path / "found.json")[0] == [ratio]


@pytest.mark.parametrize(
    ("cost", "shown"), [(0.0384, "0.0384"), (7.0, "7"), (64.44, "64.4"), (123.4, "123"), (1_293.0, "1,290")]
)
def test_figures_have_three_digits_and_no_exponent(cost: float, shown: str) -> None:
    row = table([Ratio("a", "b", cost, 1.0, 1, 1, 1, None, None, False, "µs")]).splitlines()[2]
    assert _cells(row)[5] == f"{shown} µs"


def test_the_table_of_the_readme_is_written_by_the_command_alone(tmp_path: Path) -> None:
    ratio = Ratio("a case", "a rival", 2.0, 9.0, 4.5, 4.2, 4.9, 4.0, 6.0, False, "µs")
    readme, found = tmp_path / "README.md", tmp_path / "found.json"
    write_json([ratio], {}, found)
    readme.write_text(f"before\n{BEGIN}\nold rows\n{END}\nafter\n")
    for _ in range(2):  # a second time changes nothing
        assert main(["--table", str(found), "--readme", str(readme)]) == 0
        text = readme.read_text()
        assert text.startswith(f"before\n{BEGIN}\n")
        assert text.endswith(f"{END}\nafter\n")
        assert table([ratio]) in text
        assert "old rows" not in text
    readme.write_text("no place")
    with pytest.raises(ValueError, match="no place for a table"):
        main(["--table", str(found), "--readme", str(readme)])


def test_our_own_readme_has_a_place_for_the_table() -> None:
    text = Path(benchmarks.__file__).with_name("README.md").read_text()
    assert text.count(BEGIN) == text.count(END) == 1
    assert text.index(BEGIN) < text.index(END)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


# The goals -----------------------------------------------------------------------------------------------

STATE = "bytes to state and events"
WAKE_UP = "one message per wake-up"
MUST_AND_AIM: dict[tuple[str, str], tuple[float, float | None]] = {
    **{
        (f"{STATE}, {feed}, {cut}", rival): figures
        for feed in ("mix", "deep")
        for cut in ("64 KiB reads", "one frame per read")
        for rival, figures in {
            "released client": (4.5, 6),
            "released client, given texts": (4.5, 6),
            "picows + orjson + SortedDict": (1.3, 1.7),
            "decode floor": (3.3, 2.3),
        }.items()
    },
    ("flood over loopback, asyncio", "released client"): (5, 7),
    ("flood over loopback, trio", "released client"): (5, 7),
    ("flood over loopback, blocking", "released client"): (5, 8),
    (f"{WAKE_UP}, plain TCP, asyncio", "released client"): (2.2, 3),
    (f"{WAKE_UP}, plain TCP, trio", "released client"): (2.2, 3),
    (f"{WAKE_UP}, plain TCP, blocking", "released client"): (3.5, 4.5),
    (f"{WAKE_UP}, TLS, asyncio", "released client"): (1.8, 2.5),
    (f"{WAKE_UP}, TLS, trio", "released client"): (1.8, 2.5),
    (f"{WAKE_UP}, TLS, blocking", "released client"): (3, 4),
    ("transaction of 1 limit orders", "released client with its ids"): (1.4, 2),
    ("transaction of 10 limit orders", "released client with its ids"): (2.2, 4),
    ("transaction of 50 limit orders", "released client with its ids"): (3, 5),
    ("transaction of 1, PyNaCl behind our Signer", "released client with its ids"): (1.9, 2.5),
    ("transaction of 1, bulk-keychain behind our Signer", "released client with its ids"): (1.9, 2.5),
    ("order round trip, median, asyncio", "released client"): (1.1, 1.4),
    ("order round trip, median, trio", "released client"): (1.1, 1.4),
    ("order round trip, median, blocking", "released client"): (1.3, 1.7),
    **{(f"snapshot of {n} levels a side", "released client"): (7.5, 10) for n in (20, 200, 2000)},
    ("delta at 100 levels a side", "released client"): (3.5, 4),
    ("delta at 1000 levels a side", "released client"): (3.5, 4),
    ("delta at 10000 levels a side", "released client"): (2.3, 3),
    ("delta at 10000 levels over one at 100", "ours at 100 levels"): (1.5, 1.2),
    ("top 10 of both sides at 100 levels", "released client"): (6, None),
    ("top 10 of both sides at 1000 levels", "released client"): (50, None),
    ("top 10 of both sides at 10000 levels", "released client"): (500, None),
    ("touch of both sides at 100 levels", "released client"): (4, None),
    ("touch of both sides at 10000 levels", "released client"): (4, None),
    ("300 symbols over 3", "3"): (1.4, None),
    ("1000 open requests over 1", "1"): (2, None),
    ("100 handlers on a topic over 1, each call", "1"): (1, None),
    ("10000 open orders over 10", "10"): (2, None),
    ("message of 5000 candles", "released client"): (8, None),
    ("import, CPU time", "released client"): (5, 6),
    ("memory after the feed", "released client"): (3.5, 4),
    ("installed size with all dependencies", "released client"): (10, 12),
    **{
        (f"memory over 10,000,000 messages and 1,000 connections, {backend}", "its second tenth"): (
            1.02,
            None,
        )
        for backend in ("asyncio", "trio", "blocking")
    },
}


def test_every_goal_of_the_project_is_judged_by_a_row_and_no_row_has_another() -> None:
    cases = [case for layer in LAYERS.values() for case in layer(SHARE)] + endurance.long_cases()
    judged = {
        (case.name, goal.rival): (goal.must, goal.aim)
        for case in cases
        for goal in case.goals
        if goal.must is not None
    }
    assert judged == MUST_AND_AIM


# Every layer, briefly ------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", LAYERS)
def test_our_side_of_every_case_runs(layer: str) -> None:
    for case in LAYERS[layer](SHARE):
        assert contest(case, passes=0, peer_python=None, own_python=PYTHON) == []


@pytest.mark.peers
@pytest.mark.timeout(900)
@pytest.mark.parametrize("layer", LAYERS)
def test_every_contestant_of_every_case_runs_and_does_the_same_work(layer: str) -> None:
    python = environment.peer_python(Path(__file__).parent.parent / ".venv-peers")
    for case in LAYERS[layer](SHARE):
        found = contest(case, passes=1, peer_python=python, own_python=PYTHON)
        assert len(found) == len(case.goals)


def test_the_command_prints_ratios_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--without-peers", "--passes", "1", "--share", str(SHARE), "state"]) == 0
    assert _cells(capsys.readouterr().out.splitlines()[0])[0] == "ratio"


def test_a_case_that_fails_does_not_end_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    broken = Case("broken", [Entry("ours", "benchmarks.state:no_such_exercise")], [])
    sound = Case("sound", entries(2.0, 6.0), [Goal("6.0")])
    monkeypatch.setitem(LAYERS, "state", lambda share: [broken, sound])
    found = tmp_path / "found.json"
    assert main(["--without-peers", "--passes", "1", "--json", str(found), "state"]) == 1
    printed = capsys.readouterr()
    assert "sound" in printed.out.splitlines()[-1]
    assert "[1/2] broken" in printed.err
    assert "2 cases in" in printed.err
    written = json.loads(found.read_text())
    assert [row["case"] for row in written["ratios"]] == ["sound"]
    assert "ours ended early" in written["failures"]["broken"]


def test_a_contestant_that_hangs_is_ended() -> None:
    stuck = Case("stuck", [Entry("ours", "tests.test_benchmarks:stuck")], [], patience=0.5)
    with pytest.raises(RuntimeError, match="took too long"):
        contest(stuck, passes=1, peer_python=None, own_python=PYTHON)


def stuck() -> Exercise:
    Event().wait()
    raise AssertionError("it is killed before")


def test_a_case_of_minutes_runs_once_and_may_be_compared_with_itself() -> None:
    both = Case("once", [Entry("ours", "tests.test_benchmarks:rising")], [Goal("before", 1.5)], once=True)
    (ratio,) = contest(both, passes=5, peer_python=None, own_python=PYTHON)
    assert [ratio.ours, ratio.theirs] == pytest.approx([1, 2])


def rising() -> Exercise:
    """Costs more each time: 1 in the first round."""
    rounds = iter((1.0, 50.0))
    return lambda: lambda: Outcome(1, seconds=next(rounds) / 1e6, beside={"before": 2.0 / 1e6})


def test_a_layer_that_is_not_there_is_refused_at_once() -> None:
    with pytest.raises(SystemExit):
        main(["--without-peers", "no such layer"])

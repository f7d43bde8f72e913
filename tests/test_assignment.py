"""Who codes what is a pure plan: everybody in a pilot, stated overlap in production."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from annotation.assignment import SENTINEL_EVERY, assign, sentinel_units

UNITS = st.lists(st.integers(0, 2**64 - 1), unique=True, max_size=60)
CODERS = ("c1", "c2", "c3")


@given(units=UNITS)
def test_in_a_pilot_every_coder_codes_every_unit(units: list[int]) -> None:
    plan = assign(units, CODERS, round_="R1", double_share=0.25, seed=7)
    assert all(sorted(plan[coder]) == sorted(units) for coder in CODERS)


@given(units=UNITS, share=st.floats(0, 1))
def test_in_production_each_unit_has_one_coder_and_the_stated_share_two(
    units: list[int], share: float
) -> None:
    plan = assign(units, CODERS, round_="R3", double_share=share, seed=7)
    coded = Counter(unit for own in plan.values() for unit in own)
    assert set(coded) == set(units)
    assert sum(count == 2 for count in coded.values()) == round(len(units) * share)
    assert all(len(own) == len(set(own)) for own in plan.values())


@given(units=UNITS)
def test_the_order_units_arrive_in_does_not_matter(units: list[int]) -> None:
    plans = [
        assign(order, CODERS, round_="R3", double_share=0.5, seed=7)
        for order in (units, list(reversed(units)))
    ]
    assert plans[0] == plans[1]


@given(units=UNITS, share=st.floats(0, 1))
def test_loads_are_balanced(units: list[int], share: float) -> None:
    plan = assign(units, CODERS, round_="R3", double_share=share, seed=7)
    loads = [len(own) for own in plan.values()]
    assert max(loads) - min(loads) <= 1


@given(units=UNITS)
def test_sentinels_go_to_everybody(units: list[int]) -> None:
    plan = assign(units, CODERS, round_="R3", double_share=0, seed=7, sentinels=5)
    coded = Counter(unit for own in plan.values() for unit in own)
    assert sum(count == 3 for count in coded.values()) == min(5, len(units))
    assert sum(count == 1 for count in coded.values()) == max(len(units) - 5, 0)


@given(units=UNITS)
def test_nobody_gets_what_they_avoid(units: list[int]) -> None:
    avoided = {"c1": set(units[::2]), "c2": set(units[:1])}
    for round_ in ("R1", "R3"):
        plan = assign(units, CODERS, round_=round_, double_share=0, seed=7, avoided=avoided)
        assert not avoided["c1"] & set(plan["c1"])
        assert not avoided["c2"] & set(plan["c2"])
        assert {unit for own in plan.values() for unit in own} == set(units)


@given(units=UNITS)
def test_who_has_a_unit_keeps_it_and_a_late_coder_takes_up_what_is_left(units: list[int]) -> None:
    first = assign(units, CODERS, round_="R3", double_share=0, seed=7)
    given_out = {unit: {coder} for coder, own in first.items() for unit in own[: len(own) // 2]}
    later = assign(units, (*CODERS, "c4"), round_="R3", double_share=0, seed=7, held=given_out)
    assert all(unit in later[coder] for unit, [coder] in given_out.items())
    assert Counter(unit for own in later.values() for unit in own) == Counter(units)
    if len(units) > 12:
        assert later["c4"]


@given(units=UNITS)
def test_what_a_coder_who_left_did_not_code_is_dealt_anew(units: list[int]) -> None:
    first = assign(units, CODERS, round_="R3", double_share=0, seed=7)
    coded = {unit: {"c3"} for unit in first["c3"][:3]}
    rest = assign(units, ("c1", "c2"), round_="R3", double_share=0, seed=7, held=coded)
    dealt = Counter(unit for own in rest.values() for unit in own)
    assert dealt == Counter(set(units) - set(coded))


@given(units=UNITS)
def test_a_weeks_sentinels_stand_early_and_hidden_among_the_rest(units: list[int]) -> None:
    plan = assign(units, CODERS, round_="R3", double_share=0, seed=7, sentinels=4)
    for_all = sentinel_units(units, round_="R3", seed=7, count=4)
    assert len(for_all) == min(4, len(units))
    for own in plan.values():
        places = [place for place, unit in enumerate(own) if unit in for_all]
        assert len(places) == len(for_all)
        assert all(place < SENTINEL_EVERY * (n + 1) for n, place in enumerate(places))
    assert not sentinel_units(units, round_="R1", seed=7, count=4)

"""Who codes what is a pure plan: everybody in a pilot, stated overlap in production."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from annotation.assignment import assign

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

"""JSON as nobody expects it, for laws that hold whatever a stranger sends."""

from typing import Any

from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def dented(whole: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Replace some fields by anything at all."""
    return st.dictionaries(st.sampled_from(sorted(whole)), JSON).map(lambda dents: whole | dents)

"""What is saved is loaded; a trace saved again is replaced exactly."""

import math
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from sentinel.contracts import Attempt, Brief, Feedback, Reference, Trace, Verdict
from sentinel.errors import NotFound
from sentinel.store import Store
from sentinel.store.tables import OutcomeRow, TraceRow, table_of

Make = Callable[..., Trace]

anything = st.text(st.characters(codec=None), max_size=20)
numbers = st.floats(allow_nan=False)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | numbers | anything,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(anything, inner, max_size=3),
    max_leaves=8,
)
overrides = {
    int: st.integers(1, 2**31 - 1),
    float: numbers,
    str: anything,
    bytes: st.binary(max_size=64),
}


def rising(attempts: list[Attempt]) -> tuple[Attempt, ...]:
    return tuple(a.model_copy(update={"number": n}) for n, a in enumerate(attempts, start=1))


def test_a_trace_is_loaded_as_it_was_saved(store: Store, make: Make) -> None:
    trace = make("failed", "refused", "undecided", "passed")

    store.traces.save(trace)

    assert store.traces.load(trace.id) == trace

"""The Grafana dashboard as far as it can be held against what it needs without a Grafana."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files

import promql_parser
import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from sentinel import policy
from sentinel.api.app import create_app
from sentinel.api.metrics import Metrics
from sentinel.settings import Settings

BOARD = json.loads((files("dashboards") / "grafana" / "sentinel.json").read_text())

PANELS = [pytest.param(panel, id=panel["title"]) for panel in BOARD["panels"]]

QUERIES = [
    pytest.param(target["expr"], id=f"{panel['title']}-{target['refId']}")
    for panel in BOARD["panels"]
    for target in panel["targets"]
]

VARIABLES = {"$__range": "24h", "$__rate_interval": "1m", "$policy": "poster|default"}
"""What Grafana puts into a query before Prometheus reads it."""


def series(query: str) -> list[tuple[str, set[str]]]:
    """Every series that a query asks for, as its name and the labels it is picked by."""
    for variable, value in VARIABLES.items():
        query = query.replace(variable, value)
    assert "$" not in query
    return list(_selectors(promql_parser.parse(query)))


def _selectors(node: object) -> Iterator[tuple[str, set[str]]]:
    if isinstance(node, promql_parser.VectorSelector):
        yield node.name, {matcher.name for matcher in node.matchers.matchers}
        return
    inner = [
        getattr(node, part, None) for part in ("expr", "lhs", "rhs", "vector_selector", "param")
    ]
    for each in [*inner, *getattr(node, "args", ())]:
        if each is not None:
            yield from _selectors(each)


def exported() -> dict[str, set[str]]:
    """Every name that Prometheus would know, with its labels."""
    metrics = Metrics()
    found: dict[str, set[str]] = {}
    for name in vars(metrics):
        family = getattr(metrics, name)
        if name == "registry":
            continue
        labels = set(family._labelnames)
        endings = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}
        for ending in endings[family._type]:
            found[family._name + ending] = labels | ({"le"} if ending == "_bucket" else set())
    return found


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> set[str]:
    """The names of the families that GET /metrics of a house really answers with."""
    home = tmp_path_factory.mktemp("grafana")
    (home / "policies").mkdir()
    for name in policy.builtin():
        (home / "policies" / f"{name}.toml").write_text(f'name = "{name}"\n')
    settings = Settings.read(home=home, policies=home / "policies", generator="fixed")
    with TestClient(create_app(settings), client=("127.0.0.1", 5)) as client:
        text = client.get("/metrics").text
    return {family.name for family in text_string_to_metric_families(text)}


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_is_promql_over_names_and_labels_that_are_served(query, served):
    known = exported()
    asked = series(query)
    grouped = {
        label.strip()
        for group in re.findall(r"by \(([^)]+)\)", query)
        for label in group.split(",")
    }

    assert asked, query
    for name, labels in asked:
        assert labels <= known[name], query
        assert re.sub(r"_(total|bucket|sum|count)$", "", name) in served, query
    assert grouped <= set.intersection(*(known[name] for name, _ in asked))


@pytest.mark.parametrize(
    "query", ["sum(rate(sentinel_x[5m])", "sum by standing (sentinel_x)", "rate(x[abc])"]
)
def test_what_is_no_promql_is_told(query):
    with pytest.raises(ValueError, match=r"."):
        promql_parser.parse(query)


def test_every_metric_but_those_of_requests_in_full_is_on_the_board():
    shown = {name for param in QUERIES for name, _ in series(param.values[0])}
    families = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in shown}
    known = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in exported()}

    assert known - families <= {"sentinel_ready"}


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_says_what_it_shows_in_the_fields_that_grafana_reads(panel):
    assert panel["type"] in ("stat", "timeseries", "bargauge", "gauge", "table")
    assert len(panel["description"]) > 10
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert set(panel["gridPos"]) == {"x", "y", "w", "h"}
    assert panel["fieldConfig"]["defaults"]["unit"]
    refs = [target["refId"] for target in panel["targets"]]
    assert len(refs) == len(set(refs)) > 0
    assert all(
        target.get("instant") == (True if panel["type"] == "stat" else None)
        for target in panel["targets"]
    )
    assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])


def test_each_panel_has_a_place_of_its_own():
    cells = [
        (x, y)
        for panel in BOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])


def test_what_a_panel_refers_to_is_a_variable_of_the_board():
    """Grafana asks for the Prometheus itself: no address or id of one is in the file."""
    variables = {each["name"]: each for each in BOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]\w*)", json.dumps(BOARD["panels"])))

    assert used == set(variables)
    assert variables["datasource"]["type"] == "datasource"
    assert variables["policy"]["query"]["query"].startswith(
        "label_values(sentinel_evaluations_total"
    )
    assert "id" not in BOARD
    assert BOARD["schemaVersion"] >= 36

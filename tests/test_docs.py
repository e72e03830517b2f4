"""Docs that cannot rot: what exists is documented, and what is documented exists."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from sentinel import registry
from sentinel.policy import FeedbackRule, GateRule, JudgeRule, Policy, RewriterRule, parse
from sentinel.settings import Settings

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
TEXT = {page: page.read_text("utf-8") for page in PAGES}


def blocks(language: str) -> list[tuple[str, str]]:
    pattern = re.compile(rf"^```{language}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return [
        (f"{page.name} {index}", block)
        for page, text in TEXT.items()
        for index, block in enumerate(pattern.findall(text))
    ]


@pytest.mark.parametrize("block", [pytest.param(b, id=name) for name, b in blocks("python")])
def test_each_python_block_is_python(block):
    compile(block, "docs", "exec")


@pytest.mark.parametrize("block", [pytest.param(b, id=name) for name, b in blocks("toml")])
def test_each_toml_block_is_toml_and_each_policy_in_it_is_one(block):
    table = tomllib.loads(block)
    if "name" in table:
        assert parse(block, "docs").name == table["name"]


@pytest.mark.parametrize("kind", ["judge", "gate"])
def test_each_plugin_has_a_page_and_stands_in_the_table(kind):
    table = TEXT[ROOT / "docs" / "policies.md"]
    offered = registry.names(kind)
    ours = [name for name in offered if registry.owner(kind, name) == "sentinel-gatekeeper"]

    assert ours
    assert [
        name for name in ours if not (ROOT / "docs" / f"{kind}s" / f"{name}.md").is_file()
    ] == []
    assert [name for name in ours if f"({kind}s/{name}.md)" not in table] == []


def test_each_setting_is_documented():
    page = TEXT[ROOT / "docs" / "install.md"]

    assert [name for name in Settings.model_fields if f"SENTINEL_{name.upper()}`" not in page] == []


@pytest.mark.parametrize("table", [Policy, GateRule, JudgeRule])
def test_each_policy_key_is_documented(table):
    page = TEXT[ROOT / "docs" / "policies.md"]

    assert [
        key for key in table.model_fields if f"`{key}" not in page and f"[{key}" not in page
    ] == []


@pytest.mark.parametrize("table", [FeedbackRule, RewriterRule])
def test_each_key_of_feedback_is_documented(table):
    page = TEXT[ROOT / "docs" / "feedback.md"]

    assert [key for key in table.model_fields if f"`{key}`" not in page] == []


def test_each_route_is_documented():
    from sentinel.api.app import create_app

    routes = create_app().openapi()["paths"]
    surfaces = (text for page, text in TEXT.items() if page.parent.name == "endpoints")
    told = "\n".join((TEXT[ROOT / "docs" / "api.md"], *surfaces))

    assert [path for path in routes if path not in told] == []


def test_each_command_is_documented():
    import typer.main

    from sentinel.cli import app

    def commands(group, before=""):
        for name, command in group.commands.items():
            yield f"{before}{name}"
            if hasattr(command, "commands"):
                yield from commands(command, f"{name} ")

    page = TEXT[ROOT / "docs" / "cli.md"]

    assert [
        name for name in commands(typer.main.get_command(app)) if f"sentinel {name}" not in page
    ] == []


def test_each_link_between_pages_leads_somewhere():
    broken = [
        f"{page.name}: {target}"
        for page, text in TEXT.items()
        for target in re.findall(r"\]\(([^)#\s]+)", text)
        if "://" not in target and not (page.parent / target).exists()
    ]

    assert broken == []


def test_each_decision_has_a_number_of_its_own():
    numbers = [page.name[:4] for page in (ROOT / "docs" / "decisions").glob("*.md")]

    assert len(numbers) == len(set(numbers))

"""Rows in, JUnit XML out: a test case a picture, as every CI shows them.

Did not pass: a failure. Could not be decided or read: an error. A duplicate: skipped. Written
row by row (SAX), so that memory stays flat; there are no times, so that bytes stay the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import IO
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

from sentinel.audit.report.columns import modes_of
from sentinel.audit.report.findings import Findings
from sentinel.audit.report.targets import Told
from sentinel.audit.rows import Row

ILLEGAL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 knows no way to write (section 2.2)."""


def write_junit(
    stream: IO[bytes], rows: Iterable[Row], found: Findings, told: Iterable[Told] = ()
) -> None:
    """`stream` gets one suite of pictures, and one of targets where any were set."""
    xml = XMLGenerator(stream, "utf-8", short_empty_elements=True)
    xml.startDocument()
    _open(xml, "testsuites", {"name": "sentinel audit"})
    _open(xml, "testsuite", _totals(found))
    for row in rows:
        _case(xml, row)
    xml.endElement("testsuite")
    _targets(xml, list(told))
    xml.endElement("testsuites")
    xml.endDocument()


def _open(xml: XMLGenerator, name: str, attributes: Mapping[str, str]) -> None:
    xml.startElement(name, AttributesImpl(attributes))


def _totals(found: Findings) -> dict[str, str]:
    standings = found.standings
    return {
        "name": _clean(f"{found.head.source} ({found.head.policy.name})"),
        "tests": str(found.entries),
        "failures": str(standings["failed"] + standings["refused"]),
        "errors": str(standings["undecided"] + found.not_judged),
        "skipped": str(found.statuses.get("duplicate", 0)),
    }


def _case(xml: XMLGenerator, row: Row) -> None:
    folder = next(iter(row.group.values()), "pictures")
    _open(xml, "testcase", {"name": _clean(row.key), "classname": _clean(folder)})
    element, kind = _kind(row)
    if element:
        _open(xml, element, {"type": _clean(kind), "message": _clean(row.reason)})
        xml.characters(_clean(_more(row)))
        xml.endElement(element)
    xml.endElement("testcase")


def _kind(row: Row) -> tuple[str, str]:
    if row.status == "duplicate":
        return "skipped", "duplicate"
    if row.status in ("scored", "refused"):
        modes = modes_of(row.verdict) if row.verdict is not None else ()
        return ("", "") if row.passed else ("failure", modes[0] if modes else row.status)
    return "error", row.status


def _more(row: Row) -> str:
    """What is said below the message: the issues, the prompt."""
    issues = row.verdict.top_issues if row.verdict is not None else ()
    asked = [f"prompt: {row.prompt}"] if row.prompt else []
    return "\n".join([*issues, *asked, row.where])


def _targets(xml: XMLGenerator, told: list[Told]) -> None:
    if not told:
        return
    missed = sum(target.missed for target in told)
    counts = {"name": "targets", "tests": str(len(told)), "failures": str(missed)}
    _open(xml, "testsuite", counts)
    for target in told:
        _open(xml, "testcase", {"name": _clean(target.text), "classname": "targets"})
        if target.missed:
            _open(xml, "failure", {"type": "target", "message": _clean(target.text)})
            xml.endElement("failure")
        xml.endElement("testcase")
    xml.endElement("testsuite")


def _clean(text: str) -> str:
    return ILLEGAL.sub("\ufffd", text)

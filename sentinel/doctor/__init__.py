"""An installation in, what of it works and what does not out, with the command that mends it."""

from __future__ import annotations

from sentinel.doctor.checks import Check, check_up
from sentinel.doctor.examination import Examined, Plugin, examine, seat

__all__ = ["Check", "Examined", "Plugin", "check_up", "examine", "seat"]

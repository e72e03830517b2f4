"""Model cards of all plugins in, a catalogue out; and pull: a name in, verified files out.

Nothing here runs while pictures are scored: Sentinel never downloads at run time. An operator
pulls a model once, sees its size and licence first, and the plugins find it in the models folder.
"""

from __future__ import annotations

from sentinel.models.catalogue import Entry, State, catalogue, find, folder_of, state_of
from sentinel.models.fetching import Progress, PullError
from sentinel.models.pulling import pull

__all__ = [
    "Entry",
    "Progress",
    "PullError",
    "State",
    "catalogue",
    "find",
    "folder_of",
    "pull",
    "state_of",
]

"""Sentinel: a quality gatekeeper that stands beside an image generator."""

__version__ = "0.1.0"

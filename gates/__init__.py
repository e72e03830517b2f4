"""Cheap refusals, one a file, named after what they look for."""

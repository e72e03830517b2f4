"""Cheap refusals, one a room, named after what they look for."""

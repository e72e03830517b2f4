"""Pixels in, things found in them out; what several gates and judges look for is found once."""

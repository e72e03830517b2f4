"""Pixels in, symptoms out: one pure function per check, grouped by what they look at."""

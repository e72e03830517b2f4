"""An audit's rows in, a report that people read and CI obeys out."""

"""Pictures that a team already has in, a report that people read and CI obeys out."""

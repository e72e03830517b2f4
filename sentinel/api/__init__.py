"""The HTTP face: POST /v1/score, the traces with their annotated pictures, and what is on offer."""

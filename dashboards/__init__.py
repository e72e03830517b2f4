"""The human face; reads `sentinel.store.queries` and nothing else."""

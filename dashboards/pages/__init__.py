"""A page a file: a request in, the page out. `dashboards.app` names each with its address."""

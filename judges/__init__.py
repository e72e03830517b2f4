"""One room a judge, named after the quality it measures."""

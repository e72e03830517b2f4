"""One judge a file, named after the quality it measures."""

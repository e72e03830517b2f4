"""Who makes pictures, one a file."""

"""What is wrong with a data set, found and explained before any training; examine.py lists the checks."""

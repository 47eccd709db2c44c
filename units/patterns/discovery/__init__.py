"""Terms that are said again: a corpus of units aligned with itself, and clusters of what is alike in it."""

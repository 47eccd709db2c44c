"""Terms that are said again: local alignment of a corpus of units with itself, and clusters of what is alike."""

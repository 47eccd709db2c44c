"""Find where a sequence of units occurs, or nearly so, in a corpus of them."""

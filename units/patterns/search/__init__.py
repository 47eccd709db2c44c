"""Find where a sequence of units occurs, exactly or nearly, in a corpus of units."""

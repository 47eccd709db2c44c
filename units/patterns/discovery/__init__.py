"""Terms: stretches of speech that recur. A corpus of units is aligned with itself, and alignments are
clustered."""

"""What recurs in units: byte-pair pieces, motifs, terms, and search."""

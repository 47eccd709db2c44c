"""Units, F0 and speaker to waveform: networks, what trains them, and the directory that holds them."""

"""Training of a vocoder: its corpus, discriminators, losses, and the loop."""

"""Frames to units: k-means, the codebook it makes, and the units that it gives to frames."""

"""Waveform to frames: (samples,) at 16 kHz in, (N, D) float32 out, one frame every 20 ms."""

"""Speech to discrete units and back, with no text: the library under the su-* tools."""

__version__ = "0.1.0"

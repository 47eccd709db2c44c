"""Speech to discrete units and back, with no text: the library under the su-* tools."""

import os

__version__ = "0.1.0"

# From 1.29 on, onnxruntime reports its use to its maker, and keeps an identifier of the user under ~/.cache,
# unless this is set when it loads.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

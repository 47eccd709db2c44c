"""Files and streams: records, arrays, weights, and output that takes its name when it is complete."""

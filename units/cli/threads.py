"""How OpenMP's threads wait for one another, set before torch or faiss loads OpenMP: they spin, but briefly.

The threads of a network meet at a barrier thousands of times per second. By default GNU's OpenMP, which torch
and faiss bring along, spins there 300,000 times, for more than 10 ms, before it sleeps. If another program
holds the processor that the last thread needs, all the others spin in vain, and a tool takes up to fifty
times as long. The measurements are in docs/threads.md.
"""

import os

SPINS = "1000"  # about 50 microseconds
SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")

if not any(name in os.environ for name in SETTINGS):
    os.environ["GOMP_SPINCOUNT"] = SPINS  # worker processes inherit it

#!/usr/bin/env python3
"""serve_ranges.py FILE ADDRESS: serves FILE with ranges, prints its URL, runs until it is killed."""
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from ranges_server import Server  # noqa: E402

with Server(pathlib.Path(sys.argv[1]).read_bytes(), sys.argv[2]) as server:
    print(server.url, flush=True)
    threading.Event().wait()

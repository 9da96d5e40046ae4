"""Folders of a test that are gone when its process ends."""
import atexit
import os
import pathlib
import shutil
import tempfile


def folder(kind, inside=None):
    made, maker = pathlib.Path(tempfile.mkdtemp(prefix=f"aloft-{kind}-", dir=inside)), os.getpid()

    def remove():
        if os.getpid() == maker:  # not a child of it that ends
            shutil.rmtree(made, ignore_errors=True)

    atexit.register(remove)
    return made

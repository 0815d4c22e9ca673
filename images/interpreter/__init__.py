"""A Python of its own for the adapter, made from an image that has one, for images that have none.

    with files_from_layers(streams) as files:  # the layers of DEFAULT_IMAGE, lowest first
        interpreter = interpreter_from_files(files, sources)  # what the adapter's modules hold
    interpreter.tar  # the layer, not compressed; the same input gives the same bytes
    interpreter.start  # ["/openwhisk/python/ld.so", ...], put before "/openwhisk/openwhisk.py"

`files_from_tar` reads what `docker export` writes, `files_from_folder` a folder. NoInterpreter says
in a sentence why there is none ("it" is the image); `remarks` are sentences for whoever makes one.

The interpreter comes with its loader and its libraries, so it runs in any image: with another C
library, an older one, none. It heeds neither PYTHON* variables nor LD_LIBRARY_PATH, and sets none
for the model. Its loader does heed LD_PRELOAD: an image's is to stand before the model's command,
`env LD_PRELOAD=...`, not in the image's environment.

Here an image's files and a temporary folder are read, and a Python of the same version is started
to compile the standard library where the image holds only its sources.
"""

from images.interpreter.files import (
    Files,
    files_from_folder,
    files_from_layers,
    files_from_tar,
)
from images.interpreter.making import (
    DEFAULT_IMAGE,
    PLACE,
    Interpreter,
    interpreter_from_files,
)
from images.interpreter.refusals import NoInterpreter

__all__ = [
    "DEFAULT_IMAGE",
    "PLACE",
    "Files",
    "Interpreter",
    "NoInterpreter",
    "files_from_folder",
    "files_from_layers",
    "files_from_tar",
    "interpreter_from_files",
]

"""Tesseract by its C interface, in this process: started once, then asked image by image.

The library is Debian's `libtesseract5` with the data of `tesseract-ocr-eng`, on one thread.
Its command line has the same defaults, but starts anew for every image.
"""

import ctypes
import ctypes.util
import os
import sys
from typing import Self

import cv2
import numpy as np

from edge_agent.common.arrays import U8

LINE, WORD = 7, 8  # page segmentation: `--psm 7`, one line of text; `--psm 8`, one word
_ENGLISH = b"eng"
_LIMIT = "OMP_THREAD_LIMIT"


class TesseractMissingError(RuntimeError):
    """There is no Tesseract here, or one that cannot be measured."""


class Tesseract:
    """A started Tesseract; a context manager.

    Args:
        segmentation: what an image shows, `LINE` or `WORD`.
        upscale: how many times as large each image is made (cubic) before it is read.

    Raises:
        TesseractMissingError: the library or its English data are not installed, or it would
            use several threads.
    """

    def __init__(self, segmentation: int, upscale: int = 1) -> None:
        self._library, self._upscale = _library(), upscale
        self._handle = ctypes.c_void_p(self._library.TessBaseAPICreate())
        if self._library.TessBaseAPIInit3(self._handle, None, _ENGLISH):
            raise TesseractMissingError("tesseract: expected English data, found none")
        # Guesses at the resolution of images that do not say theirs.
        self._library.TessBaseAPISetVariable(self._handle, b"debug_file", b"/dev/null")
        self._library.TessBaseAPISetPageSegMode(self._handle, segmentation)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._library.TessBaseAPIEnd(self._handle)
        self._library.TessBaseAPIDelete(self._handle)

    @property
    def version(self) -> str:
        """Of the library."""
        return str(self._library.TessVersion().decode())

    def prepare(self, image: U8) -> U8:
        """`image`, (H, W, 3) RGB or (H, W) grey, as it is shown to it."""
        if self._upscale > 1:
            times = self._upscale
            image = np.asarray(
                cv2.resize(image, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC), np.uint8
            )
        return np.ascontiguousarray(image)

    def read(self, prepared: U8) -> str:
        """What it reads in a prepared image; several lines are joined by spaces."""
        height, width = prepared.shape[:2]
        channels = 1 if prepared.ndim == 2 else prepared.shape[2]
        pixels = prepared.ctypes.data_as(ctypes.c_void_p)
        handle, library = self._handle, self._library
        library.TessBaseAPISetImage(handle, pixels, width, height, channels, channels * width)
        library.TessBaseAPIRecognize(handle, None)
        text = library.TessBaseAPIGetUTF8Text(handle)
        try:
            return " ".join(ctypes.string_at(text).decode().split())
        finally:
            library.TessDeleteText(text)


def start_again_on_one_thread() -> None:
    """Start this program anew with OMP_THREAD_LIMIT=1, unless it runs so already.

    That is the way Tesseract's documentation names, as its layers ask for four threads each;
    OpenMP reads the variable when it is loaded, which other libraries have done long before.
    """
    if os.environ.get(_LIMIT) != "1":
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, _LIMIT: "1"})


def _library() -> ctypes.CDLL:
    name = ctypes.util.find_library("tesseract")
    if name is None:
        raise TesseractMissingError("tesseract: expected the library, found none (make ocr-tools)")
    library = ctypes.CDLL(name)
    threads = ctypes.CDLL("libgomp.so.1").omp_get_thread_limit()
    if threads != 1:
        raise TesseractMissingError(
            f"tesseract: expected a limit of one thread, found {threads}: set {_LIMIT}=1"
        )
    pointer, number = ctypes.c_void_p, ctypes.c_int
    library.TessVersion.restype = ctypes.c_char_p
    library.TessBaseAPICreate.restype = pointer
    library.TessBaseAPIInit3.argtypes = (pointer, ctypes.c_char_p, ctypes.c_char_p)
    library.TessBaseAPISetVariable.argtypes = (pointer, ctypes.c_char_p, ctypes.c_char_p)
    library.TessBaseAPISetPageSegMode.argtypes = (pointer, number)
    library.TessBaseAPISetImage.argtypes = (pointer, pointer, number, number, number, number)
    library.TessBaseAPIRecognize.argtypes = (pointer, pointer)
    library.TessBaseAPIGetUTF8Text.argtypes = (pointer,)
    library.TessBaseAPIGetUTF8Text.restype = pointer
    library.TessDeleteText.argtypes = (pointer,)
    library.TessBaseAPIEnd.argtypes = (pointer,)
    library.TessBaseAPIDelete.argtypes = (pointer,)
    return library

"""An ONNX file from outside: read, or refused in one sentence."""

from pathlib import Path

import onnx

from quantization.errors import ModelError


def load_model(path: Path) -> onnx.ModelProto:
    """The model in a file, with its external data.

    Raises:
        ModelError: if the file is not there, is not ONNX, or is cut short.
    """
    try:
        model = onnx.load(path)
    except FileNotFoundError as error:
        raise ModelError(f"{error.filename or path}: expected an ONNX file, found none") from error
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    except Exception as error:  # protobuf's own are not typed, and ONNX adds to them
        raise ModelError(
            f"{path}: expected an ONNX model, found a file that is not one or is cut short"
        ) from error
    if not model.graph.node:
        raise ModelError(f"{path}: expected an ONNX model, found one without a node")
    return model

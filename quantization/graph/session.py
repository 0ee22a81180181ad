"""ONNX Runtime: the only module that imports it."""

import onnx
import onnxruntime as ort
from onnxruntime import InferenceSession

from quantization.errors import ModelError

__all__ = ["InferenceSession", "open_session"]

ERRORS_ONLY = 3  # its warnings are about its own optimisations


def open_session(model: onnx.ModelProto) -> InferenceSession:
    """A model ready to run on this machine's processor.

    Raises:
        ModelError: if ONNX Runtime does not take it.
    """
    options = ort.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    # Quantise/dequantise pairs mean float arithmetic between values on the int8 grid here: its
    # own int8 kernels round otherwise, and saturate on some processors.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    try:
        return InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its exceptions have no other base
        raise ModelError(f"ONNX Runtime cannot run the model: {error}") from error

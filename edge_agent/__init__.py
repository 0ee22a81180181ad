"""What runs on the device, and everything host and device share.

The lowest layer: it imports neither `quantization` nor `pipeline`, and installs
without torch or onnx. The device defines the contract (bundle, preprocessing, int8
arithmetic, decoding, messages); the host obeys it by running this very code.
"""

__version__ = "0.1.0"

"""Write scores_and_best.tflite: four scores of five numbers, and the place of the highest.

A network with two outputs of different types, as `quantization.convert` writes it, for
environments that cannot convert. Run it again only to change the model:
``PYTHONPATH=.:tests python tests/data/make_scores_and_best.py``.
"""

from pathlib import Path

from support.onnx_nets import converted
from support.operator_cases import SEVERAL


def main() -> None:
    """Convert the network and write it beside this file."""
    (case,) = [case for case in SEVERAL if case.name == "Scores and their best"]
    file = Path(__file__).with_name("scores_and_best.tflite")
    file.write_bytes(converted(case.model()).tflite)


if __name__ == "__main__":
    main()

"""From a float ONNX network to a full-int8 TFLite file: calibrate, quantise, lower.

It knows graphs and arrays, neither data sets nor checkpoints. Programs import from
`quantization.convert` (`convert`), `quantization.graph.load` (`load_model`), `quantization.recipe`
(`QuantRecipe`), `quantization.reference` (`run`, `trace`, `exposed`, `first_difference`) and
`quantization.errors`; whatever else is here may move. None of them is imported by this file, since
most of the package's users need one of them and not the others' libraries.
"""

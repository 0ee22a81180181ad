"""What the format of TFLite files says, as far as the networks of this project go.

From `tensorflow/compiler/mlir/lite/schema/schema.fbs`: tables with their fields in the file's
order, the numbers of operators and types. A test compares all of it with the schema that LiteRT
ships, where that is installed. What an operator takes is its kernel's (`tflite/kernels`).
"""

from dataclasses import dataclass

from edge_agent.bundle.tflite.flatbuffer import tables

IDENTIFIER = b"TFL3"
VERSION = 3
CUSTOM = 32

# A type's name, and how many bits an element has.
TYPES = {
    0: ("float32", 32),
    1: ("float16", 16),
    2: ("int32", 32),
    3: ("uint8", 8),
    4: ("int64", 64),
    6: ("bool", 8),
    7: ("int16", 16),
    9: ("int8", 8),
    17: ("int4", 4),
}

TABLES = tables(
    """
Model version:u4 operator_codes:[OperatorCode] subgraphs:[SubGraph] description:str \
 buffers:[Buffer] metadata_buffer:[i4] metadata:[Metadata] signature_defs:[SignatureDef]
OperatorCode deprecated_builtin_code:i1 custom_code:str version:i4=1 builtin_code:i4
SubGraph tensors:[Tensor] inputs:[i4] outputs:[i4] operators:[Operator] name:str \
 debug_metadata_index:i4=-1
Buffer data:[u1] offset:u8 size:u8
Metadata name:str buffer:u4
SignatureDef inputs:[TensorMap] outputs:[TensorMap] signature_key:str unused:u1 subgraph_index:u4
TensorMap name:str tensor_index:u4
Tensor shape:[i4] type:i1 buffer:u4 name:str quantization:QuantizationParameters is_variable:u1 \
 sparsity:Unsupported shape_signature:[i4] has_rank:u1
QuantizationParameters min:[f4] max:[f4] scale:[f4] zero_point:[i8] details_type:u1 \
 details:Unsupported quantized_dimension:i4
Operator opcode_index:u4 inputs:[i4] outputs:[i4] builtin_options_type:u1 \
 builtin_options:BuiltinOptions custom_options:[u1] custom_options_format:i1 \
 mutating_variable_inputs:[u1] intermediates:[i4]
Unsupported
Conv2DOptions padding:i1 stride_w:i4 stride_h:i4 activation:i1 dilation_w:i4=1 dilation_h:i4=1 \
 bias_type:i1
DepthwiseConv2DOptions padding:i1 stride_w:i4 stride_h:i4 depth_multiplier:i4 activation:i1 \
 dilation_w:i4=1 dilation_h:i4=1
TransposeConvOptions padding:i1 stride_w:i4 stride_h:i4 activation:i1 bias_type:i1
Pool2DOptions padding:i1 stride_w:i4 stride_h:i4 filter_w:i4 filter_h:i4 activation:i1
FullyConnectedOptions activation:i1 weights_format:i1 keep_num_dims:u1 asymmetric:u1 bias_type:i1
SoftmaxOptions beta:f4
ConcatenationOptions axis:i4 activation:i1
AddOptions activation:i1 pot_scale:u1=1
SubOptions activation:i1 pot_scale:u1=1
MulOptions activation:i1
DivOptions activation:i1
L2NormOptions activation:i1
ResizeBilinearOptions old_height:i4 old_width:i4 align_corners:u1 half_pixel_centers:u1
ResizeNearestNeighborOptions align_corners:u1 half_pixel_centers:u1
ReshapeOptions new_shape:[i4]
SpaceToDepthOptions block_size:i4
DepthToSpaceOptions block_size:i4
GatherOptions axis:i4 batch_dims:i4
ReducerOptions keep_dims:u1
SqueezeOptions squeeze_dims:[i4]
SplitOptions num_splits:i4
StridedSliceOptions begin_mask:i4 end_mask:i4 ellipsis_mask:i4 new_axis_mask:i4 \
 shrink_axis_mask:i4 offset:u1
ArgMaxOptions output_type:i1
LeakyReluOptions alpha:f4
MirrorPadOptions mode:i1
BatchMatMulOptions adj_x:u1 adj_y:u1 asymmetric:u1
GeluOptions approximate:u1
PadOptions
PadV2Options
TransposeOptions
ExpOptions
LogSoftmaxOptions
DequantizeOptions
QuantizeOptions
MaximumMinimumOptions
NegOptions
SliceOptions
ExpandDimsOptions
SquareOptions
SquaredDifferenceOptions
AbsOptions
HardSwishOptions
""".replace("\\\n", "")
)

UNIONS = {
    "BuiltinOptions": {
        1: "Conv2DOptions",
        2: "DepthwiseConv2DOptions",
        5: "Pool2DOptions",
        8: "FullyConnectedOptions",
        9: "SoftmaxOptions",
        10: "ConcatenationOptions",
        11: "AddOptions",
        12: "L2NormOptions",
        15: "ResizeBilinearOptions",
        17: "ReshapeOptions",
        19: "SpaceToDepthOptions",
        21: "MulOptions",
        22: "PadOptions",
        23: "GatherOptions",
        26: "TransposeOptions",
        27: "ReducerOptions",
        28: "SubOptions",
        29: "DivOptions",
        30: "SqueezeOptions",
        32: "StridedSliceOptions",
        33: "ExpOptions",
        35: "SplitOptions",
        36: "LogSoftmaxOptions",
        38: "DequantizeOptions",
        39: "MaximumMinimumOptions",
        40: "ArgMaxOptions",
        42: "NegOptions",
        43: "PadV2Options",
        48: "SliceOptions",
        49: "TransposeConvOptions",
        52: "ExpandDimsOptions",
        66: "SquareOptions",
        74: "ResizeNearestNeighborOptions",
        75: "LeakyReluOptions",
        76: "SquaredDifferenceOptions",
        77: "MirrorPadOptions",
        78: "AbsOptions",
        89: "QuantizeOptions",
        91: "HardSwishOptions",
        94: "DepthToSpaceOptions",
        101: "BatchMatMulOptions",
        116: "GeluOptions",
    }
}


@dataclass(frozen=True)
class Signature:
    """What an operator takes.

    Args:
        name: the schema's.
        least, most: how many inputs; those beyond `least` may be left out.
        constants: which of them the file must hold, as they decide shapes: -1 is none of them.
        options: its table of options; "" for none.
        needed: whether it cannot do without that table.
    """

    name: str
    least: int
    most: int
    options: str = ""
    needed: bool = False
    constants: tuple[int, ...] = ()


def _signatures(text: str) -> dict[int, Signature]:
    found = {}
    for line in text.strip().splitlines():
        code, name, inputs, options, *constants = line.split()
        least, _, most = inputs.partition("-")
        found[int(code)] = Signature(
            name,
            int(least),
            int(most or least),
            options.strip("-!"),
            options.endswith("!"),
            tuple(int(number) for number in constants),
        )
    return found


MANY = 4096
# Number, name, how many inputs, options (! are needed), and which inputs are constants.
OPERATORS = _signatures(f"""
0 ADD 2 AddOptions!
1 AVERAGE_POOL_2D 1 Pool2DOptions!
2 CONCATENATION 1-{MANY} ConcatenationOptions!
3 CONV_2D 3 Conv2DOptions!
4 DEPTHWISE_CONV_2D 3 DepthwiseConv2DOptions!
5 DEPTH_TO_SPACE 1 DepthToSpaceOptions!
6 DEQUANTIZE 1 DequantizeOptions
9 FULLY_CONNECTED 2-3 FullyConnectedOptions!
11 L2_NORMALIZATION 1 L2NormOptions!
14 LOGISTIC 1 -
17 MAX_POOL_2D 1 Pool2DOptions!
18 MUL 2 MulOptions!
19 RELU 1 -
20 RELU_N1_TO_1 1 -
21 RELU6 1 -
22 RESHAPE 2 ReshapeOptions 1
23 RESIZE_BILINEAR 2 ResizeBilinearOptions! 1
25 SOFTMAX 1 SoftmaxOptions!
26 SPACE_TO_DEPTH 1 SpaceToDepthOptions!
28 TANH 1 -
34 PAD 2 PadOptions 1
36 GATHER 2 GatherOptions! 1
39 TRANSPOSE 2 TransposeOptions 1
40 MEAN 2 ReducerOptions! 1
41 SUB 2 SubOptions!
42 DIV 2 DivOptions!
43 SQUEEZE 1 SqueezeOptions!
45 STRIDED_SLICE 4 StridedSliceOptions! 1 2 3
47 EXP 1 ExpOptions
49 SPLIT 2 SplitOptions! 0
50 LOG_SOFTMAX 1 LogSoftmaxOptions
54 PRELU 2 -
55 MAXIMUM 2 MaximumMinimumOptions
56 ARG_MAX 2 ArgMaxOptions! 1
57 MINIMUM 2 MaximumMinimumOptions
59 NEG 1 NegOptions
60 PADV2 3 PadV2Options 1
65 SLICE 3 SliceOptions 1 2
67 TRANSPOSE_CONV 3-4 TransposeConvOptions! 0
70 EXPAND_DIMS 2 ExpandDimsOptions 1
74 SUM 2 ReducerOptions! 1
75 SQRT 1 -
76 RSQRT 1 -
82 REDUCE_MAX 2 ReducerOptions! 1
89 REDUCE_MIN 2 ReducerOptions! 1
92 SQUARE 1 SquareOptions
97 RESIZE_NEAREST_NEIGHBOR 2 ResizeNearestNeighborOptions! 1
98 LEAKY_RELU 1 LeakyReluOptions!
99 SQUARED_DIFFERENCE 2 SquaredDifferenceOptions
100 MIRROR_PAD 2 MirrorPadOptions! 1
101 ABS 1 AbsOptions
111 ELU 1 -
114 QUANTIZE 1 QuantizeOptions
117 HARD_SWISH 1 HardSwishOptions
126 BATCH_MATMUL 2 BatchMatMulOptions!
150 GELU 1 GeluOptions!
152 RELU_0_TO_1 1 -
""")

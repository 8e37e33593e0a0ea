"""The messages of ONNX (onnx/onnx.proto, IR version 14), as far as inspection reads them."""

from typing import Final

from weighlock.inspection.protobuf.schema import (
    EXTENT,
    FIXED32,
    FIXED64,
    VARINTS,
    Field,
    Schema,
    data,
    integer,
    integers,
    many,
    one,
    stream,
    text,
)

MODEL: Final = Schema("ModelProto")
GRAPH: Final = Schema("GraphProto")
NODE: Final = Schema("NodeProto")
ATTRIBUTE: Final = Schema("AttributeProto")
TENSOR: Final = Schema("TensorProto")
SPARSE: Final = Schema("SparseTensorProto")
FUNCTION: Final = Schema("FunctionProto")
TRAINING: Final = Schema("TrainingInfoProto")
ENTRY: Final = Schema("StringStringEntryProto").known({1: text, 2: text})
OPSET: Final = Schema("OperatorSetIdProto").known({1: text, 2: integer})

# fields by the names of the specification
IR_VERSION, PRODUCER, PRODUCER_VERSION, MODEL_GRAPH, OPSETS, MODEL_PROPS = 1, 2, 3, 7, 8, 14
NODE_NAME, OP_TYPE, NODE_DOMAIN = 3, 4, 7
ATTRIBUTE_NAME, ATTRIBUTE_INTEGER, ATTRIBUTE_STRING = 1, 3, 4
DIMS, DATA_TYPE, TENSOR_NAME, EXTERNAL_DATA, DATA_LOCATION = 1, 2, 8, 13, 14
FLOAT_DATA, INT32_DATA, STRING_DATA, INT64_DATA, RAW_DATA, DOUBLE_DATA, UINT64_DATA = 4, 5, 6, 7, 9, 10, 11
SPARSE_VALUES, SPARSE_INDICES, SPARSE_DIMS = 1, 2, 3
FUNCTION_NAME, FUNCTION_DOMAIN, FUNCTION_OVERLOAD = 1, 10, 13
KEY, VALUE = 1, 2

MODEL.known(
    {
        IR_VERSION: integer,
        PRODUCER: text,
        PRODUCER_VERSION: text,
        MODEL_GRAPH: one(GRAPH),
        OPSETS: many(OPSET),
        MODEL_PROPS: many(ENTRY),
        20: stream(TRAINING),
        25: stream(FUNCTION),
    },
    opaque=(4, 5, 6, 26),
)
GRAPH.known(
    {1: stream(NODE), 5: stream(TENSOR), 15: stream(SPARSE), 16: many(ENTRY)}, opaque=(2, 10, 11, 12, 13, 14)
)
NODE.known(
    {NODE_NAME: text, OP_TYPE: text, NODE_DOMAIN: text, 5: many(ATTRIBUTE), 9: many(ENTRY)},
    opaque=(1, 2, 6, 8, 10),
)
ATTRIBUTE.known(
    {
        ATTRIBUTE_NAME: text,
        ATTRIBUTE_INTEGER: integer,
        ATTRIBUTE_STRING: data,
        5: one(TENSOR),
        6: one(GRAPH),
        10: stream(TENSOR),
        11: stream(GRAPH),
        22: one(SPARSE),
        23: stream(SPARSE),
    },
    opaque=(2, 7, 8, 9, 13, 14, 15, 20, 21),
)
TENSOR.known(
    {
        DIMS: integers,
        DATA_TYPE: integer,
        FLOAT_DATA: Field(FIXED32, repeated=True),
        INT32_DATA: Field(VARINTS, repeated=True),
        STRING_DATA: Field(EXTENT, repeated=True),
        INT64_DATA: Field(VARINTS, repeated=True),
        TENSOR_NAME: text,
        RAW_DATA: Field(EXTENT),
        DOUBLE_DATA: Field(FIXED64, repeated=True),
        UINT64_DATA: Field(VARINTS, repeated=True),
        EXTERNAL_DATA: many(ENTRY),
        DATA_LOCATION: integer,
        16: many(ENTRY),
    },
    opaque=(3, 12),
)
SPARSE.known({SPARSE_VALUES: one(TENSOR), SPARSE_INDICES: one(TENSOR), SPARSE_DIMS: integers})
FUNCTION.known(
    {
        FUNCTION_NAME: text,
        FUNCTION_DOMAIN: text,
        FUNCTION_OVERLOAD: text,
        7: stream(NODE),
        9: many(OPSET),
        11: many(ATTRIBUTE),
        14: many(ENTRY),
    },
    opaque=(2, 3, 4, 5, 6, 8, 12),
)
TRAINING.known({1: one(GRAPH), 2: one(GRAPH)}, opaque=(3, 4))

"""The messages of TensorFlow (tensorflow/core/protobuf and framework, 2.21), as far as inspection reads them."""

from typing import Final

from weighlock.inspection.protobuf.schema import (
    EXTENT,
    Field,
    Schema,
    datas,
    integer,
    many,
    one,
    stream,
    text,
    texts,
)
from weighlock.inspection.protobuf.schema import data as bytes_field

SAVED_MODEL: Final = Schema("SavedModel")
META_GRAPH: Final = Schema("MetaGraphDef")
META_INFO: Final = Schema("MetaInfoDef")
GRAPH: Final = Schema("GraphDef")
LIBRARY: Final = Schema("FunctionDefLibrary")
FUNCTION: Final = Schema("FunctionDef")
SIGNATURE: Final = Schema("OpDef")
NODE: Final = Schema("NodeDef")
ATTRIBUTE_ENTRY: Final = Schema("NodeDef.AttrEntry")
ATTRIBUTE: Final = Schema("AttrValue")
ATTRIBUTE_LIST: Final = Schema("AttrValue.ListValue")
CALLED: Final = Schema("NameAttrList")
TENSOR: Final = Schema("TensorProto")
SAVER: Final = Schema("SaverDef")
COLLECTION_ENTRY: Final = Schema("MetaGraphDef.CollectionDefEntry")
COLLECTION: Final = Schema("CollectionDef")
SIGNATURE_ENTRY: Final = Schema("MetaGraphDef.SignatureDefEntry")
SIGNATURE_DEF: Final = Schema("SignatureDef")
TENSOR_ENTRY: Final = Schema("SignatureDef.OutputsEntry")
TENSOR_INFO: Final = Schema("TensorInfo")
COMPOSITE: Final = Schema("TensorInfo.CompositeTensor")
COO_SPARSE: Final = Schema("TensorInfo.CooSparse")
ASSET: Final = Schema("AssetFileDef")
OBJECT_GRAPH: Final = Schema("SavedObjectGraph")
OBJECT: Final = Schema("SavedObject")
USER_OBJECT: Final = Schema("SavedUserObject")
CONCRETE_ENTRY: Final = Schema("SavedObjectGraph.ConcreteFunctionsEntry")
KERAS_METADATA: Final = Schema("SavedMetadata")
KERAS_OBJECT: Final = Schema("SavedMetadata.SavedObject")
FINGERPRINT: Final = Schema("FingerprintDef")
BUNDLE_HEADER: Final = Schema("BundleHeaderProto")
BUNDLE_ENTRY: Final = Schema("BundleEntryProto")

# fields by their names in the sources
SCHEMA_VERSION, META_GRAPHS = 1, 2
INFO, SAVER_DEF, COLLECTIONS, SIGNATURES, ASSETS, OBJECTS = 1, 3, 4, 5, 6, 7
TAGS, VERSION = 4, 5
NODE_NAME, OP, INPUT, ATTRIBUTES = 1, 2, 3, 5
KEY, VALUE = 1, 2
VALUE_LIST, VALUE_BYTES, VALUE_TENSOR, VALUE_FUNCTION = 1, 2, 8, 10
LIST_BYTES, LIST_FUNCTIONS = 2, 9
STRING_VALUES = 8
FILENAME_TENSOR, SAVE_TENSOR, RESTORE_OP = 1, 2, 3
ASSET_FILENAME = 2
IDENTIFIER, METADATA = 1, 3
KERAS_PATH, KERAS_IDENTIFIER, KERAS_METADATA_TEXT = 3, 4, 5

SAVED_MODEL.known({SCHEMA_VERSION: integer, META_GRAPHS: stream(META_GRAPH)})
META_GRAPH.known(
    {
        INFO: one(META_INFO),
        2: one(GRAPH),
        SAVER_DEF: one(SAVER),
        COLLECTIONS: many(COLLECTION_ENTRY),
        SIGNATURES: many(SIGNATURE_ENTRY),
        ASSETS: many(ASSET),
        OBJECTS: one(OBJECT_GRAPH),
    }
)
META_INFO.known({TAGS: texts, VERSION: text}, opaque=(1, 2, 3, 6, 7, 8))
GRAPH.known({1: stream(NODE), 2: one(LIBRARY)}, opaque=(3, 4, 5))
LIBRARY.known({1: stream(FUNCTION)}, opaque=(2, 3))
FUNCTION.known({1: one(SIGNATURE), 3: stream(NODE)}, opaque=(4, 5, 6, 7, 8))
SIGNATURE.known({1: text}, opaque=(*range(2, 10), *range(16, 24)))
NODE.known({NODE_NAME: text, OP: text, INPUT: texts, ATTRIBUTES: many(ATTRIBUTE_ENTRY)}, opaque=(4, 6, 7))
ATTRIBUTE_ENTRY.known({KEY: text, VALUE: one(ATTRIBUTE)})
ATTRIBUTE.known(
    {
        VALUE_LIST: one(ATTRIBUTE_LIST),
        VALUE_BYTES: bytes_field,
        VALUE_TENSOR: one(TENSOR),
        VALUE_FUNCTION: one(CALLED),
    },
    opaque=(3, 4, 5, 6, 7, 9),
)
ATTRIBUTE_LIST.known(
    {LIST_BYTES: datas, LIST_FUNCTIONS: many(CALLED), 8: many(TENSOR)}, opaque=(3, 4, 5, 6, 7)
)
CALLED.known({1: text, 2: many(ATTRIBUTE_ENTRY)})
TENSOR.known({4: Field(EXTENT), STRING_VALUES: datas}, opaque=(1, 2, 3, 5, 6, 7, *range(9, 19)))
SAVER.known({FILENAME_TENSOR: text, SAVE_TENSOR: text, RESTORE_OP: text}, opaque=(4, 5, 6, 7))
COLLECTION_ENTRY.known({KEY: text, VALUE: one(COLLECTION)})
COLLECTION.known({1: one(Schema("CollectionDef.NodeList").known({1: texts}))}, opaque=(2, 3, 4, 5))
SIGNATURE_ENTRY.known({KEY: text, VALUE: one(SIGNATURE_DEF)})
SIGNATURE_DEF.known({2: many(TENSOR_ENTRY)}, opaque=(1, 3, 4))
TENSOR_ENTRY.known({KEY: text, VALUE: one(TENSOR_INFO)})
TENSOR_INFO.known({1: text, 4: one(COO_SPARSE), 5: one(COMPOSITE)}, opaque=(2, 3))
COO_SPARSE.known({1: text, 2: text, 3: text})
COMPOSITE.known({2: many(TENSOR_INFO)}, opaque=(1,))
ASSET.known({1: one(TENSOR_INFO), ASSET_FILENAME: text})
OBJECT_GRAPH.known({1: stream(OBJECT), 2: many(CONCRETE_ENTRY)})
OBJECT.known({4: one(USER_OBJECT)}, opaque=(1, 3, *range(5, 17)))
USER_OBJECT.known({IDENTIFIER: text, METADATA: text}, opaque=(2,))
CONCRETE_ENTRY.known({KEY: text}, opaque=(VALUE,))
KERAS_METADATA.known({1: stream(KERAS_OBJECT)})
KERAS_OBJECT.known({KERAS_PATH: text, KERAS_IDENTIFIER: text, KERAS_METADATA_TEXT: text}, opaque=(1, 2, 6))
FINGERPRINT.known({}, opaque=(1, 2, 3, 4, 5, 6, 7))
BUNDLE_HEADER.known({1: integer, 2: integer}, opaque=(3,))
BUNDLE_ENTRY.known({3: integer, 4: integer, 5: integer}, opaque=(1, 2, 6, 7))

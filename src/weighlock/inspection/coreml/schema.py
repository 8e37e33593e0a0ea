"""The messages of CoreML (coremltools, mlmodel/format/*.proto), as far as inspection reads them."""

from typing import Final

from weighlock.inspection.protobuf.schema import Field, Schema, extent, integer, many, one, stream, text

MODEL: Final = Schema("Model")
PIPELINE: Final = Schema("Pipeline")
NETWORK: Final = Schema("NeuralNetwork")
LAYER: Final = Schema("NeuralNetworkLayer")
CUSTOM_LAYER: Final = Schema("CustomLayerParams")
CUSTOM_MODEL: Final = Schema("CustomModel")
LINKED_FILE: Final = Schema("LinkedModelFile")
PROGRAM: Final = Schema("Program")
FUNCTION: Final = Schema("Function")
BLOCK: Final = Schema("Block")
OPERATION: Final = Schema("Operation")
VALUE: Final = Schema("Value")
BLOB: Final = Schema("BlobFileValue")

SPECIFICATION_VERSION, UPDATABLE = 1, 10
PIPELINE_CLASSIFIER, PIPELINE_REGRESSOR, PIPELINE_MODEL = 200, 201, 202
CUSTOM, LINKED, SERIALIZED = 555, 556, 3000
# Model.Type: number → name; those without a schema here hold parameters only
TYPES: Final = {
    200: "pipelineClassifier", 201: "pipelineRegressor", 202: "pipeline", 300: "glmRegressor",
    301: "supportVectorRegressor", 302: "treeEnsembleRegressor", 303: "neuralNetworkRegressor",
    304: "bayesianProbitRegressor", 400: "glmClassifier", 401: "supportVectorClassifier",
    402: "treeEnsembleClassifier", 403: "neuralNetworkClassifier", 404: "kNearestNeighborsClassifier",
    500: "neuralNetwork", 501: "itemSimilarityRecommender", 502: "mlProgram", 555: "customModel",
    556: "linkedModel", 560: "classConfidenceThresholding", 600: "oneHotEncoder", 601: "imputer",
    602: "featureVectorizer", 603: "dictVectorizer", 604: "scaler", 606: "categoricalMapping", 607: "normalizer",
    609: "arrayFeatureExtractor", 610: "nonMaximumSuppression", 900: "identity", 2000: "textClassifier",
    2001: "wordTagger", 2002: "visionFeaturePrint", 2003: "soundAnalysisPreprocessing", 2004: "gazetteer",
    2005: "wordEmbedding", 2006: "audioFeaturePrint", 3000: "serializedModel",
}  # fmt: skip
CLASS_NAME: Final = 10
OPERATION_TYPE: Final = 1
BLOB_FILE, BLOB_OFFSET = 1, 2
LINKED_NAME, LINKED_PATH = 1, 2


def _entry(name: str, value: Schema) -> Field:
    return stream(Schema(f"{name}Entry").known({1: text, 2: one(value)}))


_PARAMETER: Final = Schema("StringParameter").known({1: text}, opaque=(10,))
_PIPELINE_AROUND: Final = Schema("PipelineClassifier").known({1: one(PIPELINE)})
_BRANCH: Final = Schema("BranchLayerParams").known({1: one(NETWORK), 2: one(NETWORK)})
_LOOP: Final = Schema("LoopLayerParams").known({3: one(NETWORK), 4: one(NETWORK)}, opaque=(1, 2))
_VALUES: Final = Schema("TupleValue").known({1: stream(VALUE)})
_PAIR: Final = Schema("KeyValuePair").known({1: one(VALUE), 2: one(VALUE)})
_PAIRS: Final = Schema("DictionaryValue").known({1: stream(_PAIR)})
_IMMEDIATE: Final = Schema("ImmediateValue").known(
    {2: one(_VALUES), 3: one(_VALUES), 4: one(_PAIRS)}, opaque=(1,)
)
_BINDING: Final = Schema("Binding").known({1: text, 2: one(VALUE)})
_ARGUMENT: Final = Schema("Argument").known({1: stream(_BINDING)})
_LINKED: Final = Schema("LinkedModel").known({1: one(LINKED_FILE)})

MODEL.known(
    {
        **dict.fromkeys(TYPES, extent),
        SPECIFICATION_VERSION: integer,
        UPDATABLE: integer,
        PIPELINE_CLASSIFIER: one(_PIPELINE_AROUND),
        PIPELINE_REGRESSOR: one(_PIPELINE_AROUND),
        PIPELINE_MODEL: one(PIPELINE),
        **{number: one(NETWORK) for number in (303, 403, 500)},
        502: one(PROGRAM),
        CUSTOM: one(CUSTOM_MODEL),
        LINKED: one(_LINKED),
    },
    opaque=(2,),
)
PIPELINE.known({1: stream(MODEL)}, opaque=(2,))
NETWORK.known({1: stream(LAYER)}, opaque=(2, 5, 6, 10, 100, 101, 200, 2000))
LAYER.known(
    {1: text, 500: one(CUSTOM_LAYER), 605: one(_BRANCH), 615: one(_LOOP)},
    opaque=tuple(number for number in (*range(2, 11), *range(100, 1500)) if number not in {500, 605, 615}),
)
CUSTOM_LAYER.known({CLASS_NAME: text}, opaque=(20, 30, 40))
CUSTOM_MODEL.known({CLASS_NAME: text}, opaque=(30, 40))
LINKED_FILE.known({LINKED_NAME: one(_PARAMETER), LINKED_PATH: one(_PARAMETER)})
PROGRAM.known({2: _entry("Functions", FUNCTION), 4: _entry("Attributes", VALUE)}, opaque=(1, 3))
FUNCTION.known(
    {3: _entry("BlockSpecializations", BLOCK), 4: _entry("Attributes", VALUE)},
    opaque=(1, 2),
)
BLOCK.known({3: stream(OPERATION), 4: _entry("Attributes", VALUE)}, opaque=(1, 2))
OPERATION.known(
    {OPERATION_TYPE: text, 2: _entry("Inputs", _ARGUMENT), 4: many(BLOCK), 5: _entry("Attributes", VALUE)},
    opaque=(3,),
)
VALUE.known({3: one(_IMMEDIATE), 5: one(BLOB)}, opaque=(1, 2))
BLOB.known({BLOB_FILE: text, BLOB_OFFSET: integer})

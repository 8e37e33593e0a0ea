"""TensorFlow: SavedModel, frozen graphs, checkpoints, TFLite."""

from typing import Final

from weighlock.inspection.rulebook.rule import (
    CODE_EXECUTION,
    FETCH_AGAIN,
    HIGH,
    LIKELY,
    LOW,
    MEDIUM,
    REVIEW,
    SURE,
    TAMPERING,
    Rule,
)

_EXPORT: Final = "export the serving function alone, and review what the graph was made from"
_LIBRARY: Final = "export the model with TensorFlow's own operators, or review the library that brings these"

RULES: Final = (
    Rule(
        "tf-python-operator", HIGH, SURE,
        "The graph calls a Python function of the process that runs it.",
        REVIEW, ("CWE-470",),
        "py_function and numpy_function leave an operator with a token; the process looks the function up by that "
        "token and calls it with tensors of the graph. A serving process has none, unless code that comes with the "
        "model registers it, so the model either does not run or runs with code that was not examined.",
        CODE_EXECUTION,
    ),
    Rule(
        "tf-file-operator", HIGH, SURE,
        "The graph reads or writes files of the machine when it runs.",
        _EXPORT, ("CWE-73",),
        "A graph is a program: operators such as ReadFile and WriteFile take any path, from a constant or from a "
        "request, and run with the rights of the server; a file of start-up code is as easily written as a log. "
        "Operators that save and restore are ordinary in a SavedModel: they are not reported where only the saver "
        "reaches them (what its SaverDef names and nothing that signatures, initialisation or objects reach) and no "
        "constant path leads elsewhere. Tables that are filled from a text file are not reported in a model with "
        "assets. PrintV2 is reported if its stream is a file.",
        CODE_EXECUTION,
    ),
    Rule(
        "tf-network-operator", HIGH, SURE,
        "The graph talks to other machines when it runs.",
        _EXPORT, ("CWE-918",),
        "Operators for remote calls, data services and debugging connect to addresses in the graph and send tensors "
        "there, requests of users among them.",
        CODE_EXECUTION,
    ),
    Rule("tf-native-operator", MEDIUM, SURE, "The graph runs machine code or a compiled program that nobody here reads.", _LIBRARY, controls=CODE_EXECUTION),
    Rule("tf-process-operator", MEDIUM, SURE, "The graph can end the process that serves it.", _EXPORT, ("CWE-730",), controls=TAMPERING),
    Rule(
        "tf-custom-operator", MEDIUM, LIKELY,
        "The graph needs native code that is not part of TensorFlow.",
        _LIBRARY, (),
        "An operator that TensorFlow does not register (`tensorflow_standard.tsv`, of the release named there) works "
        "only after a library was loaded for it. Functions of the graph itself are not reported. A newer release may "
        "have operators that the table lacks.",
        CODE_EXECUTION,
    ),
    Rule("tf-extension-operator", LOW, SURE, "The graph needs a published library beside TensorFlow.", "pin that library in the release", controls=CODE_EXECUTION),
    Rule("tf-asset-path", HIGH, SURE, "An asset lies outside the model's folder.", FETCH_AGAIN, ("CWE-22",), controls=TAMPERING),
    Rule("tf-checkpoint", HIGH, SURE, "The index of a checkpoint contradicts itself or its format.", FETCH_AGAIN, controls=TAMPERING),
    Rule("tf-ambiguous", MEDIUM, SURE, "Something is said twice or in a form that no writer uses, so readers may take it differently.", FETCH_AGAIN, controls=TAMPERING),
    Rule(
        "tflite-custom-operator", MEDIUM, LIKELY,
        "The model needs native code that the application brings.",
        _LIBRARY, (),
        "An operator that is neither the interpreter's own nor TensorFlow's works only if the application registered "
        "code for its name. Operators of MediaPipe and of published engines are known (`tflite_operator.tsv`). "
        "Operators that begin with Flex are TensorFlow's and are judged as such.",
        CODE_EXECUTION,
    ),
    Rule("tflite-extension-operator", LOW, SURE, "The model needs a published library beside the interpreter.", "pin that library in the release", controls=CODE_EXECUTION),
    Rule("tflite-external-path", HIGH, SURE, "Data of the model lies outside its folder: the reader opens any file of the machine.", FETCH_AGAIN, ("CWE-22",), controls=TAMPERING),
    Rule("tflite-hidden", HIGH, SURE, "Bytes of the file belong to no part of the model: payloads hide in such gaps.", FETCH_AGAIN, controls=TAMPERING),
    Rule(
        "tflite-structure", HIGH, SURE,
        "An offset, length or index leads outside the model: interpreters that do not verify read or write foreign memory.",
        FETCH_AGAIN, ("CVE-2020-15211", "CWE-125"),
        "A model is a FlatBuffer, in which everything refers to everything by offsets, and tensors, buffers and operators "
        "by indexes. Interpreters skip the check where speed counts. Every offset and index is held against the file here.",
        TAMPERING,
    ),
    Rule("tflite-tensor", HIGH, SURE, "A tensor holds more or less data than its shape and type need.", FETCH_AGAIN, ("CWE-125",), controls=TAMPERING),
    Rule("tf-structure", HIGH, SURE, "The file breaks the protobuf encoding.", FETCH_AGAIN, controls=TAMPERING),
)  # fmt: skip

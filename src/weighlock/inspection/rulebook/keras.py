"""Keras models and HDF5 files."""

from typing import Final

from weighlock.inspection.rulebook.rule import (
    CODE_EXECUTION,
    CRITICAL,
    FETCH_AGAIN,
    HIGH,
    INFO,
    MEDIUM,
    REVIEW,
    SURE,
    TAMPERING,
    Rule,
)

_SAVE_AGAIN: Final = "save the model again with a current Keras, without that part, and compare its outputs"

RULES: Final = (
    Rule("hdf5-bomb", HIGH, SURE, "An array says that it is far larger than what is stored of it: a small file takes all of the reader's memory.", FETCH_AGAIN, ("CVE-2026-0897", "CWE-770"), "HDF5 fills what was never written and unpacks what was packed, so an array of terabytes fits into a file of a few kilobytes. Reported from 4 GiB and a thousandfold growth on.", TAMPERING),
    Rule("hdf5-external", HIGH, SURE, "The file takes arrays or groups from other files of the machine that opens it: whatever lies there becomes part of the model.", "store the arrays in the file itself", ("CWE-73", "CVE-2026-1669"), "HDF5 has three ways to name other files: external links, external storage of an array, and virtual datasets. The library opens them while it reads, with the rights of the serving process, so a weight can be /etc/passwd. A saved model needs none of them.", TAMPERING),
    Rule("hdf5-pickled-rows", HIGH, SURE, "PyTables keeps Python objects as pickles in the rows of an array, and unpickles them on reading.", "store plain arrays", ("CWE-502",), controls=CODE_EXECUTION),
    Rule("hdf5-plugin", MEDIUM, SURE, "Reading needs a filter or a kind of link that the HDF5 library loads as native code from its plug-in folder.", "write the arrays again with gzip or without a filter", (), "Filters of the library itself and the common compressors are not reported.", TAMPERING),
    Rule("hdf5-structure", HIGH, SURE, "The HDF5 structure contradicts itself or points outside the file: readers disagree about it or crash.", FETCH_AGAIN, ("CWE-125",), controls=TAMPERING),
    Rule("keras-custom", INFO, SURE, "A part is a class that the loading program has to register itself.", REVIEW, controls=CODE_EXECUTION),
    Rule("keras-external", HIGH, SURE, "A layer loads another model from a path outside this file.", "save the model with that part inside it", ("CVE-2026-1462", ), "TFSMLayer loads a TensorFlow SavedModel from the path in the configuration, and a SavedModel is a program.", CODE_EXECUTION),
    Rule("keras-function", CRITICAL, SURE, "The configuration names a function of Keras that is no part of a model: downloads, file access or loading.", FETCH_AGAIN, ("CVE-2025-8747",), "Functions of keras.utils and the like pass the test for Keras' own modules, and some fetch a file and unpack it or load it. A model names activations, losses, metrics, initializers, regularizers, constraints and operations only. Layers that Keras 2 writes for TensorFlow's own functions, such as TFOpLambda, name any of them, those that write files and call Python too.", CODE_EXECUTION),
    Rule("keras-lambda", CRITICAL, SURE, "A Lambda layer or function carries Python bytecode that runs when the model is loaded or called.", "rebuild the model without Lambda layers", ("CVE-2024-3660", "CVE-2025-9905", "CVE-2025-9906"), "The bytecode is stored as marshalled code in base64. Keras 3 refuses it in safe mode, which older versions, HDF5 files and a setting in the archive have switched off.", CODE_EXECUTION),
    Rule("keras-module", CRITICAL, SURE, "The configuration names a class or function outside Keras; Keras until 3.9 imports that module and calls what it finds.", FETCH_AGAIN, ("CVE-2025-1550",), "The keys module, class_name and registered_name decide what is looked up. Any importable module was allowed until Keras 3.9, so that subprocess.Popen or builtins.exec could stand for a layer. A class of your own needs no module if the loading program registers it.", CODE_EXECUTION),
    Rule("keras-path", HIGH, SURE, "A layer reads its vocabulary from a path or address while the model is loaded.", _SAVE_AGAIN, ("CVE-2025-12058",), "StringLookup, IntegerLookup and TextVectorization accept a file name, also of a remote file system, instead of a list. Saved models keep the vocabulary as an asset within the archive.", TAMPERING),
    Rule("keras-torch-module", CRITICAL, SURE, "A TorchModuleWrapper unpickles a PyTorch module from the configuration.", _SAVE_AGAIN, ("CVE-2025-49655",), "The configuration holds what torch.save wrote; it is loaded without restrictions in affected versions, in safe mode as well.", CODE_EXECUTION),
)  # fmt: skip

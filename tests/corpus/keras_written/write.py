"""Write the files of this folder with Keras itself (3.15 with the torch backend, h5py 3.16); weights are random.

    python tests/corpus/keras_written/write.py

They were written once: the library is too large to be installed for a test.
"""

import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"

import keras

HERE = Path(__file__).parent


def main() -> None:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Normalization(mean=0.0, variance=1.0),
            layers.Dense(3, activation="relu", kernel_regularizer="l2"),
            layers.Dense(2, activation=keras.activations.softmax),
        ]
    )
    model.compile(optimizer="sgd", loss=keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
    model.save(HERE / "model.keras")
    model.save(HERE / "model.h5")
    words = keras.Input((5,))
    half = layers.Bidirectional(layers.LSTM(2))(layers.Embedding(9, 2)(words))
    keras.Model(words, keras.ops.relu(layers.Dense(1)(half))).save(HERE / "functional.keras")
    keras.Sequential([keras.Input((4,)), layers.Lambda(lambda x: x * 2)]).save(HERE / "lambda.keras")


if __name__ == "__main__":
    main()

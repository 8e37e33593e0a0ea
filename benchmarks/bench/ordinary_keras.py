"""Keras models: .keras, .h5, weights alone, and configurations."""

from pathlib import Path

import keras
import numpy as np
from keras import layers


def models() -> dict[str, keras.Model]:
    inputs = keras.Input((8, 8, 1), name="image")
    branch = layers.Conv2D(2, 3, padding="same", activation="relu")(inputs)
    joined = layers.Concatenate()([branch, layers.SeparableConv2D(2, 3, padding="same")(inputs)])
    functional = keras.Model(inputs, layers.Dense(2, "softmax")(layers.GlobalAveragePooling2D()(joined)))
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3, "tanh")], name="inner")
    return {
        "dense": keras.Sequential(
            [keras.Input((4,)), layers.Dense(8, "relu"), layers.Dropout(0.2), layers.Dense(1)]
        ),
        "functional": functional,
        "inner": keras.Sequential([keras.Input((4,)), inner, layers.Dense(1, "sigmoid")]),
        "recurrent": keras.Sequential(
            [keras.Input((5, 3)), layers.LSTM(4, return_sequences=True), layers.GRU(2)]
        ),
        "wrapped": keras.Sequential(
            [
                keras.Input((5, 3)),
                layers.Bidirectional(layers.LSTM(2)),
                layers.RepeatVector(2),
                layers.TimeDistributed(layers.Dense(2)),
            ]
        ),
        "embedded": keras.Sequential(
            [keras.Input((6,)), layers.Embedding(20, 4), layers.GlobalMaxPooling1D()]
        ),
        "normed": keras.Sequential(
            [
                keras.Input((4,)),
                layers.Dense(
                    3, kernel_regularizer="l2", kernel_initializer="he_normal", bias_constraint="non_neg"
                ),
                layers.BatchNormalization(),
                layers.LayerNormalization(),
                layers.LeakyReLU(),
            ]
        ),
        "augmented": keras.Sequential(
            [
                keras.Input((8, 8, 3)),
                layers.Rescaling(1 / 255),
                layers.RandomFlip(),
                layers.RandomRotation(0.1),
                layers.Flatten(),
                layers.Dense(1),
            ]
        ),
        "attentive": keras.Sequential(
            [keras.Input((4, 8)), layers.Dense(8), layers.UnitNormalization(), layers.Flatten()]
        ),
        "upward": keras.Sequential(
            [
                keras.Input((4, 4, 2)),
                layers.Conv2DTranspose(2, 2),
                layers.UpSampling2D(),
                layers.ZeroPadding2D(),
            ]
        ),
    }


def make(folder: Path) -> None:
    for name, model in models().items():
        model.save(folder / f"{name}.keras")
        model.save(folder / f"{name}.h5")
        model.save_weights(folder / f"{name}.weights.h5")
        (folder / f"{name}.json").write_text(model.to_json(), encoding="utf-8")
        model.compile(
            optimizer=keras.optimizers.Adam(0.01),
            loss="mse",
            metrics=["mae", keras.metrics.RootMeanSquaredError()],
        )
        model.save(folder / f"{name}.compiled.keras")
        model.save(folder / f"{name}.compiled.h5")
    trained = models()["dense"]
    trained.compile("sgd", keras.losses.Huber())
    trained.fit(np.zeros((4, 4)), np.zeros((4, 1)), verbose=0)
    trained.save(folder / "trained.keras")
    trained.save(folder / "trained.h5")

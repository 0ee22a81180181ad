"""Trains small Keras networks and exports them by Keras' own `export(format="onnx")`.

A program, not a module: Keras lives in an environment of its own. It makes, in the folder that it
is given, pictures of two classes (`pictures/cat`, `pictures/dog`), and of each form of network a
file FORM.onnx with what Keras itself answers to the pictures, FORM.npz.
"""

import os
import sys
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"

import cv2
import keras
import numpy as np
from keras import layers

SIDE, COUNT = 24, 160


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """(N, 24, 24, 3) uint8: bright stripes across for cats, down for dogs, with much noise."""
    random = np.random.default_rng(0)
    labels = np.arange(COUNT) % 2
    images = random.integers(0, 150, (COUNT, SIDE, SIDE, 3))
    for image, label in zip(images, labels, strict=True):
        place = random.integers(0, SIDE - 6)
        image[
            (slice(place, place + 6), slice(None)) if label == 0 else np.s_[:, place : place + 6]
        ] += 100
    return images.astype(np.uint8), labels


def plain(outputs: int, activation: str | None) -> keras.Model:
    """As tutorials have it: rescaling inside, one convolution after another, a dense end."""
    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(8, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(3, 2, padding="same"),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.1),
            layers.Dense(outputs, activation=activation),
        ]
    )


def mobile() -> keras.Model:
    """Norms, depthwise convolutions, a residual sum, joined channels, a gate."""
    source = keras.Input((SIDE, SIDE, 3))
    x = layers.Rescaling(1 / 127.5, -1)(source)
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
    x = layers.Conv2D(8, 3, strides=2, use_bias=False)(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    y = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    y = layers.Activation("hard_silu")(layers.BatchNormalization()(y))
    x = layers.Add()([x, layers.Conv2D(8, 1)(y)])
    x = layers.Concatenate()([x, layers.SeparableConv2D(8, 3, padding="same")(x)])
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = layers.Multiply()([x, layers.Conv2D(16, 1, activation="sigmoid")(gate)])
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(source, layers.Dense(2, activation="softmax")(x))


def main(folder: Path) -> None:
    """Write all of it into `folder`."""
    keras.utils.set_random_seed(1)
    images, labels = pictures()
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        place = folder / "pictures" / ("cat", "dog")[label]
        place.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place / f"{number:03}.png"), image[..., ::-1])
    forms = {"softmax": plain(2, "softmax"), "sigmoid": plain(1, "sigmoid"), "mobile": mobile()}
    for name, model in forms.items():
        loss = "binary_crossentropy" if name == "sigmoid" else "sparse_categorical_crossentropy"
        model.compile(keras.optimizers.Adam(0.01), loss)
        model.fit(images.astype(np.float32), labels, epochs=8, batch_size=16, verbose=0)
        answers = model.predict(images.astype(np.float32), verbose=0)
        model.export(folder / f"{name}.onnx", format="onnx", verbose=False)
        np.savez(folder / f"{name}.npz", images=images, answers=answers)


main(Path(sys.argv[1]))

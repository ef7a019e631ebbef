"""The networks of the Keras tutorials, on Keras 3 with its torch backend: docs/how-to/keras.md."""
